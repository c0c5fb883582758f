"""Where the nodes of a graph go: in layers from input to output, with few crossings.

The steps of Sugiyama, Tagawa & Toda 1981: layers by the longest way, stand-ins where an edge passes a layer,
an order within the layers by the mean place of the neighbours, and coordinates that pull edges straight.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sugata.space import Graph

_SWEEPS = 12
_SETTLING = 400
_PASSING = 14.0  # room for an edge that passes a layer
_GAP = 18.0
_PULL = (1.0, 2.0, 12.0)  # of a link between two boxes, a box and a stand-in, two stand-ins


@dataclass(frozen=True)
class Connection:
    """One drawn edge: how many edges of the graph it is, and the nodes and stand-ins that it goes through."""

    path: tuple[int, ...]
    count: int


@dataclass(frozen=True)
class Layout:
    """Places of a graph's nodes and of the stand-ins after them.

    Attributes:
        x: centre of every node and stand-in, in pixels; the leftmost border is at 0.
        layer: of every node and stand-in, 0 at the top.
        connections: the edges, parallel ones as one.
        width: of the whole, in pixels.
    """

    x: tuple[float, ...]
    layer: tuple[int, ...]
    connections: tuple[Connection, ...]
    width: float


def layered(graph: Graph, widths: Sequence[float]) -> Layout:
    """Lay out a graph whose nodes are boxes of the given widths, in pixels."""
    layer = _layers(graph)
    connections: list[Connection] = []
    sizes = list(widths)
    for edge, same in itertools.groupby(sorted(graph.edges)):
        source, target = edge
        passing = range(len(layer), len(layer) + layer[target] - layer[source] - 1)
        layer += list(range(layer[source] + 1, layer[target]))
        sizes += [_PASSING] * len(passing)
        connections.append(Connection((source, *passing, target), len(list(same))))
    links = [pair for connection in connections for pair in itertools.pairwise(connection.path)]
    neighbours: list[list[int]] = [[] for _ in layer]
    for source, target in links:
        neighbours[source].append(target)
        neighbours[target].append(source)
    rows = _ordered(layer, links, neighbours)
    x = _straightened(rows, sizes, neighbours, len(widths))
    left = min(x[node] - sizes[node] / 2 for node in range(len(x)))
    right = max(x[node] + sizes[node] / 2 for node in range(len(x)))
    return Layout(tuple(place - left for place in x), tuple(layer), tuple(connections), right - left)


def _layers(graph: Graph) -> list[int]:
    """The longest way to each node; the last node, which may take nothing, below all others."""
    nodes = range(len(graph.operations))
    layer = [0] * len(nodes)
    for source, target in sorted(graph.edges, key=lambda edge: edge[1]):
        layer[target] = max(layer[target], layer[source] + 1)
    layer[-1] = max(layer[-1], max(layer[:-1], default=-1) + 1)
    return layer


def _ordered(
    layer: Sequence[int], links: Sequence[tuple[int, int]], neighbours: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Nodes of each layer from left to right: the order with the fewest crossings that sweeps came by."""
    rows = [[node for node in range(len(layer)) if layer[node] == level] for level in range(max(layer) + 1)]
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for level in range(len(rows)) if down else reversed(range(len(rows))):
            beside = level - 1 if down else level + 1
            if not 0 <= beside < len(rows):
                continue
            place = {node: i for i, node in enumerate(rows[beside])}
            here = {node: i for i, node in enumerate(rows[level])}
            means = {}
            for node in rows[level]:
                found = [place[n] for n in neighbours[node] if n in place]
                means[node] = sum(found) / len(found) if found else float(here[node])
            rows[level] = sorted(rows[level], key=lambda node: (means[node], here[node]))
        crossings = _crossings(rows, links)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return _exchanged(best, links)


def _exchanged(rows: list[list[int]], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Exchange neighbours in a layer for as long as that saves crossings."""
    fewest, before = _crossings(rows, links), -1
    while fewest != before:
        before = fewest
        for row in rows:
            for i in range(len(row) - 1):
                row[i], row[i + 1] = row[i + 1], row[i]
                crossings = _crossings(rows, links)
                if crossings < fewest:
                    fewest = crossings
                else:
                    row[i], row[i + 1] = row[i + 1], row[i]
    return rows


def _crossings(rows: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]) -> int:
    place = {node: (level, i) for level, row in enumerate(rows) for i, node in enumerate(row)}
    total = 0
    for (a, b), (c, d) in itertools.combinations(links, 2):
        if place[a][0] == place[c][0]:
            total += (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
    return total


def _straightened(
    rows: Sequence[Sequence[int]], sizes: Sequence[float], neighbours: Sequence[Sequence[int]], boxes: int
) -> list[float]:
    """Centres near the mean of their neighbours, in order and without overlap; stand-ins pull the hardest."""
    x = [0.0] * len(sizes)
    pull = [[_PULL[(node >= boxes) + (n >= boxes)] for n in found] for node, found in enumerate(neighbours)]
    weight = [max(1.0, sum(pulls)) for pulls in pull]
    for sweep in range(_SETTLING):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [x[node] for node in row]
            if sweep:
                for i, node in enumerate(row):
                    pulls = zip(pull[node], neighbours[node], strict=True)
                    if pull[node]:
                        wanted[i] = sum(p * x[n] for p, n in pulls) / sum(pull[node])
            for node, place in zip(row, _spread(row, wanted, weight, sizes), strict=True):
                x[node] = place
    return x


def _spread(
    row: Sequence[int], wanted: Sequence[float], weight: Sequence[float], sizes: Sequence[float]
) -> list[float]:
    """The places nearest to the wanted ones (weighted least squares) that keep the order and leave gaps.

    Less the room that the boxes before need, places only have to ascend: isotonic regression, by pooling
    adjacent violators.
    """
    room = [0.0]
    for left, right in itertools.pairwise(row):
        room.append(room[-1] + (sizes[left] + sizes[right]) / 2 + _GAP)
    pools: list[tuple[float, float, int]] = []  # mean, weight and how many
    for node, want, offset in zip(row, wanted, room, strict=True):
        pools.append((want - offset, weight[node], 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, light, few), (high, heavy, many) = pools[-2:]
            mean = (low * light + high * heavy) / (light + heavy)
            pools[-2:] = [(mean, light + heavy, few + many)]
    flat = [mean for mean, _, many in pools for _ in range(many)]
    return [mean + offset for mean, offset in zip(flat, room, strict=True)]
