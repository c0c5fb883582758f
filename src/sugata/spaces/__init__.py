"""The catalogue of search spaces, a folder a family, and known architectures in them."""

from sugata.spaces.baselines import Baseline, baseline, baselines
from sugata.spaces.catalogue import imported, names, space
from sugata.spaces.describe import explain, find, network, signature_of, string, summary

__all__ = [
    "Baseline",
    "baseline",
    "baselines",
    "explain",
    "find",
    "imported",
    "names",
    "network",
    "signature_of",
    "space",
    "string",
    "summary",
]
