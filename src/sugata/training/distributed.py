"""Data-parallel training over the processes of an initialized `torch.distributed` group; alone it does
nothing.

Start the processes with :func:`sugata.training.ranks.run_ranks`, or with `torchrun` and a call of
`torch.distributed.init_process_group` before training. All of them draw the same batch and each takes its
share of the rows, so that the result is that of one process with the same settings, whatever the number of
processes. Batch norms are the exception, as in torch: they normalize over the share of their own process.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from sugata.errors import RecipeError
from sugata.tasks.base import Batch, Task
from sugata.training import regularization


class LossModule(nn.Module):
    """A model and its task's loss as one module: gradients are exchanged around one call of `forward`."""

    def __init__(self, model: nn.Module, task: Task, auxiliary_weight: float) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.companion = task.companion
        self.auxiliary_weight = auxiliary_weight

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        return regularization.loss(self.model, self.task, batch, self.auxiliary_weight)


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process; 0 writes checkpoints and reports."""
    return distributed.get_rank() if processes() > 1 else 0


def loss_module(model: nn.Module, task: Task, batch_size: int, auxiliary_weight: float = 0.0) -> nn.Module:
    """The module to call with a batch; its gradients are averaged over all processes.

    Raises:
        RecipeError: the processes cannot share the rows of a batch equally.
    """
    module = LossModule(model, task, auxiliary_weight)
    if processes() == 1:
        return module
    check_shares(batch_size)
    return cast(nn.Module, DistributedDataParallel(module))


def without_exchange(module: nn.Module) -> AbstractContextManager[None]:
    """While gradients are still accumulated, they need not be averaged over the processes."""
    if isinstance(module, DistributedDataParallel):
        return module.no_sync()
    return nullcontext()


def local_share(batch: Batch) -> Batch:
    """The rows of a batch that belong to this process."""
    count, mine = processes(), rank()
    return batch if count == 1 else batch.part(slice(mine, None, count))


def agree(value: Any) -> Any:
    """The first process's value, in all of them: clocks differ, but all must stop at the same step."""
    if processes() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values, src=0)
    return values[0]


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over all processes."""
    if processes() == 1:
        return value
    value = value.clone()
    distributed.all_reduce(value)
    return value / processes()


def check_shares(batch_size: int) -> None:
    """Refuse a batch whose rows the processes cannot share equally.

    Raises:
        RecipeError: they cannot.
    """
    if batch_size % processes():
        raise RecipeError(
            f"training.batch_size {batch_size} cannot be shared equally by {processes()} processes; "
            f"choose a multiple of {processes()}"
        )


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Average the gradients of those that have one, which have to be the same in all processes."""
    held = [parameter for parameter in parameters if parameter.grad is not None]
    for parameter, gradient in zip(held, averaged([one.grad for one in held]), strict=True):
        parameter.grad = gradient


def averaged(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The means of tensors over all processes; they travel as one. None has to be None in all of them."""
    held = [tensor for tensor in tensors if tensor is not None]
    if processes() == 1 or not held:
        return list(tensors)
    whole = mean(torch.cat([tensor.flatten() for tensor in held]))
    means = iter(whole.split([tensor.numel() for tensor in held]))
    return [None if tensor is None else next(means).view_as(tensor) for tensor in tensors]


def share_buffers(module: nn.Module) -> None:
    """Take over the first process's buffers, such as the running statistics of batch norms."""
    if processes() > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, src=0)
