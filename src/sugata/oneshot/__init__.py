"""Weight sharing: supernets, and what learns on them."""

from sugata.oneshot.base import Feasible, OneShot, Selection, Supernet, entropy, most_probable
from sugata.oneshot.budgeted import Found
from sugata.oneshot.checkpoint import WarmStart, load_supernet, save_supernet, warm_start
from sugata.oneshot.darts_cell import DartsSupernet
from sugata.oneshot.differentiable import Darts, Gdas
from sugata.oneshot.elastic import ElasticSupernet
from sugata.oneshot.elastic_mobile import ElasticMobileSupernet
from sugata.oneshot.language import LanguageSupernet, LanguageSupernetEvaluator
from sugata.oneshot.mixed import MixedOperation, recalibrate
from sugata.oneshot.mobile import ProxylessSupernet
from sugata.oneshot.nasbench201 import NasBench201Supernet
from sugata.oneshot.perturbation import Perturbation
from sugata.oneshot.sandwich import Elastic
from sugata.oneshot.settings import SupernetSettings
from sugata.oneshot.single_path import SinglePath, SupernetEvaluator

__all__ = [
    "Darts",
    "DartsSupernet",
    "Elastic",
    "ElasticMobileSupernet",
    "ElasticSupernet",
    "Feasible",
    "Found",
    "Gdas",
    "LanguageSupernet",
    "LanguageSupernetEvaluator",
    "MixedOperation",
    "NasBench201Supernet",
    "OneShot",
    "Perturbation",
    "ProxylessSupernet",
    "Selection",
    "SinglePath",
    "Supernet",
    "SupernetEvaluator",
    "SupernetSettings",
    "WarmStart",
    "entropy",
    "load_supernet",
    "most_probable",
    "recalibrate",
    "save_supernet",
    "warm_start",
]
