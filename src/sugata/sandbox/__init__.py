"""Runs generated code: isolated, limited, killed on time, and judged where it cannot reach."""

from sugata.sandbox.level import Level
from sugata.sandbox.limits import Limits
from sugata.sandbox.sandbox import Outcome, Program, Sandbox, Verdict, levels

__all__ = ["Level", "Limits", "Outcome", "Program", "Sandbox", "Verdict", "levels"]
