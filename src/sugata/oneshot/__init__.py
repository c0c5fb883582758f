"""Weight sharing: supernets, and what learns on them."""

from sugata.oneshot.base import Feasible, OneShot, Selection, Supernet, entropy, most_probable
from sugata.oneshot.darts_cell import DartsSupernet
from sugata.oneshot.differentiable import Darts, Gdas
from sugata.oneshot.mixed import MixedOperation, recalibrate
from sugata.oneshot.mobile import ProxylessSupernet
from sugata.oneshot.nasbench201 import NasBench201Supernet
from sugata.oneshot.settings import SupernetSettings
from sugata.oneshot.single_path import SinglePath, SupernetEvaluator

__all__ = [
    "Darts",
    "DartsSupernet",
    "Feasible",
    "Gdas",
    "MixedOperation",
    "NasBench201Supernet",
    "OneShot",
    "ProxylessSupernet",
    "Selection",
    "SinglePath",
    "Supernet",
    "SupernetEvaluator",
    "SupernetSettings",
    "entropy",
    "most_probable",
    "recalibrate",
]
