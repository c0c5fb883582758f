"""What every class of this package does: look for a network, train it, predict with it."""

import secrets
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sugata import recipe as recipes
from sugata.automl.data import prepared, rows_of
from sugata.automl.graph import Graph, by_name
from sugata.automl.objectives import metric_names
from sugata.automl.parameters import check_parameters
from sugata.automl.places import DATA, fingerprint, settle, staging
from sugata.automl.plan import Plan, RowCounts, Wishes, plan
from sugata.automl.progress import Callback, FitProgress
from sugata.automl.scikit import BaseEstimator, check_is_fitted
from sugata.errors import InputError, RecipeError, RunFolderError, TaskError

if TYPE_CHECKING:
    import pandas as pd

    from sugata.automl.fitted import Fitted
    from sugata.automl.model import Model
    from sugata.run import Result
    from sugata.tasks.prepared import PreparedData, Rows


class AutoEstimator(BaseEstimator, ABC):
    """A scikit-learn estimator whose fit is a search.

    Subclasses say which graph of blocks they search (`_graph`), and have the parameters below in their
    constructor.
    """

    # Parameters that all of them have; set by the constructors of subclasses, untouched.
    max_trials: int | None
    budget: float | str | None
    objective: str | Sequence[str] | None
    max_model_size: int | str | None
    max_latency_ms: float | None
    directory: str | Path | None
    project_name: str | None
    overwrite: bool
    seed: int | None
    tuner: Any
    n_jobs: int | None
    verbose: int

    _own_folders: set[Path]  # of a clone's runs

    # -- what subclasses say ------------------------------------------------------------------------------

    @abstractmethod
    def _graph(self) -> Graph:
        """The graph of blocks that is searched."""

    def _check(self, x: Any, y: Any, *, fitting: bool) -> tuple[Any, Any]:
        """Rows and targets after the checks that scikit-learn wants of its estimators."""
        return x, y

    # -- looking for a network ----------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        validation_split: float = 0.2,
        validation_data: Any = None,
        verbose: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
    ) -> Self:
        """Look for a network, and train it.

        Ctrl-C ends the search and keeps the best network so far; the same call again goes on, in another
        process too where ``directory`` is set.

        Args:
            x: rows, or where they are; see the class. Of several inputs a list, or a mapping by name.
            y: labels or values, or the name of their column in `x`. Of several heads a list, or a mapping.
            epochs: of every trial, at most: it ends when validation does not improve.
            batch_size: of training; None leaves it to the search.
            validation_split: share of the rows that candidates are compared on, of each class alike; the best
                is trained on them too in the end.
            validation_data: rows and targets ``(x, y)`` for that, in place of a share; nothing is trained on
                them. One thing that holds both, such as a file, is taken as `x` and `y` are.
            verbose: in place of the constructor's: 0 silent, 1 what is new and a live line, 2 every trial.
            callbacks: called with every finished trial (`sugata.trial.Trial`).

        Raises:
            SugataError: whatever is wrong with data or parameters, in one line.
            KeyboardInterrupt: before any network was trained.
        """
        check_parameters(self, epochs=epochs, batch_size=batch_size)
        progress = FitProgress(self.verbose if verbose is None else verbose, callbacks)
        progress.say(f"{type(self).__name__}: reading data")
        self.__dict__.pop("fitted_", None)
        graph = self._graph()
        column = y if isinstance(y, str) else None
        x, y = self._check(x, y, fitting=True)
        rows = rows_of(graph, x, y)
        held: Rows | float = validation_split
        if validation_data is not None:
            paired = isinstance(validation_data, tuple | list) and len(validation_data) == 2
            there = validation_data if paired else (validation_data, column)
            held = rows_of(graph, *self._check(*there, fitting=False), what="validation_data")
        elif not 0 < validation_split < 1:
            raise InputError(f"validation_split is {validation_split}; give a share between 0 and 1")
        seed = secrets.randbelow(2**31) if self.seed is None else self.seed
        root, name = self._root()
        with staging(root) as staged:
            data = prepared(graph, rows, staged / DATA, held, seed)
            progress.say(_introduction(data))
            refit = validation_data is None
            made = self._plan(graph, data, epochs=epochs, batch_size=batch_size, refit=refit, seed=seed)
            mark = fingerprint(data.fingerprint, made.recipe, epochs=epochs)
            own = self.__dict__.get("_own_folders")
            folder, again = settle(root, name, mark, data.folder, overwrite=self.overwrite, among=own)
            if own is not None:
                own.add(folder)
        located = recipes.parse(
            made.recipe.model_dump(mode="json"), "fit", {"task.data": str((folder / DATA).absolute())}
        )
        if again:
            progress.say(f"going on with the same fit in {folder}")
        self._run(graph, located, made, folder, progress)
        return self

    def _run(self, graph: Graph, recipe: Any, made: Plan, folder: Path, progress: FitProgress) -> None:
        """Carry the recipe out, and keep its winner, or what there is of it when interrupted."""
        from sugata.automl.outcome import estimated_cost, outcome
        from sugata.run import start

        progress.say(f"{made.text}; {estimated_cost(recipe, made)}")
        try:
            start(recipe, folder, progress=progress, ships=False)
        except KeyboardInterrupt as interruption:
            fitted = outcome(graph, folder)
            again = "fit with the same data and parameters" if self.directory else "fit of this object again"
            if fitted is None:
                progress.say(f"interrupted before a network was trained; {again} goes on")
                raise
            self._keep(fitted)
            progress.say(f"interrupted: the best network so far is kept; {again} goes on")
            if interruption.args:  # not the keyboard: the process is to end
                raise
            return
        fitted = outcome(graph, folder)
        assert fitted is not None, "a run that ends has a winner"
        self._keep(fitted)
        progress.say(f"done: {_best(fitted)}")

    def _keep(self, fitted: "Fitted") -> None:
        self.fitted_ = fitted

    def _plan(
        self,
        graph: Graph,
        data: "PreparedData",
        *,
        epochs: int | None,
        batch_size: int | None,
        refit: bool,
        seed: int,
    ) -> Plan:
        from sugata.tasks import PreparedTask

        section: dict[str, Any] = {
            "data": str(data.folder.absolute()),
            "augment": graph.augment,
            "class_weight": {
                name: _by_label(weight) for name, weight in graph.option("class_weight").items()
            },
            "loss_weights": graph.option("loss_weight") if len(graph.heads) > 1 else {},
        }
        task = PreparedTask(**section)
        counts = RowCounts(
            tuple(port.kind for port in graph.inputs),
            data.facts["counts"]["train"],
            data.facts["counts"]["validation"],
            data.facts["counts"].get("aside", 0),
        )
        objectives = metric_names(self.objective, task, counts.validation)
        measured = {metric.name for metric in task.metrics}
        primary = next((one for one in objectives if one in measured), task.primary.name)
        size = self.max_model_size
        wishes = Wishes(
            max_trials=self.max_trials,
            budget=None if self.budget is None else recipes.seconds(self.budget),
            epochs=epochs,
            batch_size=batch_size,
            objectives=objectives,
            parameters=None if size is None or isinstance(size, str) else int(size),
            size=recipes.size(size) if isinstance(size, str) else None,
            latency_ms=self.max_latency_ms,
            tuner=self.tuner,
            n_jobs=self.n_jobs,
            refit=refit,
            seed=seed,
        )
        return plan(self._name(), graph.network, {**section, "primary": primary}, counts, wishes)

    # -- where it is --------------------------------------------------------------------------------------

    def _name(self) -> str:
        return self.project_name or _snake(type(self).__name__)

    def _root(self) -> tuple[Path, str]:
        """The folder of fits, and this one's name; without a directory one that goes with the object."""
        if self.directory is not None:
            return Path(self.directory), self._name()
        if "_temporary" not in self.__dict__:
            self._temporary = Path(tempfile.mkdtemp(prefix="sugata-"))
            weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
        return self._temporary, self._name()

    def __sklearn_clone__(self) -> Self:
        """The same parameters; its fits go on with no run but its own, equal as their data may be."""
        made: Self = super().__sklearn_clone__()
        made._own_folders = set()
        return made

    def __getstate__(self) -> dict[str, Any]:
        """What predicting needs; not the temporary folder."""
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_temporary", None)
        return state

    # -- using it -----------------------------------------------------------------------------------------

    def _rows(self, x: Any, y: Any = None, *, targets: bool = False) -> "Rows":
        check_is_fitted(self, "fitted_")
        x, y = self._check(x, y, fitting=False)
        return rows_of(self.fitted_.graph, x, y, targets=targets, what="evaluate")

    def predict(self, x: Any) -> Any:
        """Labels or values of raw rows, as they were given to learn from; of several heads a list."""
        rows = self._rows(x)
        return by_name(self.fitted_.graph, self.fitted_.labels(rows))

    def evaluate(self, x: Any, y: Any = None) -> dict[str, float]:
        """``loss`` and all metrics on rows with targets."""
        rows = self._rows(x, y, targets=True)
        return self.fitted_.evaluate(rows)

    def export_model(self) -> "Model":
        """The network as a plain torch module, with a ``summary()``.

        It takes tensors: images ``(batch, channels, height, width)`` from 0 to 1, numbers of words
        ``(batch, length)``, prepared rows of a table ``(batch, columns)``.
        """
        check_is_fitted(self, "fitted_")
        return self.fitted_.module()

    def summary(self) -> None:
        """Print the layers of the network."""
        self.export_model().summary()

    def leaderboard(self) -> "pd.DataFrame":
        """All trials of the search, best first: metrics, sizes, seconds, and what was chosen."""
        check_is_fitted(self, "fitted_")
        return self.fitted_.trials.copy()

    @property
    def result(self) -> "Result":
        """The run behind the fit: its trials, its front, its folder.

        Raises:
            RunFolderError: the run is gone, as after unpickling.
        """
        from sugata.run import Result

        return Result(self._folder())

    def report(self) -> Path:
        """Write the report of the search, and return its file.

        Raises:
            RunFolderError: the run is gone, as after unpickling.
        """
        from sugata.run import report

        return report(self._folder())

    def export(self, format: str = "onnx", folder: str | Path | None = None) -> Path:
        """Write the network as a folder that runs elsewhere, and return what was asked for.

        Args:
            format: ``onnx`` returns the ONNX file, ``folder`` the folder: weights, configuration, adapters of
                raw rows, ONNX, and a card with a program that runs.
            folder: what to write; None: ``best`` in the run's folder, or without a directory one named after
                the project in the working folder.

        Raises:
            RecipeError: an unknown format.
        """
        check_is_fitted(self, "fitted_")
        if format not in ("onnx", "folder"):
            raise RecipeError(f"format is {format!r}; use onnx or folder")
        from sugata.automl.outcome import write_folder

        target = Path(folder) if folder is not None else self._export_folder()
        write_folder(self.fitted_, target, self._name())
        return target / "model.onnx" if format == "onnx" else target

    def _export_folder(self) -> Path:
        if self.directory is not None and self.fitted_.folder is not None:
            return self.fitted_.folder / "best"
        return Path(self._name())

    def _folder(self) -> Path:
        check_is_fitted(self, "fitted_")
        if self.fitted_.folder is None or not self.fitted_.folder.is_dir():
            raise RunFolderError(
                "the run of this fit is not here: a pickled estimator keeps what predicting needs; set"
                " directory to keep runs"
            )
        return self.fitted_.folder


def _introduction(data: "PreparedData") -> str:
    """What was read: rows, inputs, targets."""
    counts = data.facts["counts"]
    adapters = data.adapters
    seen = "; ".join(one.describe() for one in (*adapters.inputs.values(), *adapters.targets.values()))
    aside = f", {counts['aside']:,} of its parts set aside" if "aside" in counts else ""
    return f"{counts['train']:,} rows to learn from, {counts['validation']:,} for validation{aside}: {seen}"


def _best(fitted: "Fitted") -> str:
    from sugata.run.progress import shown_metric

    shown = [shown_metric(metric, value) for metric, value in fitted.scores()]
    return ", ".join(shown) + " on validation data"


def _by_label(weight: Any) -> Any:
    if weight is None or weight == "balanced":
        return weight
    try:
        return {str(label): float(value) for label, value in weight.items()}
    except (AttributeError, TypeError, ValueError):
        raise TaskError(
            f"class_weight is {weight!r}; give 'balanced', or a weight for each class such as {{'yes': 2}}"
        ) from None


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
