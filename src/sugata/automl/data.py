"""From raw data to prepared arrays in a folder: which adapter each input and target of a graph gets."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sugata.automl.graph import Graph, Port
from sugata.automl.reading import read
from sugata.errors import InputError

if TYPE_CHECKING:
    from sugata.tasks.prepared import PreparedData, Rows

_KINDS = {"numerical": "number", "categorical": "category"}


def rows_of(graph: Graph, x: Any, y: Any = None, *, targets: bool = True, what: str = "fit") -> "Rows":
    """Raw rows by the names of a graph's inputs and heads.

    Args:
        x: of one input; of several a list in their order, or a mapping by name.
        y: likewise of heads.
        targets: whether there must be any.
        what: wants the rows, as an error says it.

    Raises:
        InputError: another number of inputs or targets, or different numbers of rows.
    """
    from sugata.tasks.prepared import Rows

    given = _each("x", x, graph.inputs)
    if len(graph.inputs) == 1:
        (name,) = given
        given[name], y = read(graph.inputs[0].kind, given[name], y)
    else:
        given = {port.name: read(port.kind, given[port.name])[0] for port in graph.inputs}
    if not targets:
        return Rows(given)
    if y is None:
        raise InputError(
            f"{what} requires y to be passed, but the target y is None: give labels or values, or the name of"
            " their column"
        )
    return Rows(given, _each("y", y, graph.heads))


def prepared(
    graph: Graph, rows: "Rows", folder: Path, validation: "Rows | float", seed: int
) -> "PreparedData":
    """Adapters fitted on the rows that train, and all rows as arrays in the folder.

    Raises:
        InputError: what an adapter refuses; names input or target, and column or row.
    """
    from sugata.tasks.prepared import prepare

    return prepare(
        folder,
        rows,
        {port.name: _input_fit(port) for port in graph.inputs},
        {port.name: _target_fit(port) for port in graph.heads},
        validation=validation,
        seed=seed,
    )


def _each(what: str, given: Any, ports: Sequence[Port]) -> dict[str, Any]:
    names = [port.name for port in ports]
    if len(ports) == 1:
        return {names[0]: given[names[0]] if isinstance(given, dict) and set(given) == set(names) else given}
    if isinstance(given, Mapping):
        missing = [name for name in names if name not in given]
        if missing:
            raise InputError(f"{what} has no {missing[0]!r}; the graph has {', '.join(names)}")
        return {name: given[name] for name in names}
    if not isinstance(given, list | tuple) or len(given) != len(ports):
        count = len(given) if isinstance(given, list | tuple) else 1
        raise InputError(
            f"{what} has {count} parts, the graph {len(ports)}: give a list of {', '.join(names)}"
        )
    return dict(zip(names, given, strict=True))


def _input_fit(port: Port) -> Callable[[Any], Any]:
    from sugata.tasks.prepared import ArrayAdapter, ImageAdapter, fit_text

    options = {name: value for name, value in port.options.items() if value is not None}
    fits: dict[str, Callable[..., Any]] = {
        "image": ImageAdapter.fit,
        "text": fit_text,
        "table": _fit_table,
        "array": ArrayAdapter.fit,
    }
    return partial(fits[port.kind], **options)


def _fit_table(
    raw: Any, *, column_names: Sequence[str] | None = None, column_types: Mapping[str, str] | None = None
) -> Any:
    """A table's adapter.

    Args:
        raw: the table.
        column_names: of an array; of a frame, those it has.
        column_types: of some columns: ``numerical``, ``categorical``, or a kind of `TableAdapter`.

    Raises:
        InputError: names or types of columns that are not there.
    """
    import pandas as pd

    from sugata.tasks.prepared import TableAdapter

    if column_names is not None and np.ndim(raw) == 2:
        names, width = list(map(str, column_names)), np.shape(raw)[1]
        if len(names) != width:
            raise InputError(f"column_names: {len(names)} names for {width} columns; give one each")
        if not hasattr(raw, "columns"):
            raw = pd.DataFrame(raw, columns=names)
        elif names != list(map(str, raw.columns)):
            raise InputError("column_names: the table has others; leave them out: they are for arrays")
    kinds = {str(name): _KINDS.get(kind, kind) for name, kind in (column_types or {}).items()}
    try:
        return TableAdapter.fit(raw, kinds=kinds)
    except InputError as error:
        raise InputError(error.template.replace("kinds: ", "column_types: ", 1), error.row) from None


def _target_fit(port: Port) -> Callable[[Any], Any]:
    from sugata.tasks.prepared import ClassAdapter, LabelsAdapter, ValueAdapter

    fits: dict[str, Callable[[Any], Any]] = {
        "classification": ClassAdapter.fit,
        "multi_label": LabelsAdapter.fit,
        "regression": ValueAdapter.fit,
    }
    return fits[port.kind]
