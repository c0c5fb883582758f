"""A deterministic subset of a corpus, and its division into train, validation and test."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sugata.errors import DataError
from sugata.tasks.corpus.duplicates import digest
from sugata.tasks.corpus.sources import SPLITS, Document

HELD_OUT = ("test", "validation")


def diverse_order(documents: Iterable[Document]) -> list[Document]:
    """The documents, one of every package in turn, in an order that only their contents decide."""
    packages: dict[str, list[tuple[str, Document]]] = {}
    for document in documents:
        packages.setdefault(document.package, []).append((digest(document.content), document))
    ranked: list[tuple[int, str, str, Document]] = []
    for package, members in packages.items():
        members.sort(key=lambda member: member[0])
        place = digest(package.encode("utf-8", "surrogatepass"))
        ranked += [(rank, place, name, document) for rank, (name, document) in enumerate(members)]
    ranked.sort(key=lambda entry: entry[:3])
    return [entry[3] for entry in ranked]


def subset(documents: Sequence[Document], max_bytes: int | None, shares: dict[str, float]) -> list[Document]:
    """At most ``max_bytes`` of the documents, from as many packages as possible, in diverse order.

    Where the source gives splits, each is reduced to its own share, and the train split to what remains.
    """
    ordered = diverse_order(documents)
    if max_bytes is None:
        return ordered
    given = {name: [document for document in ordered if document.split == name] for name in HELD_OUT}
    rest = [document for document in ordered if document.split not in HELD_OUT]
    taken: list[Document] = []
    for name in HELD_OUT:
        taken += _take(given[name], int(max_bytes * shares[name]))
    return taken + _take(rest, max_bytes - sum(len(document.content) for document in taken))


def _take(documents: Sequence[Document], budget: int) -> list[Document]:
    taken = []
    for document in documents:
        if len(document.content) <= budget:
            budget -= len(document.content)
            taken.append(document)
    return taken


def divide(
    documents: Sequence[Document], shares: dict[str, float], where: str
) -> tuple[dict[str, list[Document]], str]:
    """Give every document its split; those that the source lacks are cut from its train split.

    Whole packages are held out where that comes near the wanted shares, otherwise single files.

    Args:
        shares: the part of the bytes for ``validation`` and ``test``.
        where: the source, for the error message.

    Returns:
        The documents of each split, and ``package`` or ``file`` or ``source`` for what decided it.

    Raises:
        DataError: there are too few documents for three splits.
    """
    parts: dict[str, list[Document]] = {name: [d for d in documents if d.split == name] for name in SPLITS}
    pool = [document for document in documents if document.split in (None, "train")]
    missing = [name for name in HELD_OUT if not parts[name]]
    if len(pool) < 1 + len(missing):
        raise DataError(
            f"data: {where} has {len(documents)} different usable files; train, validation and test need "
            "at least one each (three files): add source files"
        )
    if not missing:
        parts["train"] = pool
        return parts, "source"
    targets = {name: shares[name] * sum(len(document.content) for document in documents) for name in missing}
    for unit, key in (("package", lambda d: d.package or d.path), ("file", lambda d: digest(d.content))):
        groups: dict[str, list[Document]] = {}
        for document in pool:
            groups.setdefault(key(document), []).append(document)
        held = _hold_out(groups, targets)
        if unit == "file" or _near(held, targets):
            break
    names = {id(document): name for name, members in held.items() for document in members}
    for name in ("train", *missing):
        parts[name] = [replace(d, split=name) for d in pool if names.get(id(d), "train") == name]
    return parts, unit


def _hold_out(groups: dict[str, list[Document]], targets: dict[str, float]) -> dict[str, list[Document]]:
    """Take groups in the order of their hash until each split has its share; never the last group."""
    sizes = {key: sum(len(document.content) for document in members) for key, members in groups.items()}
    free = sorted(groups, key=lambda key: digest(key.encode("utf-8", "surrogatepass")))
    held: dict[str, list[Document]] = {}
    for name, target in targets.items():
        chosen: list[str] = []
        total = 0
        for key in free:
            if total < 0.9 * target and total + sizes[key] <= 1.25 * target:
                chosen.append(key)
                total += sizes[key]
        if not chosen and len(free) > 1:
            chosen = [min(free, key=lambda key: sizes[key])]
        free = [key for key in free if key not in set(chosen)]
        held[name] = [document for key in chosen for document in groups[key]]
    if not free:  # every group is held out: only possible when there are too few
        held = {name: [] for name in targets}
    return held


def _near(held: dict[str, list[Document]], targets: dict[str, float]) -> bool:
    sizes = {name: sum(len(document.content) for document in members) for name, members in held.items()}
    return all(targets[name] / 2 <= sizes[name] <= 2 * targets[name] for name in targets)
