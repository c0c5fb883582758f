"""What a teacher says once, for all students: from its folder to stored logits or texts."""

from pathlib import Path

from sugata.errors import RecipeError, SugataError
from sugata.tasks import CodeLanguageModelling
from sugata.tasks.base import Say, silent
from sugata.training.distillation.stored import write_logits
from sugata.training.distillation.teachers import open_teacher
from sugata.training.distillation.texts import write_completions


def store_logits(
    teacher: str | Path,
    task: CodeLanguageModelling,
    folder: Path,
    *,
    windows: int,
    length: int,
    k: int,
    seed: int = 0,
    say: Say = silent,
) -> None:
    """Write a folder of a teacher's largest logits over a task's training text.

    Raises:
        SugataError: the folder exists, the teacher has no tokenizer, or another than the task's.
    """
    found = open_teacher(teacher)
    if folder.exists():
        raise RecipeError(f"{folder} exists already; remove it, or give another folder")
    if found.tokenizer is None:
        raise SugataError(f"{teacher} is a checkpoint, without a tokenizer; give an exported folder")
    architecture = {"vocab_size": found.tokenizer.get_vocab_size()}
    write_logits(found, task, architecture, folder, windows=windows, length=length, k=k, seed=seed, say=say)


def store_texts(
    teacher: str | Path,
    task: CodeLanguageModelling,
    file: Path,
    *,
    count: int,
    length: int,
    seed: int = 0,
    say: Say = silent,
) -> None:
    """Write a file of a teacher's continuations of headers of functions of the training text.

    Raises:
        SugataError: the name is not that of a JSONL file, or there is no such teacher, or no Python.
    """
    if file.suffix != ".jsonl":
        raise RecipeError(f"{file}: name a file that ends in .jsonl")
    found = open_teacher(teacher)
    prompts = task.function_headers(count, seed=seed, split="train")
    write_completions(found, prompts, file, max_new_tokens=length, seed=seed, say=say)
