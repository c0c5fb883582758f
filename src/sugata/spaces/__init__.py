"""The catalogue of search spaces, a folder a family, and known architectures in them."""

from sugata.spaces.baselines import Baseline, baseline, baselines
from sugata.spaces.catalogue import names, space

__all__ = ["Baseline", "baseline", "baselines", "names", "space"]
