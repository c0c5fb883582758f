"""Known cells of the cell spaces."""

from sugata.spaces.baselines import Baseline

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
