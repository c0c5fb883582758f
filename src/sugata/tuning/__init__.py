"""Hyper-parameter optimization around a run: any fields of any recipe, with Optuna."""

from sugata.tuning.fields import Field, fields_of
from sugata.tuning.summary import Summary
from sugata.tuning.tune import resume, tune

__all__ = ["Field", "Summary", "fields_of", "resume", "tune"]
