"""The training loop: one for every network, task and budget."""

from sugata.training.checkpoint import CHECKPOINT, fits, load_weights, save_weights, spent_on_weights
from sugata.training.hardware import ONE_DEVICE, Hardware
from sugata.training.loop import AfterStep, TrainingResult, train
from sugata.training.parametrization import parameter_groups
from sugata.training.precision import BF16_PAYS_FROM, automatic_precisions
from sugata.training.schedule import rate_share, training_clock
from sugata.training.settings import DistillationSettings, TrainingSettings

__all__ = [
    "BF16_PAYS_FROM",
    "CHECKPOINT",
    "ONE_DEVICE",
    "AfterStep",
    "DistillationSettings",
    "Hardware",
    "TrainingResult",
    "TrainingSettings",
    "automatic_precisions",
    "fits",
    "load_weights",
    "parameter_groups",
    "rate_share",
    "save_weights",
    "spent_on_weights",
    "train",
    "training_clock",
]
