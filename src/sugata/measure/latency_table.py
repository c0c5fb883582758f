"""The latency of a network as the sum of its parts, which were measured one by one on this machine."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sugata.errors import SugataError
from sugata.machine import cores, processor
from sugata.space import PartOfSpace, SearchSpace, Signature, image_sizes
from sugata.trial import Metric, Value

FORMAT = "sugata.latency-table.1"
ESTIMATED_LATENCY = Metric(
    "estimated_latency_ms",
    "ms",
    "minimize",
    "one image in onnxruntime, one thread: sum of measured parts",
)


@dataclass(frozen=True)
class PartLatency:
    """How long a part of a network takes, in milliseconds.

    Attributes:
        median: half of the passes took at most this.
        p10: the fastest tenth took at most this.
        p90: nine tenths took at most this.
    """

    median: float
    p10: float
    p90: float


@dataclass(frozen=True)
class LatencyTable:
    """The latencies of all parts of a space's networks, for images of one shape, on one machine.

    Attributes:
        space: whose networks they are.
        signature: of the task.
        entries: by the names of parts.
        whole: what a whole network takes, as a share of the sum of its parts: running parts one by one costs
            calls and copies that a whole network has not. Estimates are multiplied by it.
        machine: processor and cores.
        runtime: what ran the parts, its version and threads.
        source: the file, for messages.
    """

    space: SearchSpace
    signature: Signature
    entries: Mapping[str, PartLatency]
    whole: float
    machine: Mapping[str, Any]
    runtime: Mapping[str, Any]
    source: str = "latency table"

    # -- what it says -----------------------------------------------------------------------------------

    def estimate(self, architecture: Mapping[str, Value]) -> float:
        """Milliseconds for one image: the metric ``estimated_latency_ms``.

        Raises:
            SugataError: a part of the network was not measured.
            InvalidArchitecture: the space has no such architecture.
        """
        total = 0.0
        for part in self.space.parts(architecture, self.signature):
            if part.name not in self.entries:
                raise SugataError(
                    f"{self.source}: has no latency of {part.name!r}; measure again:"
                    f" {_command(self.space, self.signature)}"
                )
            total += self.entries[part.name].median
        return total * self.whole

    def expected(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """Expected milliseconds where options are drawn independently (Cai et al. 2019, section 3.3.1).

        The sum over decisions of probabilities times latencies of options, so it can be differentiated. Exact
        where the latency of a block does not depend on other choices, as in ProxylessNAS' space; else the
        first-order change from the space's default architecture.

        Args:
            probabilities: ``(options,)`` for some choices; the others are at their defaults.

        Raises:
            SugataError: they are not those of the space's choices.
        """
        total = torch.tensor(self._start)
        for name, distribution in probabilities.items():
            costs = self._costs.get(name)
            if costs is None or len(costs) != len(distribution):
                raise SugataError(
                    f"{self.source}: decision {name!r} with {len(distribution)} options is no choice of"
                    f" {self.space.name}; use a supernet whose decisions are the space's choices"
                )
            total = total + (distribution * distribution.new_tensor(costs)).sum()
        return total

    @cached_property
    def _start(self) -> float:
        """The latency of the architecture whose choices are all at their defaults."""
        return self._with({})

    @cached_property
    def _costs(self) -> dict[str, list[float]]:
        """What each option of each choice adds to it."""
        return {
            choice.name: [self._with({choice.name: option}) - self._start for option in choice.options]
            for choice in self.space.choices
        }

    def _with(self, options: Mapping[str, Value]) -> float:
        defaults: dict[str, Any] = {choice.name: choice.default for choice in self.space.choices}
        return self.estimate(self.space.architecture({**defaults, **options}))

    # -- files ------------------------------------------------------------------------------------------

    def write(self, path: str | Path) -> None:
        """Write it as JSON that a person can read; the file before stays whole until the new one is."""
        path = Path(path)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        facts = {
            "format": FORMAT,
            "machine": dict(self.machine),
            "runtime": dict(self.runtime),
            **_for(self.space, self.signature),
            "unit": "ms",
            "whole": self.whole,
        }
        rows = ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(asdict(entry))}" for name, entry in self.entries.items()
        )
        text = json.dumps(facts, indent=1).removesuffix("\n}") + f',\n "entries": {{\n{rows}\n }}\n}}\n'
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: str | Path, space: SearchSpace, signature: Signature) -> "LatencyTable":
        """Read a table of this machine, for a space and a task.

        Raises:
            SugataError: the file cannot be read, is of another machine, runtime, space or image shape, or
                lacks a part of some network.
        """
        data = _read(Path(path))
        remedy = f"measure one here: {_command(space, signature)}"
        for field, own in (("machine", this_machine()), ("runtime", this_runtime())):
            if data[field] != own:
                raise SugataError(
                    f"{path}: measured on another {field}: {_listed(data[field])};"
                    f" this one is {_listed(own)}; {remedy}"
                )
        for field, own in _for(space, signature).items():
            if data[field] != own:
                raise SugataError(
                    f"{path}: measured for {field} {_listed(data[field])}, not for {_listed(own)}; {remedy}"
                )
        entries = {name: PartLatency(**entry) for name, entry in data["entries"].items()}
        table = cls(space, signature, entries, data["whole"], data["machine"], data["runtime"], str(path))
        for architecture in space.covering():
            table.estimate(architecture)
        return table


def this_machine() -> dict[str, Any]:
    """What must be equal for a latency to mean the same."""
    return {"cpu": processor(), "cores": cores()}


def this_runtime(threads: int = 1) -> dict[str, Any]:
    """What runs the parts here."""
    return {"name": "onnxruntime", "version": metadata.version("onnxruntime"), "threads": threads}


def _for(space: SearchSpace, signature: Signature) -> dict[str, Any]:
    """What the table is measured for; a space with fewer options has the parts of the whole one."""
    while isinstance(space, PartOfSpace):
        space = space.base
    sizes = image_sizes(signature)
    return {
        "space": {"name": space.name, **json.loads(json.dumps(dict(space.parameters)))},
        "image": {
            "channels": sizes.channels,
            "height": sizes.height,
            "width": sizes.width,
            "outputs": sizes.outputs,
        },
    }


def _read(path: Path) -> dict[str, Any]:
    """The values of a file, checked as far as they can be by themselves."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SugataError(
            f"{path}: no such latency table; measure one: sugata latency-table SPACE --to {path}"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SugataError(f"{path}: not a readable latency table ({error}); measure it again") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise SugataError(f"{path}: format {found!r} is not {FORMAT}; measure it again: sugata latency-table")
    for field in ("machine", "runtime", "space", "image", "entries"):
        if not isinstance(data.get(field), dict):
            raise SugataError(f"{path}: field {field!r} is missing or no mapping; measure it again")
    if not _positive(data.get("whole")):
        raise SugataError(f"{path}: field 'whole' is {data.get('whole')!r}; it must be a number above 0")
    for name, entry in data["entries"].items():
        if not isinstance(entry, dict) or set(entry) != {"median", "p10", "p90"}:
            raise SugataError(f"{path}: entry {name!r} is {entry!r}; it must have median, p10 and p90")
        if not all(_positive(value) for value in entry.values()):
            raise SugataError(f"{path}: entry {name!r} is {entry!r}; latencies are numbers above 0")
    return data


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _listed(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {value}" for name, value in values.items())


def _command(space: SearchSpace, signature: Signature) -> str:
    sizes = image_sizes(signature)
    return (
        f"sugata latency-table {space.name} --image {sizes.channels}x{sizes.height}x{sizes.width}"
        f" --classes {sizes.outputs} --to FILE"
    )
