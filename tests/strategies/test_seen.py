"""What was proposed, and finding something else."""

import numpy as np
import pytest

from sugata.space import DictionarySpace
from sugata.strategies.seen import Seen

SPACE = DictionarySpace({"a": [1, 2, 3], "b": ["x", "y"]})


def test_what_is_drawn_is_new_until_the_space_is_exhausted() -> None:
    seen = Seen(SPACE)
    rng = np.random.default_rng(0)
    for count in range(6):
        assert len(seen) == count
        architecture = seen.draw(rng)
        assert architecture is not None
        assert architecture not in seen
        seen.add(architecture)
    assert seen.draw(rng) is None


@pytest.mark.parametrize("added", [[0, 1], [3], [0, 2, 1, 5]])
def test_the_first_that_is_new_depends_only_on_what_was_added(added: list[int]) -> None:
    everything = list(SPACE.enumerate())
    asked, silent = Seen(SPACE), Seen(SPACE)
    for index in added:
        asked.first()
        asked.add(everything[index])
        silent.add(everything[index])
    expected = next(architecture for i, architecture in enumerate(everything) if i not in added)
    assert asked.first() == silent.first() == expected
