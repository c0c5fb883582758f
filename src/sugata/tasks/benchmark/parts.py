"""Which problems may guide a search, and which judge what it found."""

from collections.abc import Sequence

from sugata.errors import DataError
from sugata.tasks.benchmark.problems import Problem

#: Parts of MBPP by task number, first and last, as its authors published them (Austin et al. 2021, section
#: 2.1, and the data set's README). HumanEval has no parts.
PARTS = {"mbpp": {"prompt": (1, 10), "test": (11, 510), "validation": (511, 600), "train": (601, 974)}}


def guides(benchmark: str, problems: Sequence[Problem], part: str) -> list[Problem]:
    """Those that a search may be guided by: of MBPP a part that is not its test part, else all.

    Raises:
        DataError: the file has none of them.
    """
    return _of(benchmark, problems, part)


def judges(benchmark: str, problems: Sequence[Problem]) -> list[Problem]:
    """Those that judge a winner: of MBPP its test part, else all.

    Raises:
        DataError: the file has none of them.
    """
    return _of(benchmark, problems, "test")


def has_parts(benchmark: str) -> bool:
    """Whether some of its problems can guide a search and others judge the winner."""
    return benchmark in PARTS


def _of(benchmark: str, problems: Sequence[Problem], part: str) -> list[Problem]:
    if benchmark not in PARTS:
        return list(problems)
    first, last = PARTS[benchmark][part]
    found = [one for one in problems if first <= int(one.name.rpartition("/")[2]) <= last]
    if not found:
        raise DataError(
            f"{benchmark}: the file has no problem of the {part} part, numbers {first} to {last}; give the"
            " whole benchmark"
        )
    return found
