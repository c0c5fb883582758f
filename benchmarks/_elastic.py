"""What the benchmarks of elastic language supernets share: the setting, one training, one supernet."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sugata import recipe as recipes
from sugata.compression import compress
from sugata.evaluators.language import LanguageNetworks, compression_of
from sugata.nn import LanguageModel
from sugata.oneshot import LanguageSupernet
from sugata.run.assembly import Assembly, assemble
from sugata.space import Architecture, SearchSpace
from sugata.tasks import CodeLanguageModelling
from sugata.trial import Value

VOCABULARY = 2048  # a supernet shares one; the smallest that `tiny` has


@dataclass(frozen=True)
class Context:
    """What a method sees of a run: a seed, no folder for its state, and where progress goes."""

    seed: int
    folder: None = None

    def report(self, step: float, value: float) -> bool:
        """Print the loss."""
        print(f"  {time.process_time():.0f} CPU s: loss {value:.3f} nats", flush=True)
        return True


def assembled(data: str, **changes: Any) -> Assembly:
    """The recipe `tiny` with one vocabulary, its data prepared."""
    fixed = {"task.data": data, "choices": {"vocab_size": [VOCABULARY]}}
    assembly = assemble(recipes.load("tiny", {**fixed, **changes}))
    assert assembly.task is not None
    assembly.task.prepare({"vocab_size": [VOCABULARY]}, say=print)
    return assembly


def networks_of(assembly: Assembly) -> tuple[LanguageNetworks, CodeLanguageModelling]:
    """The assembly's networks and task, which are those of language models."""
    assert isinstance(assembly.networks, LanguageNetworks)
    return assembly.networks, assembly.networks.task


def supernet_of(assembly: Assembly) -> LanguageSupernet:
    """A new supernet of the assembly's space."""
    networks, task = networks_of(assembly)
    return LanguageSupernet(networks.space, task.signature({"vocab_size": VOCABULARY}))


def drawn(
    space: SearchSpace, seed: int, feasible: Callable[[Architecture], str | None] | None = None
) -> Iterator[Architecture]:
    """Endlessly, random architectures with different deployment keys, within the limits if there are any."""
    rng, seen = np.random.default_rng(seed), set()
    while True:
        architecture = space.sample(rng)
        key = space.deployment_key(architecture)
        if key not in seen and (feasible is None or feasible(architecture) is None):
            seen.add(key)
            yield architecture


def shipped(
    task: CodeLanguageModelling, model: LanguageModel, architecture: Mapping[str, Value], size: int
) -> float:
    """Bits per byte on validation text of the network as it ships: pruned and quantized."""
    compressed = compress(model, **vars(compression_of(architecture))).restore()
    return task.evaluate(compressed, architecture, split="validation", limit=size)["bits_per_byte"]
