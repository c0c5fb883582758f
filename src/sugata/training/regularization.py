"""What networks of cells are published with besides their loss: an auxiliary classifier and drop path.

Liu et al. 2019 (DARTS, A.2.1) add 0.4 times the loss of a second classifier, and leave operations out with a
probability that grows linearly over the training, as in their code, to 0.2 at its end.
"""

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import RecipeError
from sugata.tasks.base import Batch, Task

_PURPOSE = 1  # tells these draws from those of the data, which start at the same seed
_NOISE = 2  # and those of dropouts from both


class _Given(nn.Module):
    """A network whose outputs are known already."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs for the inputs that they were computed from."""
        return self.outputs


def loss(model: nn.Module, task: Task, batch: Batch, auxiliary_weight: float) -> Tensor:
    """The task's loss, a scalar; with a share of that of the auxiliary classifier where there is one."""
    if getattr(model, "auxiliary", None) is None or not auxiliary_weight:
        return task.loss(model, batch)
    outputs, auxiliary = model.forward_with_auxiliary(batch.inputs)  # type: ignore[operator]
    main = task.loss(_Given(outputs), batch)
    return main + auxiliary_weight * task.loss(_Given(auxiliary), batch)


def check_drop_path(model: nn.Module, probability: float) -> None:
    """Refuse a drop path that the model cannot follow.

    Raises:
        RecipeError: the model has no paths to drop.
    """
    if probability and not hasattr(model, "drop_path"):
        raise RecipeError(f"training.drop_path: {type(model).__name__} has no paths to drop; set it to 0")


def set_drop_path(model: nn.Module, probability: float, seed: int, step: int) -> None:
    """Set the probability for one step, whose draws depend on the seed and its number alone."""
    drop_path = model.drop_path
    drop_path.probability = probability  # type: ignore[union-attr]
    drop_path.generator = _generator(model, seed, step, _PURPOSE)  # type: ignore[union-attr]


def end_drop_path(model: nn.Module) -> None:
    """Leave the model as it was: nothing dropped, and no generator that could not be copied."""
    model.drop_path.probability = 0.0  # type: ignore[union-attr]
    model.drop_path.generator = None  # type: ignore[union-attr]


def set_noise(model: nn.Module, seed: int, step: int) -> None:
    """Let a network's dropouts, where it has any, draw what depends on the seed and the step alone."""
    if hasattr(model, "draw_from"):
        model.draw_from(_generator(model, seed, step, _NOISE))  # type: ignore[operator]


def end_noise(model: nn.Module) -> None:
    """Leave the model without a generator, which could not be copied."""
    if hasattr(model, "draw_from"):
        model.draw_from(None)  # type: ignore[operator]


def _generator(model: nn.Module, seed: int, step: int, purpose: int) -> torch.Generator:
    (drawn,) = np.random.SeedSequence((seed, step, purpose)).generate_state(1, np.uint64)
    return torch.Generator(next(model.parameters()).device).manual_seed(int(drawn) >> 1)
