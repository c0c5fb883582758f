"""What `sugata tune` varies of a recipe, and how it looks for the best."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from sugata.errors import RecipeError
from sugata.recipe_tasks import Seconds, Section

Sampler = Literal["tpe", "random", "grid", "qmc", "nelder_mead", "cmaes", "gp"]
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)  # YAML takes 1e-4 for a text
_FORM = re.compile(r"(log|linear|int|logint)\((.*)\)")
_FORMS = "log(1e-4, 0.1), linear(0, 1), int(1, 8), logint(1, 64) or [a, b]"


class RangeSection(Section):
    """What one field may be: a range from ``low`` to ``high``, or one of ``options``."""

    low: float | None = Field(None, description="the least value")
    high: float | None = Field(None, description="the greatest value")
    log: bool = Field(False, description="evenly in the logarithm")
    integer: bool = Field(False, description="whole numbers only")
    step: float | None = Field(None, gt=0, description="only low, low + step, and so on; null: all")
    points: int = Field(5, ge=2, description="sampler grid: so many values of a range without step")
    options: tuple[Any, ...] | None = Field(None, description="categories, in place of a range")
    when: dict[str, Any] | None = Field(
        None,
        description="only where other varied fields have these values, such as {training.optimizer: sgd}",
    )

    @field_validator("options", mode="before")
    @classmethod
    def _plain_options(cls, given: Any) -> Any:
        return [_plain(one) for one in given] if isinstance(given, list | tuple) else given

    @field_validator("when", mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        several = {field: one if isinstance(one, list | tuple) else [one] for field, one in given.items()}
        return {field: [_plain(one) for one in values] for field, values in several.items()}

    @model_validator(mode="after")
    def _possible(self) -> "RangeSection":
        if (problem := self._problem()) is not None:
            raise ValueError(problem)
        return self

    def _problem(self) -> str | None:
        if self.options is not None:
            return self._problem_of_options(self.options)
        if self.low is None or self.high is None:
            return "give low and high, or options"
        if not math.isfinite(self.low) or not math.isfinite(self.high):
            return f"low {self.low:g} and high {self.high:g} must be finite"
        if self.low > self.high:
            return f"low {self.low:g} is above high {self.high:g}; exchange them"
        if self.log and self.low <= 0:
            return f"log needs low above 0, it is {self.low:g}; give such as 1e-4, or leave log out"
        if self.log and self.step is not None:
            return "log and step exclude each other; leave one out"
        numbers = (self.low, self.high, *([self.step] if self.step is not None else []))
        if self.integer and any(number % 1 for number in numbers):
            return f"integer needs whole numbers, not {', '.join(f'{number:g}' for number in numbers)}"
        return None

    def _problem_of_options(self, options: tuple[Any, ...]) -> str | None:
        if self.low is not None or self.high is not None:
            return "give low and high, or options, not both"
        if self.log or self.integer or self.step is not None:
            return "log, integer and step are of a range with low and high; leave them out"
        if not options:
            return "options is empty; give at least one"
        shown = [repr(option) for option in options]
        return None if len(set(shown)) == len(shown) else f"options {', '.join(shown)} name one twice"


class TuneSection(Section):
    """How `sugata tune` looks for the best settings; all other commands pass over it."""

    vary: dict[str, RangeSection] = Field(
        {},
        description="fields and ranges, such as {training.learning_rate: {low: 1e-3, high: 1, log: true}}",
    )
    metric: str | None = Field(
        None,
        description="what ranks the runs, of their winners, on validation data; null: the first objective",
    )
    sampler: Sampler = Field("tpe", description="tpe, random, grid, qmc, nelder_mead, cmaes or gp")
    trials: int = Field(20, ge=1, description="number of runs")
    seconds: Seconds | None = Field(None, description="wall clock of it all, such as 2h; null: no limit")
    timeout: Seconds | None = Field(None, description="a run that takes longer is killed, and has failed")
    parallel: int = Field(1, ge=1, description="runs at the same time")
    seed: int = Field(0, ge=0, description="of the sampler; the runs have the recipe's own")


def written_range(text: str) -> tuple[str, dict[str, Any]]:
    """A field and its range from a text such as ``training.learning_rate=log(1e-4, 0.1)``.

    After the range there may be a condition: ``... when training.optimizer=sgd`` or ``=[sgd, adamw]``.

    Raises:
        RecipeError: it is not written so.
    """
    field, equals, rest = text.partition("=")
    shape, _, condition = rest.partition(" when ")
    try:
        found = _shape(shape.strip())
        if condition:
            other, sign, value = condition.partition("=")
            found["when"] = {other.strip(): yaml.safe_load(value)}
            equals = equals and sign
    except (ValueError, yaml.YAMLError):
        equals = ""
    if not equals or not field.strip():
        raise RecipeError(f"--vary {text}: write it as field=range, the range as {_FORMS}")
    return field.strip(), found


def _shape(text: str) -> dict[str, Any]:
    form = _FORM.fullmatch(text)
    if form is None:
        given = yaml.safe_load(text)
        if not isinstance(given, list | dict):
            raise ValueError(text)
        return {"options": given} if isinstance(given, list) else given
    kind, numbers = form[1], [float(part) for part in form[2].split(",")]
    low, high, *step = numbers
    if len(step) > 1:
        raise ValueError(text)
    flags = {"log": kind.startswith("log"), "integer": kind.endswith("int")}
    return {"low": low, "high": high, "step": step[0] if step else None} | flags


def _plain(value: Any) -> Any:
    """Numbers that YAML takes for texts are numbers."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return list(value) if isinstance(value, tuple) else value
