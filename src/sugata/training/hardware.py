"""What trains one network: a device, or several processes together."""

from dataclasses import dataclass
from typing import Any, Literal

import torch

from sugata.errors import RecipeError
from sugata.training.loop import TrainingResult, train

Accelerator = Literal["auto", "cpu", "cuda", "mps"]
DeviceStrategy = Literal["single", "ddp", "ddp_spawn"]


@dataclass(frozen=True)
class Hardware:
    """Where a training runs.

    Attributes:
        accelerator: ``auto`` is a GPU where this process has one.
        devices: processes that train one network together.
        strategy: how they are started.
    """

    accelerator: Accelerator = "auto"
    devices: int = 1
    strategy: DeviceStrategy = "single"

    @property
    def device(self) -> torch.device:
        """Where a network lies.

        Raises:
            RecipeError: the machine has no such accelerator.
        """
        if self.accelerator == "cpu":
            return torch.device("cpu")
        if torch.cuda.is_available():
            return torch.device("cuda")
        if self.accelerator == "mps" and torch.backends.mps.is_available():
            return torch.device("mps")
        if self.accelerator == "auto":
            return torch.device("cpu")
        raise RecipeError(
            f"hardware.accelerator is {self.accelerator}; this machine has none, use cpu or auto"
        )

    def train(self, *arguments: Any, **more: Any) -> TrainingResult:
        """Train as :func:`sugata.training.train` does, in as many processes as there are devices."""
        if self.devices == 1 or self.strategy == "single":
            return train(*arguments, **more)
        from sugata.training.together import train_together

        return train_together(*arguments, devices=self.devices, strategy=self.strategy, **more)


#: The default.
ONE_DEVICE = Hardware()
