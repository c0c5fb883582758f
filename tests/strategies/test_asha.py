"""ASHA: who goes on when, against the paper's algorithm written down a second time."""

import random

import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies import Asha, RandomSearch
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

LOSS = Metric("loss")
LINE = DictionarySpace({"x": list(range(1000))})
LADDER = tuple(Fidelity(rung, f"rung{rung}", 3.0**rung, "steps") for rung in range(4))


def asha(eta: int = 3) -> Asha:
    return Asha(RandomSearch(LINE, Objectives((LOSS,))), LADDER, eta=eta)


def due(told: dict[int, list[Trial]], promoted: set[int], eta: int) -> tuple[int, int] | None:
    """Algorithm 2's ``get_job``: rung and number of the trial to promote, None to draw a new architecture."""
    for rung in reversed(range(len(LADDER) - 1)):
        ranked = sorted(told[rung], key=lambda trial: (trial.metrics.get("loss", 1e9), trial.number))
        for trial in ranked[: len(ranked) // eta]:
            if trial.ok and trial.number not in promoted:
                return rung, trial.number
    return None


@pytest.mark.parametrize("eta", [2, 3])
@pytest.mark.parametrize("workers", [1, 7])
def test_it_is_the_papers_algorithm(eta: int, workers: int) -> None:
    rng = random.Random(eta)
    strategy = asha(eta)
    told: dict[int, list[Trial]] = {rung: [] for rung in range(len(LADDER))}
    promoted: set[int] = set()
    pending: list[Proposal] = []
    for _ in range(400):
        if len(pending) < workers:
            expected = due(told, promoted, eta)
            proposal = strategy.ask()
            assert proposal is not None
            assert proposal.continues == (expected[1] if expected else None)
            assert proposal.fidelity.rung == (expected[0] + 1 if expected else 0)
            promoted |= {expected[1]} if expected else set()
            pending.append(proposal)
        else:
            proposal = pending.pop(rng.randrange(len(pending)))
            loss = float(proposal.architecture["x"]) + rng.gauss(0, 50) / (1 + proposal.fidelity.rung)
            failed = rng.random() < 0.1
            trial = Trial(proposal, Status.FAILED if failed else Status.COMPLETED, {"loss": loss})
            trial = Trial(proposal, Status.FAILED) if failed else trial
            strategy.tell(trial)
            told[proposal.fidelity.rung].append(trial)
    assert len(told[3]) >= 2


def test_refused_trials_do_not_count() -> None:
    strategy = asha()
    for refused in (True, True, True, True, False, False):
        proposal = strategy.ask()
        assert proposal is not None
        assert proposal.fidelity.rung == 0
        outcome = (
            Trial(proposal, Status.REFUSED) if refused else Trial(proposal, Status.COMPLETED, {"loss": 1.0})
        )
        strategy.tell(outcome)
    assert strategy.ask().fidelity.rung == 0  # two of three that count are told


def test_it_is_finished_when_the_space_is_and_nothing_is_due() -> None:
    strategy = Asha(RandomSearch(DictionarySpace({"x": [1, 2, 3, 4]}), Objectives((LOSS,))), LADDER)
    rungs = []
    while (proposal := strategy.ask()) is not None:
        rungs.append(proposal.fidelity.rung)
        strategy.tell(Trial(proposal, Status.COMPLETED, {"loss": float(proposal.architecture["x"])}))
    assert sorted(rungs) in ([0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1])  # an earlier best may have gone on


@pytest.mark.parametrize(
    ("eta", "by", "said"), [(1, "pareto", "promotion.eta is 1"), (3, "x", "promote_by is")]
)
def test_what_cannot_be_is_refused_in_one_line(eta: int, by: str, said: str) -> None:
    with pytest.raises(RecipeError, match=f"^{said}"):
        Asha(RandomSearch(LINE, Objectives((LOSS,))), LADDER, eta=eta, by=by)
