"""Prepared data: raw arrays, frames, texts and images of any kind as arrays on disk, and the task on them."""

from sugata.tasks.prepared.adapters import Adapter, Adapters, InputAdapter, TargetAdapter
from sugata.tasks.prepared.array_input import ArrayAdapter
from sugata.tasks.prepared.class_target import ClassAdapter
from sugata.tasks.prepared.folder import PreparedData, prepare, write_prepared
from sugata.tasks.prepared.image_input import ImageAdapter
from sugata.tasks.prepared.labels_target import LabelsAdapter
from sugata.tasks.prepared.splits import Rows, hold_out
from sugata.tasks.prepared.table_input import TableAdapter
from sugata.tasks.prepared.task import PreparedTask
from sugata.tasks.prepared.text_input import TextAdapter, TokenAdapter, fit_text
from sugata.tasks.prepared.value_target import ValueAdapter

__all__ = [
    "Adapter",
    "Adapters",
    "ArrayAdapter",
    "ClassAdapter",
    "ImageAdapter",
    "InputAdapter",
    "LabelsAdapter",
    "PreparedData",
    "PreparedTask",
    "Rows",
    "TableAdapter",
    "TargetAdapter",
    "TextAdapter",
    "TokenAdapter",
    "ValueAdapter",
    "fit_text",
    "hold_out",
    "prepare",
    "write_prepared",
]
