"""Problems of HumanEval (Chen et al. 2021) and MBPP (Austin et al. 2021), from files or Hugging Face."""

import ast
import gzip
import json
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sugata.errors import DataError

_HUMANEVAL = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_MBPP = ("task_id", "text", "code", "test_list", "test_setup_code")
_OTHER_NAMES = {"prompt": "text", "test_imports": "test_setup_code"}  # of the sanitized MBPP


@dataclass(frozen=True)
class Problem:
    """Something to program.

    Attributes:
        prompt: what a model continues.
        before: what stands before the model's text in the program: the prompt, where that is code.
        solution: the right continuation.
        tests: run where the program cannot reach them.
        given: what the task itself defines for its tests.
        names: what the program must define.
        stops: texts that end a continuation.
    """

    name: str
    prompt: str
    before: str
    solution: str
    tests: str
    given: str
    names: tuple[str, ...]
    stops: tuple[str, ...]


def read_humaneval(source: str | Path) -> list[Problem]:
    """The problems of HumanEval.jsonl(.gz), or of a data set such as ``hf:openai/openai_humaneval``.

    A continuation ends at the stop texts of Chen et al. (2021), section 2.

    Raises:
        DataError: the file is missing, is no JSONL or lacks a field.
    """
    stops = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint")
    return [
        Problem(
            name=row["task_id"],
            prompt=row["prompt"],
            before=row["prompt"],
            solution=row["canonical_solution"],
            tests=f"{row['test']}\ncheck({row['entry_point']})\n",
            given=row["prompt"],
            names=(row["entry_point"],),
            stops=stops,
        )
        for row in _rows(source, _HUMANEVAL, "test")
    ]


def read_mbpp(source: str | Path) -> list[Problem]:
    """The problems of mbpp.jsonl, or of a Hugging Face data set such as ``hf:google-research-datasets/mbpp``.

    The prompt is the text and the three assertions, as in Austin et al. (2021), section 3.2, but without
    worked examples and as a docstring, since small models know code alone. The set-up code runs with the
    tests, after the program is loaded: problems 367 and 927 use the program's classes there.

    Raises:
        DataError: the file is missing, is no JSONL or lacks a field.
    """
    return [_mbpp_problem(row) for row in _rows(source, _MBPP, "train+test+validation+prompt")]


def _mbpp_problem(row: Mapping[str, Any]) -> Problem:
    tests = "\n".join([row["test_setup_code"], *row["test_list"], ""])
    return Problem(
        name=f"MBPP/{row['task_id']}",
        prompt='"""\n' + "\n".join([row["text"], *row["test_list"]]) + '\n"""\n',
        before="",
        solution=row["code"],
        tests=tests,
        given="",
        names=_wanted(row["code"], tests),
        stops=('\n"""', "\nassert", "\nif ", "\nprint", "\n#"),
    )


def _wanted(solution: str, tests: str) -> tuple[str, ...]:
    """Names that the tests use and the right solution defines; one of them is called ``sum``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are not errors
            used = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
            body = ast.parse(solution).body
    except SyntaxError:
        return ()  # judged as failed, with this reason
    defined = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return tuple(dict.fromkeys(name for name in defined if name in used))


def _rows(source: str | Path, fields: Sequence[str], split: str) -> Iterator[Mapping[str, Any]]:
    text = str(source)
    rows = _hugging_face(text[3:], split) if text.startswith("hf:") else _lines(Path(source))
    count = 0
    for place, row in rows:
        count += 1
        for other, name in _OTHER_NAMES.items():
            if name in fields and name not in row and other in row and other not in fields:
                value = row[other]
                row = {**row, name: "\n".join(value) if isinstance(value, list) else value}
        if missing := [field for field in fields if field not in row]:
            raise DataError(f"{place}: no field {missing[0]!r}; a line needs {', '.join(fields)}")
        for field in fields:
            kind: type = list if field == "test_list" else str
            if field == "task_id" and fields is _MBPP:
                kind = int
            if not isinstance(row[field], kind):
                found = type(row[field]).__name__
                raise DataError(f"{place}: field {field!r} is a {found}, not a {kind.__name__}")
        yield row
    if not count:
        raise DataError(f"{source}: no problems in it")


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        lines = data.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: no JSON object; give the benchmark's JSONL file")
        yield f"{path}, line {number}", row


def _hugging_face(name: str, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        from datasets import load_dataset
    except ImportError:
        raise DataError(f"hf:{name}: needs the package datasets; pip install datasets") from None
    try:
        rows = load_dataset(name, split=split)
    except Exception as error:  # the library raises nothing more specific
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"hf:{name}: cannot be loaded ({reason}); give --data FILE") from None
    for number, row in enumerate(rows, 1):
        yield f"hf:{name}, row {number}", row


READERS: Mapping[str, Callable[[str | Path], list[Problem]]] = {
    "humaneval": read_humaneval,
    "mbpp": read_mbpp,
}
_NAMES = {"humaneval": "hf:openai/openai_humaneval", "mbpp": "hf:google-research-datasets/mbpp"}


def read_problems(benchmark: str, source: str | Path | None = None) -> list[Problem]:
    """The problems of a benchmark; from Hugging Face where no file is given.

    Raises:
        DataError: an unknown benchmark, or data that cannot be read.
    """
    if benchmark not in READERS:
        raise DataError(f"benchmark {benchmark!r} is not known; one of {', '.join(READERS)}")
    return READERS[benchmark](source or _NAMES[benchmark])
