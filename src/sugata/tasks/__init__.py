"""Tasks: what a network is searched for, with its data, loss and metrics."""

from sugata.tasks.base import Batch, Task
from sugata.tasks.code import ACCURACY, BITS_PER_BYTE, CodeLanguageModelling

__all__ = ["ACCURACY", "BITS_PER_BYTE", "Batch", "CodeLanguageModelling", "Task"]
