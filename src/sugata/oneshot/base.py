"""The contracts of weight sharing: a supernet, and what learns on it."""

import heapq
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import InvalidArchitecture, LimitError, RecipeError
from sugata.nn.initialization import initialize_convolutional
from sugata.space import Architecture, SearchSpace, Signature
from sugata.tasks import Task
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.oneshot.scores import SupernetEvaluator

Feasible = Callable[[Architecture], str | None]
#: For each decision the position of the one option that is active, or a weight for every option.
Selection = Mapping[str, int | Tensor]

_MOST_TRIED = 100_000  # combinations that are looked at for one that meets the limits
MOST_REFUSED = 1000  # draws in a row that break a limit


def anything(architecture: Architecture) -> str | None:
    """No limit is broken."""
    return None


class FitContext(Protocol):
    """What a method needs to know of the run; the context of an evaluation has it."""

    @property
    def seed(self) -> int:
        """Of every draw."""

    @property
    def folder(self) -> Path | None:
        """Where the state is kept that a killed training goes on from; None: nothing is kept."""

    def report(self, step: float, value: float) -> bool:
        """Report the spent share of the budget and a loss; False asks to stop."""


class Supernet(nn.Module, ABC):
    """Weights that all architectures of a space share.

    What a method decides are ``decisions``, each with its options; they are the space's choices where these
    are independent, and the edges of a cell where an architecture keeps only some of them.

    Attributes:
        space: whose architectures it holds.
        signature: inputs and outputs of every network.
        decisions: options of every decision.
        sums: decisions whose results are added up, such as the edges into a node of a cell.
        selection: what the next forward pass computes.
        of_data: modules whose weights mean something for one data set only, such as a classifier.
    """

    space: SearchSpace
    signature: Signature
    decisions: Mapping[str, tuple[Value, ...]]
    sums: Mapping[str, tuple[str, ...]]
    of_data: tuple[str, ...] = ("classifier",)

    def __init__(self, space: SearchSpace, signature: Signature) -> None:
        super().__init__()
        self.space = space
        self.signature = signature
        self.sums = {}
        self.selection: dict[str, int | Tensor] = {}

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights, as networks of convolutions draw them."""
        initialize_convolutional(self, generator)

    def activate(self, architecture: Mapping[str, Value]) -> None:
        """From now on compute this architecture alone."""
        path = self.path(architecture)
        self.selection = {name: options.index(path[name]) for name, options in self.decisions.items()}

    def mix(self, selection: Selection) -> None:
        """From now on add up the options of each decision by weights ``(options,)``, or take one by position.

        Options whose weight is exactly zero are not computed. Weights are brought to the supernet's device.
        """
        device = next(self.parameters()).device
        self.selection = {
            name: one.to(device) if isinstance(one, Tensor) else one for name, one in selection.items()
        }

    def path(self, architecture: Mapping[str, Value]) -> dict[str, Value]:
        """The option of every decision that the architecture takes."""
        return {name: architecture[name] for name in self.decisions}

    def architecture(self, path: Mapping[str, Value]) -> Architecture:
        """The architecture that takes these options.

        Raises:
            InvalidArchitecture: no architecture does.
        """
        return self.space.architecture(path)

    def ranked(self, probabilities: Mapping[str, Tensor]) -> Iterator[Architecture]:
        """All architectures that can be derived, the best first.

        Args:
            probabilities: ``(options,)`` for every decision, or weights that are in proportion to them.
        """
        return (self.architecture(path) for path in descending(self.decisions, probabilities))

    def key(self, architecture: Mapping[str, Value]) -> str:
        """Equal for architectures that are one to a method: those that train alike."""
        return self.space.training_key(architecture)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture: every decision on its own, its options equally likely."""
        return self.architecture(
            {name: options[int(rng.integers(len(options)))] for name, options in self.decisions.items()}
        )

    def evaluator(self, task: Task, limit: int | None = None) -> "SupernetEvaluator":
        """Scores architectures by their paths.

        Args:
            task: gives the data.
            limit: images, or bytes of text, of the validation split that score one; None: all.
        """
        from sugata.oneshot.scores import SupernetEvaluator

        return SupernetEvaluator(self, task, limit=limit)

    @abstractmethod
    def extract(self, architecture: Mapping[str, Value]) -> nn.Module:
        """A network of its own, with copied weights: the same outputs as the active path."""


class PathSupernet(Supernet):
    """A supernet that computes one architecture at a time, out of slices of its tensors."""

    def mix(self, selection: Selection) -> None:
        """Take one option of each decision by position.

        Raises:
            RecipeError: weights are given: slices of one tensor are not added up.
        """
        if not all(isinstance(chosen, int) for chosen in selection.values()):
            raise RecipeError(
                f"{type(self).__name__} computes one architecture at a time; use a method that samples paths,"
                " such as single_path"
            )
        path = {name: self.decisions[name][int(chosen)] for name, chosen in selection.items()}
        self.activate(self.architecture(path))

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture of the space, whose choices may depend on each other."""
        return self.space.sample(rng)


class OneShot(ABC):
    """Learns which options of a supernet are good, while or after its weights are trained."""

    @abstractmethod
    def fit(self, supernet: Supernet, task: Task, context: FitContext, feasible: Feasible = anything) -> None:
        """Learn on the task's data; nothing that breaks a limit is sampled.

        Raises:
            LimitError: no architecture that meets the limits was found.
        """

    def check(self, space: SearchSpace, signature: Signature) -> None:  # noqa: B027 - most read no files
        """Make sure, before anything is trained, that the method's options fit a space and a task.

        Raises:
            SugataError: they do not, such as a latency table of another machine.
        """

    def details(self) -> dict[str, Any]:
        """What a report shows of the learning, as JSON values; nothing by default."""
        return {}

    @abstractmethod
    def derive(self, count: int) -> list[Architecture]:
        """The best architectures by what was learned, different ones, within the limits; best first.

        Raises:
            LimitError: fewer were found.
        """


def sampled(supernet: Supernet, rng: np.random.Generator, feasible: Feasible = anything) -> Architecture:
    """A random architecture within the limits.

    Raises:
        LimitError: a thousand in a row break them.
    """
    reason = None
    for _ in range(MOST_REFUSED):
        try:
            architecture = supernet.sample(rng)
        except InvalidArchitecture:
            continue  # these options do not go together
        reason = feasible(architecture)
        if reason is None:
            return architecture
    raise impossible(supernet, reason)


def impossible(supernet: Supernet, reason: str | None) -> LimitError:
    """What to raise after a thousand draws; ``reason`` says why the last was refused."""
    return LimitError(
        f"{supernet.space.name}: {MOST_REFUSED} architectures in a row break the limits"
        f" ({reason or 'the space has none of them'}); loosen them"
    )


def most_probable(
    supernet: Supernet, probabilities: Mapping[str, Tensor], count: int, feasible: Feasible = anything
) -> list[Architecture]:
    """The most probable architectures that break no limit, by independent distributions over decisions.

    They are walked from the most probable one downwards, as the supernet ranks them.

    Args:
        probabilities: ``(options,)`` for every decision.
        count: how many, with different training keys.

    Raises:
        LimitError: fewer were found among the first 100,000 combinations.
    """
    return first_feasible(supernet, supernet.ranked(probabilities), count, feasible)


def first_feasible(
    supernet: Supernet, architectures: Iterable[Architecture], count: int, feasible: Feasible = anything
) -> list[Architecture]:
    """The first architectures that break no limit, different ones.

    Raises:
        LimitError: fewer were found among the first 100,000.
    """
    found: dict[str, Architecture] = {}
    reasons: set[str] = set()
    for architecture in itertools.islice(architectures, _MOST_TRIED):
        key = supernet.key(architecture)
        if key in found:
            continue
        reason = feasible(architecture)
        if reason is None:
            found[key] = architecture
            if len(found) == count:
                return list(found.values())
        else:
            reasons.add(reason)
    raise LimitError(
        f"{supernet.space.name}: only {len(found)} of {count} architectures within the limits were found"
        f" ({next(iter(sorted(reasons)), 'there are no more')}); loosen the limits or ask for fewer"
    )


def descending(
    decisions: Mapping[str, tuple[Any, ...]], probabilities: Mapping[str, Tensor]
) -> Iterator[dict[str, Any]]:
    """All combinations of options, the most probable first.

    Each exactly once, without enumerating them (Huang & Chiang 2005, algorithm 2: a heap of neighbours).

    Args:
        decisions: options of every decision.
        probabilities: ``(options,)`` for every decision, not necessarily normalized.
    """
    names = list(decisions)
    logs = [torch.log(probabilities[name].detach().double().cpu().clamp_min(1e-300)) for name in names]
    orders = [torch.argsort(log, descending=True, stable=True).tolist() for log in logs]
    losses = [
        [float(log[order[0]] - log[option]) for option in order]
        for log, order in zip(logs, orders, strict=True)
    ]
    start = (0,) * len(names)
    heap: list[tuple[float, tuple[int, ...]]] = [(0.0, start)]
    while heap:
        loss, ranks = heapq.heappop(heap)
        yield {
            name: decisions[name][order[rank]] for name, order, rank in zip(names, orders, ranks, strict=True)
        }
        # Only the last raised rank and those behind it may be raised: every combination has one parent.
        last = max((i for i, rank in enumerate(ranks) if rank), default=0)
        for i in range(last, len(names)):
            rank = ranks[i] + 1
            if rank < len(orders[i]):
                more = loss - losses[i][rank - 1] + losses[i][rank]
                heapq.heappush(heap, (more, (*ranks[:i], rank, *ranks[i + 1 :])))


def entropy(probabilities: Mapping[str, Tensor]) -> float:
    """Mean entropy of the decisions as a share of the largest possible: 1 undecided, 0 decided."""
    shares = []
    for distribution in probabilities.values():
        p = distribution.detach().double()
        if len(p) > 1:
            shares.append(float(-(p * p.clamp_min(1e-300).log()).sum()) / math.log(len(p)))
    return sum(shares) / max(1, len(shares))
