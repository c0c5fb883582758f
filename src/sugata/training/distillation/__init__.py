"""Distillation: a student learns from a network, from its stored logits, or from its texts."""

from sugata.training.distillation.again import keep_zeros, taught
from sugata.training.distillation.losses import (
    attention_weights,
    hidden_states,
    soft_targets,
    stored_soft_targets,
)
from sugata.training.distillation.stored import StoredLogits, write_logits
from sugata.training.distillation.task import Distilled, check_teacher, distilled
from sugata.training.distillation.teachers import Teacher, open_teacher
from sugata.training.distillation.texts import read_completions, write_completions
from sugata.training.settings import DistillationSettings

__all__ = [
    "DistillationSettings",
    "Distilled",
    "StoredLogits",
    "Teacher",
    "attention_weights",
    "check_teacher",
    "distilled",
    "hidden_states",
    "keep_zeros",
    "open_teacher",
    "read_completions",
    "soft_targets",
    "stored_soft_targets",
    "taught",
    "write_completions",
    "write_logits",
]
