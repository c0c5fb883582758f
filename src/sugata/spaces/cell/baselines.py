"""Known cells of the cell spaces."""

from collections.abc import Mapping

from sugata.spaces.baselines import Baseline
from sugata.spaces.cell.darts import DartsSpace
from sugata.spaces.cell.nasbench101_graph import MOST_VERTICES, OPERATIONS, PAIRS
from sugata.spaces.cell.nasnet import NasNetFullSpace
from sugata.spaces.cell.published import PUBLISHED
from sugata.trial import Value

_EDGES = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
_ALL_CONV = dict.fromkeys(_EDGES, "nor_conv_3x3")
_RESNET = {
    "0->1": "nor_conv_3x3",
    "0->2": "none",
    "1->2": "nor_conv_3x3",
    "0->3": "skip_connect",
    "1->3": "none",
    "2->3": "skip_connect",
}

NASBENCH201 = (
    Baseline(
        "nasbench201_resnet",
        "cell/nasbench201",
        _RESNET,
        "two 3x3 convolutions and a skip: ResNet's basic block as a cell",
    ),
    Baseline("nasbench201_conv3x3", "cell/nasbench201", _ALL_CONV, "3x3 convolutions on all six edges"),
    Baseline(
        "nasbench201_skip",
        "cell/nasbench201",
        dict.fromkeys(_EDGES, "skip_connect"),
        "skips alone: where DARTS ends on this space as published, the cell to beat",
    ),
)


def _nasbench101(edges: str, *operations: int) -> Mapping[str, Value]:
    """All choices: edges such as ``0->1 1->6``, positions in OPERATIONS of the first interior vertices."""
    values: dict[str, Value] = {f"{a}->{b}": int(f"{a}->{b}" in edges.split()) for a, b in PAIRS}
    for vertex in range(1, MOST_VERTICES - 1):
        used = vertex <= len(operations)
        values[f"vertex_{vertex}"] = OPERATIONS[operations[vertex - 1] if used else 0]
    return values


NASBENCH101 = (
    Baseline(
        "nasbench101_resnet",
        "cell/nasbench101",
        _nasbench101("0->1 1->2 2->6 0->6", 0, 0),
        "two 3x3 convolutions and a skip: ResNet's basic block as a cell",
    ),
    Baseline(
        "nasbench101_inception",
        "cell/nasbench101",
        _nasbench101("0->1 0->2 2->3 0->4 4->5 1->6 3->6 5->6", 1, 1, 0, 2, 1),
        "1x1, 3x3 and pooling branches side by side, as in Inception",
    ),
)

_DARTS = ("darts_v1", "darts_v2", "pc_darts", "pc_darts_imagenet")
_NASNET = ("nasnet_a", "amoebanet_a")

#: Published genotypes that lie in a space of the catalogue.
GENOTYPES = tuple(
    Baseline(name, space.name, space.from_genotype(PUBLISHED[name].genotype), PUBLISHED[name].description)
    for space, names in ((DartsSpace(), _DARTS), (NasNetFullSpace(), _NASNET))
    for name in names
)
