"""What a teacher says once, for all students: from its folder to stored logits or texts."""

from pathlib import Path

from sugata.errors import RecipeError, SugataError
from sugata.tasks import CodeLanguageModelling, TokenizedCode
from sugata.tasks.base import Say, silent
from sugata.training.distillation.stored import write_logits
from sugata.training.distillation.teachers import open_teacher
from sugata.training.distillation.texts import write_completions


def store_logits(
    teacher: str | Path,
    data: str,
    folder: Path,
    *,
    max_bytes: int,
    windows: int,
    length: int,
    k: int,
    seed: int = 0,
    say: Say = silent,
) -> None:
    """Write a folder of a teacher's largest logits over a text, in the teacher's tokens.

    Args:
        teacher: an exported folder, or a local transformers folder with a tokenizer of ours.
        data: the text, as for `CodeLanguageModelling`.

    Raises:
        SugataError: the folder exists, or the teacher has no tokenizer, or none of ours.
    """
    if folder.exists():
        raise RecipeError(f"{folder} exists already; remove it, or give another folder")
    found = open_teacher(teacher)
    if found.tokenizer is None:
        raise SugataError(f"{teacher} is a checkpoint, without a tokenizer; give an exported folder")
    task = TokenizedCode(Path(teacher) / "tokenizer.json", data, max_bytes=max_bytes)
    task.prepare(say=say)
    write_logits(
        found, task, task.architecture, folder, windows=windows, length=length, k=k, seed=seed, say=say
    )


def store_texts(
    teacher: str | Path,
    data: str,
    file: Path,
    *,
    max_bytes: int,
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
    task = CodeLanguageModelling(data, max_bytes=max_bytes)
    prompts = task.function_headers(count, seed=seed, split="train")
    write_completions(found, prompts, file, max_new_tokens=length, seed=seed, say=say)
