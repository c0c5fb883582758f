"""Tables and texts: what a training costs on a file of rows, and the class that takes them in three lines."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sugata import recipe as recipes
from sugata.advice.measured import LOOKS, Measured
from sugata.engines.resources import cores
from sugata.errors import DataError, RecipeError
from sugata.run.assembly import assemble
from sugata.run.timing import step_seconds
from sugata.spaces.blocks import default_graph

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["table", "text"]
_TARGETS = ("label", "labels", "target", "class", "y")  # columns that are taken for the target, else the last
_FEW_VALUES = 20  # so many different whole numbers are classes
_STEPS = 2000  # of a full training
_BATCH = 64


@dataclass(frozen=True)
class Rows:
    """A file of rows.

    Attributes:
        target: the column that is predicted.
        classes: how many it has; None where it holds values.
    """

    kind: Kind
    frame: "pd.DataFrame"
    target: str
    classes: int | None

    @property
    def class_name(self) -> str:
        """The class that takes such rows."""
        first = {"table": "StructuredData", "text": "Text"}[self.kind]
        return f"{first}{'Regressor' if self.classes is None else 'Classifier'}"


def read_rows(kind: Kind, file: str) -> Rows:
    """Read a CSV, TSV or Parquet file, and guess which column is the target.

    Raises:
        RecipeError: there is no such file, or of another form.
        DataError: it cannot be read, or has one column alone.
    """
    import pandas as pd

    path = Path(file).expanduser()
    readers: dict[str, Any] = {
        ".csv": pd.read_csv,
        ".tsv": partial(pd.read_csv, sep="\t"),
        ".parquet": pd.read_parquet,
    }
    if path.suffix.lower() not in readers or not path.is_file():
        raise RecipeError(f"--data {file}: give a .csv, .tsv or .parquet file with a row per line")
    try:
        frame = readers[path.suffix.lower()](path)
    except (ValueError, OSError) as error:
        raise DataError(f"{file}: cannot be read as a table ({str(error).splitlines()[0]})") from None
    if frame.shape[1] < 2:
        raise DataError(f"{file}: one column alone; a target has to stand beside what it is predicted from")
    names = [str(name) for name in frame.columns]
    frame.columns = pd.Index(names)
    target = next((name for name in _TARGETS if name in names), names[-1])
    return Rows(kind, frame.dropna(subset=[target]), target, _classes(frame[target]))


def measure_rows(rows: Rows, budget: float) -> Measured:
    """Time a training step of the first network that the class would try.

    Raises:
        SugataError: what an adapter refuses; names column or row.
    """
    from sugata.tasks import prepared

    inputs: Any = rows.frame.drop(columns=[rows.target])
    fit: Any = prepared.TableAdapter.fit
    if rows.kind == "text":
        inputs, fit = _texts(inputs), prepared.fit_text
    target: Any = prepared.ValueAdapter.fit if rows.classes is None else prepared.ClassAdapter.fit
    graph = default_graph(
        {rows.kind: rows.kind}, {"target": "regression" if rows.classes is None else "classification"}
    )
    with tempfile.TemporaryDirectory() as folder:
        raw = prepared.Rows({rows.kind: inputs}, {"target": rows.frame[rows.target]})
        made = prepared.prepare(Path(folder) / "data", raw, {rows.kind: fit}, {"target": target})
        assembly = assemble(recipes.parse(_recipe(graph, made.folder)))
        first = assembly.space.known_good()[0]
        step = step_seconds(assembly, assembly.space.architecture(first))
        distinct = assembly.space.distinct()
    full = f"{_STEPS:,} steps of {_BATCH} rows"
    seconds = step * _STEPS * LOOKS
    name = "the first network that is tried"
    return Measured(name, step, _BATCH, "steps", float(_STEPS), full, seconds, budget, cores(), distinct)


def three_lines(name: str, data: str, column: str | None, budget: float) -> str:
    """A class on a file or folder."""
    given = ", ".join(json.dumps(one) for one in (data, column) if one is not None)
    made = f'model = {name}(budget="{budget:g}s").fit({given})'
    return f"from sugata import {name}\n{made}\nprint(model.report(), model.export())"


def _recipe(graph: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "task": {"kind": "prepared", "data": str(folder)},
        "space": "blocks/graph",
        "network": dict(graph),
        "funnel": [{"name": "full", "amount": _STEPS, "unit": "steps"}],
        "objectives": {"metrics": ["parameters"]},
        "training": {"batch_size": _BATCH},
    }


def _classes(target: "pd.Series") -> int | None:
    found = target.dropna()
    number = found.dtype.kind in "iuf" and not bool(
        (found == found.round()).all() and found.nunique() <= _FEW_VALUES
    )
    return None if number else int(found.nunique())


def _texts(frame: "pd.DataFrame") -> list[str]:
    """The one column of texts: the one with the longest."""
    columns = [name for name in frame.columns if frame[name].map(lambda value: isinstance(value, str)).all()]
    if not columns:
        raise DataError(f"no column holds texts alone; there are {', '.join(map(str, frame.columns))}")
    longest = max(columns, key=lambda name: float(frame[name].str.len().mean()))
    return [str(text) for text in frame[longest]]
