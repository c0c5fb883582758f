"""Weight sharing: supernets, and what learns on them."""

from sugata.oneshot.asng import Asng
from sugata.oneshot.base import (
    Feasible,
    FitContext,
    OneShot,
    Selection,
    Supernet,
    entropy,
    most_probable,
    sampled,
)
from sugata.oneshot.blocks import BlockSpace, BlockSupernet
from sugata.oneshot.budgeted import Found
from sugata.oneshot.catalogue import METHODS, method_class
from sugata.oneshot.checkpoint import WarmStart, load_supernet, save_supernet, warm_start
from sugata.oneshot.darts_cell import DartsSupernet
from sugata.oneshot.differentiable import Darts, Gdas
from sugata.oneshot.elastic import ElasticSupernet
from sugata.oneshot.elastic_mobile import ElasticMobileSupernet
from sugata.oneshot.enas import Enas
from sugata.oneshot.fitting import TrainedMethod
from sugata.oneshot.language import LanguageSupernet, LanguageSupernetEvaluator
from sugata.oneshot.mixed import MixedOperation, recalibrate
from sugata.oneshot.mobile import ProxylessSupernet
from sugata.oneshot.nasbench101 import NasBench101Supernet
from sugata.oneshot.nasbench201 import NasBench201Supernet
from sugata.oneshot.nasnet import NasNetSupernet
from sugata.oneshot.perturbation import Perturbation
from sugata.oneshot.proxyless import Proxyless
from sugata.oneshot.proxyless_reinforce import ProxylessReinforce
from sugata.oneshot.reward import Reward, batch_quality
from sugata.oneshot.sandwich import Elastic
from sugata.oneshot.scores import SupernetEvaluator
from sugata.oneshot.settings import SupernetSettings
from sugata.oneshot.single_path import SinglePath

__all__ = [
    "METHODS",
    "Asng",
    "BlockSpace",
    "BlockSupernet",
    "Darts",
    "DartsSupernet",
    "Elastic",
    "ElasticMobileSupernet",
    "ElasticSupernet",
    "Enas",
    "Feasible",
    "FitContext",
    "Found",
    "Gdas",
    "LanguageSupernet",
    "LanguageSupernetEvaluator",
    "MixedOperation",
    "NasBench101Supernet",
    "NasBench201Supernet",
    "NasNetSupernet",
    "OneShot",
    "Perturbation",
    "Proxyless",
    "ProxylessReinforce",
    "ProxylessSupernet",
    "Reward",
    "Selection",
    "SinglePath",
    "Supernet",
    "SupernetEvaluator",
    "SupernetSettings",
    "TrainedMethod",
    "WarmStart",
    "batch_quality",
    "entropy",
    "load_supernet",
    "method_class",
    "most_probable",
    "recalibrate",
    "sampled",
    "save_supernet",
    "warm_start",
]
