"""Tasks: what a network is searched for, with its data, loss and metrics."""

from sugata.tasks.base import Batch, Task
from sugata.tasks.code import ACCURACY, BITS_PER_BYTE, CodeLanguageModelling
from sugata.tasks.code_search import CodeSearch
from sugata.tasks.corpus import END_OF_TEXT, load_tokenizer
from sugata.tasks.generation import PARSE_RATE, Sampling, generate, parse_rate
from sugata.tasks.image import ImageTask
from sugata.tasks.prepared import PreparedTask
from sugata.tasks.tokenized import TokenizedCode

__all__ = [
    "ACCURACY",
    "BITS_PER_BYTE",
    "END_OF_TEXT",
    "PARSE_RATE",
    "Batch",
    "CodeLanguageModelling",
    "CodeSearch",
    "ImageTask",
    "PreparedTask",
    "Sampling",
    "Task",
    "TokenizedCode",
    "generate",
    "load_tokenizer",
    "parse_rate",
]
