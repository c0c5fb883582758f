"""Sequence-level distillation (Kim & Rush 2016, section 3.2): texts of a teacher, whatever its tokenizer.

A JSONL file has an object a line with the fields ``prompt`` and ``completion``.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from sugata.errors import DataError, SugataError
from sugata.tasks import Batch, Sampling, generate
from sugata.tasks.base import Say, silent
from sugata.tasks.evaluation import END_ID
from sugata.training.distillation.teachers import FIELD, SugataTeacher, Teacher, TransformersTeacher

IGNORED = -100  # targets that no loss counts


def read_completions(path: str | Path) -> list[tuple[str, str]]:
    """The prompts and completions of a file, which may be gzipped.

    Raises:
        DataError: the file is missing or empty, a line is no JSON object, or lacks a field.
    """
    path, found = Path(path).expanduser(), []
    number = 0
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    found.append(_row(json.loads(line), f"{FIELD}: {path} line {number}"))
    except ValueError as error:
        raise DataError(f"{FIELD}: {path} line {number} is not JSON ({error})") from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{FIELD}: {path} cannot be read ({reason}); give a JSONL file") from None
    if not found:
        raise DataError(f"{FIELD}: {path} is empty; give lines with the fields prompt and completion")
    return found


def _row(row: Any, where: str) -> tuple[str, str]:
    if not isinstance(row, dict):
        raise DataError(f"{where} is no JSON object; write one object a line")
    for name in ("prompt", "completion"):
        if not isinstance(row.get(name), str):
            wrong = "has no field" if name not in row else "has no text in field"
            raise DataError(f"{where} {wrong} {name!r}; a line needs prompt and completion")
    return row["prompt"], row["completion"]


class CompletionTokens:
    """Completions as a student's tokens, each after its prompt and before an end of text.

    Args:
        pairs: prompts and completions.
        tokenizer: the student's.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], tokenizer: Tokenizer) -> None:
        prompts, completions = (
            [one.ids for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
            for texts in zip(*pairs, strict=True)
        )
        self.prompts, self.completions = prompts, completions

    def rows(self, count: int, length: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Random ones as inputs and targets ``(count, length)``: prompts and padding are no targets.

        Of a longer prompt the end is kept, and at least half of a row for its completion.
        """
        inputs = torch.full((count, length), END_ID)
        targets = torch.full((count, length), IGNORED)
        for row, number in enumerate(rng.integers(0, len(self.prompts), count)):
            completion = [*self.completions[number], END_ID]
            room = max(0, length - 1 - min(len(completion), length // 2))
            prompt = self.prompts[number]
            prompt = prompt[max(0, len(prompt) - room) :]
            tokens = [END_ID, *prompt, *completion][: length + 1]
            inputs[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
            targets[row, len(prompt) : len(tokens) - 1] = torch.tensor(tokens[1 + len(prompt) :])
        return inputs, targets


def write_completions(
    teacher: Teacher,
    prompts: Sequence[str],
    path: str | Path,
    *,
    max_new_tokens: int = 96,
    temperature: float = 0.5,
    seed: int = 0,
    say: Say = silent,
) -> None:
    """Let a teacher continue prompts, and write a line for each.

    Kim & Rush take the best sequence of a beam search; here it is one sample at a low temperature.

    Raises:
        SugataError: the teacher has no tokenizer of its own, as a checkpoint has none.
    """
    if teacher.tokenizer is None:
        raise SugataError(f"{FIELD}: {teacher.name} has no tokenizer to write with; give an exported folder")
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        for number, prompt in enumerate(prompts):
            text = "".join(_continued(teacher, prompt, max_new_tokens, temperature, seed + number))
            file.write(json.dumps({"prompt": prompt, "completion": text}) + "\n")
            say(f"{number + 1:,} of {len(prompts):,} texts")


def _continued(teacher: Teacher, prompt: str, most: int, temperature: float, seed: int) -> Iterator[str]:
    assert teacher.tokenizer is not None
    if isinstance(teacher, SugataTeacher):
        yield from generate(
            teacher.model,
            teacher.tokenizer,
            prompt,
            max_new_tokens=most,
            temperature=temperature,
            seed=seed,
        )
        return
    assert isinstance(teacher, TransformersTeacher)
    sampling, generator = Sampling(temperature), torch.Generator().manual_seed(seed)
    config = teacher.model.config
    longest = getattr(config, "max_position_embeddings", None) or 2**31
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    tokens = teacher.tokenizer.encode(prompt).ids or [next((end for end in ends if end is not None), 0)]
    written: list[int] = []
    cache: Any = None
    given = torch.tensor([tokens])
    with torch.no_grad():
        for _ in range(min(most, longest - len(tokens))):
            found = teacher.model(given, past_key_values=cache, use_cache=True)
            logits = found.logits[:, -1, : teacher.tokenizer.get_vocab_size()]
            token = int(sampling.draw(logits, generator))
            if token in ends:
                break
            written.append(token)
            cache, given = found.past_key_values, torch.tensor([[token]])
    yield teacher.tokenizer.decode(written)


def completion_batches(
    tokens: CompletionTokens, corpus: Iterator[Batch], share: float, length: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """A task's batches with this share of their rows replaced by completions."""
    for batch in corpus:
        count = round(share * len(batch.inputs))
        inputs, targets = tokens.rows(count, length, rng)
        yield Batch(torch.cat([inputs, batch.inputs[count:]]), torch.cat([targets, batch.targets[count:]]))
