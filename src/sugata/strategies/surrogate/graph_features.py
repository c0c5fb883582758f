"""Counts and scalars of a graph of operations, whatever its labels mean.

Only equality of labels counts, and two conventions of their writing: what stands before the last colon is a
place (``layer_3:conv``, ``normal:conv``), and labels that share a word (``conv_1x1`` and ``conv_3x3``) are
akin. Labels without any such likeness still give all counts.

A path leads from a node without predecessors to one without successors; a graph may have several of both,
and several parts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from sugata.space import Graph

Counts = Counter[str]
_MOST_PATHS = 1000


def without_places(graph: Graph) -> Graph:
    """The graph with labels such as ``layer_3:conv`` cut to ``conv``."""
    return Graph(tuple(label.rpartition(":")[2] for label in graph.operations), graph.edges)


def neighbourhood_counts(graph: Graph, depth: int = 2) -> Counts:
    """Weisfeiler-Lehman labels of all nodes: the label with those around it, up to ``depth`` edges away.

    Shervashidze et al. 2011, section 3; for directed graphs the labels before and after a node are kept
    apart.
    """
    before, after = _before(graph), _after(graph)
    labels = list(graph.operations)
    counts = Counter(labels)
    for level in range(1, depth + 1):
        labels = [
            f"{label}({','.join(sorted(labels[i] for i in before[node]))}"
            f";{','.join(sorted(labels[i] for i in after[node]))})"
            for node, label in enumerate(labels)
        ]
        counts.update(f"{level}{label}" for label in labels)
    return counts


def path_counts(graph: Graph) -> Counts:
    """How often each sequence of operations is a path.

    Empty where there are more than a thousand paths: then sequences of a few operations say more.
    """
    before, after = _before(graph), _after(graph)
    if _path_number(before, after) > _MOST_PATHS:
        return Counter()
    ending: list[Counts] = []
    for node, sources in enumerate(before):
        label = graph.operations[node]
        found: Counts = Counter() if sources else Counter({label: 1})
        for source in sources:
            for path, times in ending[source].items():
                found[f"{path}>{label}"] += times
        ending.append(found)
    return sum((found for found, targets in zip(ending, after, strict=True) if not targets), Counter())


def sequence_counts(graph: Graph, length: int = 3) -> Counts:
    """How often each sequence of up to ``length`` operations occurs along the edges (n-grams)."""
    before = _before(graph)
    ending = [Counter({label: 1}) for label in graph.operations]
    counts = Counter(graph.operations)
    for _ in range(length - 1):
        longer: list[Counts] = []
        for node, sources in enumerate(before):
            found: Counts = Counter()
            for source in sources:
                for sequence, times in ending[source].items():
                    found[f"{sequence}>{graph.operations[node]}"] += times
            longer.append(found)
            counts.update(found)
        ending = longer
    return counts


def kinds(labels: Iterable[str]) -> tuple[Set[str], ...]:
    """Sets of operations to count together: each label, and those that share a word."""
    known = sorted(set(labels))
    sharing: dict[str, set[str]] = {}
    for label in known:
        for word in re.findall(r"[^\W_]+", label):
            sharing.setdefault(word, set()).add(label)
    sets = [frozenset({label}) for label in known] + [frozenset(sharing[word]) for word in sorted(sharing)]
    return tuple(dict.fromkeys(sets))


def scalars(graph: Graph, kinds: Sequence[Set[str]]) -> list[float]:
    """Sizes of the graph, and of each kind of operation how many there are and on how many paths.

    Returns:
        For each kind and for all operations: their number; the most, the fewest and the mean number on a
        path. Then the number of edges, the logarithm of the number of paths, and how many paths have no
        operation between their ends.
    """
    before, after = _before(graph), _after(graph)
    of_kind = [[label in kind for kind in kinds] + [True] for label in graph.operations]
    weights = np.asarray(of_kind, dtype=np.float64).reshape(len(before), len(kinds) + 1)
    along = _along_paths(before, after, weights)
    straight = sum(not before[source] and not after[target] for source, target in graph.edges)
    paths = float(np.log1p(_path_number(before, after)))
    return [*weights.sum(axis=0), *along.ravel(), len(graph.edges), paths, straight]


def _along_paths(
    before: Sequence[Sequence[int]], after: Sequence[Sequence[int]], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The most, the least and the mean weight on a path, ``(3, kinds)``."""
    numbers = _paths_to(before)
    most, least, total = weights.copy(), weights.copy(), weights.copy()
    for node, sources in enumerate(before):
        if sources:
            most[node] += most[sources].max(axis=0)
            least[node] += least[sources].min(axis=0)
            total[node] = total[sources].sum(axis=0) + weights[node] * numbers[node]
    last = [node for node, targets in enumerate(after) if not targets]
    number = sum(numbers[node] for node in last)
    return np.stack(
        [most[last].max(axis=0), least[last].min(axis=0), total[last].sum(axis=0) / number],
    )


def _path_number(before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> float:
    numbers = _paths_to(before)
    return sum(number for number, targets in zip(numbers, after, strict=True) if not targets)


def _paths_to(before: Sequence[Sequence[int]]) -> list[float]:
    """How many ways lead to each node from those without predecessors."""
    numbers: list[float] = []
    for sources in before:
        numbers.append(sum(numbers[source] for source in sources) if sources else 1.0)
    return numbers


def _before(graph: Graph) -> list[list[int]]:
    """The predecessors of each node."""
    before: list[list[int]] = [[] for _ in graph.operations]
    for source, target in graph.edges:
        before[target].append(source)
    return before


def _after(graph: Graph) -> list[list[int]]:
    """The successors of each node."""
    after: list[list[int]] = [[] for _ in graph.operations]
    for source, target in graph.edges:
        after[source].append(target)
    return after
