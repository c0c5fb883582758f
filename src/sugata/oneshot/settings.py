"""How a supernet is trained, as one frozen value."""

from dataclasses import dataclass
from typing import Literal

from sugata.errors import RecipeError


@dataclass(frozen=True)
class SupernetSettings:
    """Steps, batches and optimizers of a method on shared weights; the defaults are those of DARTS.

    Attributes:
        steps: updates of the weights.
        batch_size: images of a batch.
        learning_rate: of the weights, by SGD with momentum; falls to zero along half a cosine.
        momentum: of the weights.
        weight_decay: of the weights.
        clip: largest norm of the weights' gradient; 0: no clipping.
        checks: how often progress is reported and the state is kept, evenly spaced.
        precision: of the products: fp32, bf16, or auto, the faster one of both on this machine.
    """

    steps: int = 2000
    batch_size: int = 64
    learning_rate: float = 0.025
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    checks: int = 20
    precision: Literal["auto", "fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "learning_rate", "checks"):
            if not getattr(self, name) > 0:
                raise RecipeError(f"supernet.{name} is {getattr(self, name)}; it must be greater than 0")
        for name in ("momentum", "weight_decay", "clip"):
            if not getattr(self, name) >= 0:
                raise RecipeError(f"supernet.{name} is {getattr(self, name)}; it must be at least 0")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise RecipeError(f"supernet.precision is {self.precision!r}; choose auto, fp32 or bf16")
