"""What a sampled architecture is worth: its quality on held data, and its latency against a target."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from sugata.errors import RecipeError
from sugata.measure import ESTIMATED_LATENCY, LatencyTable
from sugata.objectives import MnasNetReward
from sugata.oneshot.base import Supernet
from sugata.space import SearchSpace, Signature
from sugata.tasks import Batch, Task
from sugata.tasks.image.task import ACCURACY
from sugata.trial import Value

SOFT = -0.07  # twice the latency is worth 5 % of accuracy (Tan et al. 2019, section 3)


@dataclass(frozen=True)
class Reward:
    """``quality x (latency / target) ^ w`` (Tan et al. 2019, equation 2), or the quality alone.

    The latency is estimated from a table of this machine where the publication measures each network on a
    phone: on shared weights, rewards are asked for thousands of times.

    Attributes:
        table: of the supernet's space; None: latency does not count.
        target: milliseconds.
        exponent: the publication's w.
    """

    table: LatencyTable | None = None
    target: float = 0.0
    exponent: float = SOFT

    @classmethod
    def of(cls, supernet: Supernet, table: str, target: float, exponent: float = SOFT) -> "Reward":
        """From the options of a method, which :func:`check_latency` has checked.

        Raises:
            SugataError: the table cannot be read, or it is of another machine, space or image shape.
        """
        return cls(read_table(table, supernet.space, supernet.signature), target, exponent)

    def __call__(self, quality: float, architecture: Mapping[str, Value]) -> float:
        """Larger is better.

        Args:
            quality: not negative, larger is better, such as an accuracy.
        """
        if self.table is None:
            return quality
        latency = ESTIMATED_LATENCY.name
        reward = MnasNetReward("quality", latency, self.target, self.exponent, self.exponent)
        return reward({"quality": quality, latency: self.table.estimate(architecture)})


def read_table(table: str, space: SearchSpace, signature: Signature) -> LatencyTable | None:
    """The latency table of a space and a task; None where no file is named.

    Raises:
        SugataError: it cannot be read, or it is of another machine, runtime, space or image shape.
    """
    return LatencyTable.read(table, space, signature) if table else None


def check_latency(table: str, target: float, exponent: float = SOFT) -> None:
    """Check the options that go together.

    Raises:
        RecipeError: one of them is missing, or latency would be rewarded.
    """
    if exponent > 0:
        raise RecipeError(f"supernet.latency_exponent is {exponent:g}; give a number below 0")
    if table and not target > 0:
        raise RecipeError(
            f"supernet.latency_target is {target:g}; give milliseconds to go with latency_table"
        )
    if target and not table:
        raise RecipeError(
            f"supernet.latency_target is {target:g} and there is no supernet.latency_table; measure one:"
            " sugata latency-table"
        )


@torch.no_grad()
def batch_quality(supernet: Supernet, task: Task, batch: Batch) -> float:
    """How well the active path does on one batch, from 0 to 1.

    The accuracy where that is what the task compares by, else ``exp(-loss)``: the inverse of the perplexity
    where the loss is in nats, as ENAS rewards language models (Pham et al. 2018, section 3.1). Batch norms
    use the statistics of the batch if the supernet is training, since those of other paths do not fit.
    """
    if task.primary.name == ACCURACY.name:
        return float((supernet(batch.inputs).argmax(-1) == batch.targets).double().mean())
    return float(torch.exp(-task.loss(supernet, batch).float()))
