"""The supernet of the DARTS space: what is derived from it, and what an architecture activates."""

import itertools

import numpy as np
import pytest
import torch

from sugata.errors import InvalidArchitecture, LimitError
from sugata.oneshot import DartsSupernet, most_probable
from sugata.oneshot.darts_cell import EDGES, KINDS
from sugata.space import image_signature
from sugata.spaces.cell import PUBLISHED, DartsSpace
from sugata.spaces.cell.darts import DARTS_OPERATIONS

SIGNATURE = image_signature(3, 8, 8, 4)


@pytest.fixture(scope="module")
def supernet() -> DartsSupernet:
    return DartsSupernet(DartsSpace(channels=4, cells=3), SIGNATURE)


def probabilities(supernet: DartsSupernet, seed: int = 0) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return {name: torch.from_numpy(rng.dirichlet(np.ones(8))) for name in supernet.decisions}


def strongest(given: dict[str, torch.Tensor], kind: str, node: int) -> dict[int, str]:
    """The published loop: the two edges with the best operation that is not zero, and that operation."""
    best = {
        source: max(
            DARTS_OPERATIONS[1:],
            key=lambda o, s=source: given[f"{kind}:{s}->{node}"][DARTS_OPERATIONS.index(o)],
        )
        for source in range(node)
    }
    kept = sorted(
        best,
        key=lambda source: -float(given[f"{kind}:{source}->{node}"][DARTS_OPERATIONS.index(best[source])]),
    )
    return {source: best[source] for source in sorted(kept[:2])}


@pytest.mark.parametrize("seed", range(5))
def test_the_first_that_is_derived_is_the_published_genotype(supernet: DartsSupernet, seed: int) -> None:
    given = probabilities(supernet, seed)
    path = supernet.path(most_probable(supernet, given, 1)[0])
    for kind, node in itertools.product(KINDS, (2, 3, 4, 5)):
        kept = {s: path[f"{kind}:{s}->{node}"] for s in range(node) if path[f"{kind}:{s}->{node}"] != "none"}
        assert kept == strongest(given, kind, node)


def test_zeros_are_not_derived_however_probable_they_are(supernet: DartsSupernet) -> None:
    given = {name: torch.tensor([0.93, *[0.01] * 7]) for name in supernet.decisions}
    assert "none" not in most_probable(supernet, given, 1)[0].values()


def test_derivation_walks_down_until_the_limits_are_met(supernet: DartsSupernet, monkeypatch) -> None:
    given = probabilities(supernet)
    free = most_probable(supernet, given, 1)[0]
    pools = sum("pool" in str(value) for value in free.values())
    assert pools > 2

    def feasible(architecture) -> str | None:
        return "too many pools" if sum("pool" in str(v) for v in architecture.values()) > pools - 2 else None

    limited = most_probable(supernet, given, 3, feasible)
    assert feasible(free) is not None
    assert [feasible(one) for one in limited] == [None] * 3
    assert len({supernet.space.training_key(one) for one in limited}) == 3
    monkeypatch.setattr("sugata.oneshot.base._MOST_TRIED", 100)
    with pytest.raises(LimitError, match="nothing is allowed"):
        most_probable(supernet, given, 1, lambda architecture: "nothing is allowed")


def test_an_architecture_and_its_path_are_the_same(supernet: DartsSupernet) -> None:
    for seed in range(20):
        architecture = supernet.space.sample(np.random.default_rng(seed))
        path = supernet.path(architecture)
        assert sum(operation != "none" for operation in path.values()) <= 16
        back = supernet.architecture(path)
        assert supernet.path(back) == path
        assert supernet.space.training_key(back) == supernet.space.training_key(architecture)


def test_the_published_cell_activates_its_sixteen_edges(supernet: DartsSupernet) -> None:
    architecture = supernet.space.from_genotype(PUBLISHED["darts_v2"].genotype)  # type: ignore[attr-defined]
    path = supernet.path(architecture)
    assert len(path) == 2 * len(EDGES) == 28
    assert sum(operation != "none" for operation in path.values()) == 16
    assert path["normal:0->2"] == "sep_conv_3x3"


def test_a_path_with_three_edges_into_a_node_is_no_architecture(supernet: DartsSupernet) -> None:
    path = dict.fromkeys(supernet.decisions, "skip_connect")
    with pytest.raises(InvalidArchitecture, match="node 3 of the normal cell keeps 3 edges"):
        supernet.architecture(path)
