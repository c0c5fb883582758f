"""A run over spaces from small to large: the recipe, the journal, and going on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import sugata
from sugata import recipe as recipes
from sugata.errors import SugataError
from sugata.run import Result, assemble, report
from sugata.strategies import Funnel, Hyperband, Progressive

SPACES = [{"depth": [1, 5]}, {"depth": list(range(1, 8)), "width": list(range(1, 8))}]


def product(architecture: dict[str, Any]) -> float:
    return float(architecture["depth"] * architecture["width"])


def search(folder: Path, **given: Any) -> Result:
    options = {"space": SPACES, "evaluate": product, "maximize": "score", "trials": 20, "workers": 0}
    return sugata.search(**{**options, "run_dir": folder, "quiet": True, **given})


def recipe(**fields: Any) -> recipes.Recipe:
    return recipes.parse(
        {
            "task": None,
            "evaluate": "math:sqrt",
            "space": SPACES,
            "strategy": {"kind": "random"},
            "objectives": {"metrics": ["quality"]},
            "budget": {"trials": 30},
            **fields,
        }
    )


@pytest.mark.slow
def test_killed_anywhere_and_resumed_the_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    given = {"strategy": {"kind": "evolution", "population": 6, "tournament": 2}}
    whole = search(tmp_path / "whole", **given)
    origins = [trial.proposal.origin for trial in whole.record.trials]
    assert [origin.endswith(" in space 1 of 2") for origin in origins] == [True] * 10 + [False] * 10
    assert all(trial.architecture["depth"] in (1, 5) for trial in whole.record.trials[:10])
    lines = (whole.folder / "journal.jsonl").read_text().splitlines(keepends=True)
    events = [i for i, line in enumerate(lines) if json.loads(line)["event"] in ("ask", "tell")]
    for cut in (events[3], events[19], events[20], events[21], events[31]):
        folder = Path(shutil.copytree(whole.folder, tmp_path / f"cut{cut}"))
        (folder / "journal.jsonl").write_text("".join(lines[:cut]))
        again = search(folder, **given)
        assert [trial.proposal for trial in again.record.trials] == [t.proposal for t in whole.record.trials]


def test_journal_and_report_have_one_space_and_say_what_came_first(tmp_path: Path) -> None:
    result = search(tmp_path / "run", strategy="random")
    assert result.record.header["choices"] == {name: list(x) for name, x in SPACES[1].items()}
    page = report(result.folder).read_text()
    assert "Its first 10 proposals came from parts of this space" in page


def test_the_share_is_of_what_will_be_new_on_the_lowest_rung() -> None:
    rungs = [{"name": f"rung{i}", "amount": 3**i, "unit": "steps"} for i in range(2)]
    plain = assemble(recipe()).strategy()
    assert isinstance(plain, Progressive)
    assert plain.trials == (15,)
    capacity = [{**rungs[0], "capacity": 12}, {**rungs[1], "capacity": 3}]
    funnel = assemble(recipe(funnel=capacity, budget={"seconds": 60})).strategy()
    assert isinstance(funnel, Funnel)
    assert isinstance(funnel.inner, Progressive)
    assert funnel.inner.trials == (6,)
    keeping = assemble(recipe(funnel=[{**rungs[0], "keep": 0.5}, rungs[1]])).strategy()
    assert isinstance(keeping, Funnel)
    assert isinstance(keeping.inner, Progressive)
    assert keeping.inner.trials == (10,)  # of 30 trials 20 are new
    hyperband = assemble(recipe(funnel=rungs, promotion={"kind": "hyperband"})).strategy()
    assert isinstance(hyperband, Hyperband)
    # a cycle is 3 on the lowest rung, 1 of which goes on, and 2 on the upper: half of 30 x 3/6 and 30 x 2/6
    assert [inner.trials for inner in hyperband.inners if isinstance(inner, Progressive)] == [(8,), (5,)]


def test_spaces_by_name_and_with_fewer_options_go_together() -> None:
    strategy = assemble(
        recipe(space=["minimal", {"architecture": ["transformer", "mamba"]}, "full"], funnel=[])
    ).strategy()
    assert isinstance(strategy, Progressive)
    assert [space.name for space in strategy.spaces] == ["language/minimal", "language/full", "language/full"]
    assert [len(space.choices[0].options) for space in strategy.spaces] == [1, 2, 6]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"space": []}, "space is an empty list"),
        (
            {"space": ["minimal", "full"], "choices": {"hidden_dim": [64]}},
            "choices narrow one space, not a list",
        ),
        ({"space": ["full", "minimal"]}, "field 'space.0': language/full is not part of the next"),
        ({"space": ["minimal", "fulll"]}, "did you mean"),
        ({"space": [{"dept": [1]}, SPACES[1]]}, "unknown choice 'dept' in space dictionary"),
        ({"space": [{"depth": [9]}, SPACES[1]]}, "depth=9 is not an option"),
        (
            {"budget": {"seconds": 10}},
            "a list shares out budget.trials or the lowest rung's capacity; give one",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SugataError) as raised:
        assemble(recipe(**fields)).strategy()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
