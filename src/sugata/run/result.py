"""What a run holds, finished or not: the winner, the front, all trials, the model."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sugata import journal
from sugata import recipe as recipes
from sugata.errors import RunFolderError, TaskError
from sugata.reuse import trial_folder
from sugata.run.aims import objectives_of
from sugata.run.folder import BEST, FINAL, FIRST_FINAL, LAST, RECIPE, REFIT, REPORT, journal_path
from sugata.trial import Metric, Trial

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

TRAINED_AGAIN = "It was trained once more on all rows, validation rows too: its scores are those before."


class Result:
    """A run, read from its folder, which is all it needs.

    Attributes:
        folder: the run folder.
        record: its journal, as read.
        recipe: as it was resolved.
        metrics: everything that was measured.
        objectives: what better meant, with the limits.

    Raises:
        RunFolderError: there is no run.
        JournalError: its journal is broken or of a newer version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.record = journal.read(journal_path(self.folder))
        self.recipe = recipes.load(self.folder / RECIPE)
        self.metrics = tuple(Metric(**data) for data in self.record.header["metrics"])
        self.objectives = objectives_of(self.recipe, self.metrics)

    def __repr__(self) -> str:
        best = self.best
        found = f"best {dict(best.metrics)}" if best else "nothing found yet"
        return f"Result({self.folder}: {len(self.record.trials)} trials, {found})"

    @cached_property
    def finals(self) -> list[Trial]:
        """The winners after their full training, best first; empty before that stage.

        One that was trained once more, on validation rows as well, says so in its details, as ``again``.
        """
        trials = [journal.trial_from_data(note.data) for note in self.record.notes("final")]
        allowed = [self._marked(trial) for trial in trials if self.objectives.comparable(trial)]
        return self.objectives.ranked(allowed)

    def _marked(self, trial: Trial) -> Trial:
        if trial.number not in self.refits:
            return trial
        return replace(trial, details={**trial.details, "again": TRAINED_AGAIN})

    @cached_property
    def refits(self) -> dict[int, Trial]:
        """Winners trained on validation rows as well, by the number of the final that each replaces."""
        trials = [journal.trial_from_data(note.data) for note in self.record.notes("refit")]
        return {trial.proposal.parents[0]: trial for trial in trials if trial.ok}

    def weights_folder(self, trial: Trial) -> Path:
        """The folder with the checkpoint of a trial or a final, as it ships."""
        if trial.number in self.refits:
            return trial_folder(self.folder / REFIT, trial.number - FIRST_FINAL)
        if trial.number >= FIRST_FINAL:
            return trial_folder(self.folder / FINAL, trial.number - FIRST_FINAL)
        return trial_folder(self.folder / "trials", int(trial.details.get("same_as", trial.number)))

    @cached_property
    def baselines(self) -> dict[str, Trial]:
        """Known good networks by name, trained and measured as the candidates of the top rung were."""
        notes = self.record.notes("baseline")
        return {note.data["name"]: journal.trial_from_data(note.data) for note in notes}

    @property
    def best(self) -> Trial | None:
        """The winner: after its full training where that is done, else the best of the highest rung."""
        return self.finals[0] if self.finals else self.objectives.best(self.record.trials)

    @property
    def front(self) -> list[Trial]:
        """The Pareto front of the search's highest rung."""
        return self.objectives.front(self.record.trials)

    @cached_property
    def trials(self) -> "pd.DataFrame":
        """All finished trials, a row each: number, status, rung, origin, the choices, the metrics."""
        import pandas as pd

        return pd.DataFrame([_row(trial) for trial in self.record.trials])

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.folder / REPORT

    @property
    def stages(self) -> Mapping[str, Mapping[str, Any]]:
        """What each finished stage left in the journal, by the stage's name."""
        return {note.data["name"]: note.data for note in self.record.notes("stage")}

    @property
    def test_metric(self) -> Metric:
        """What test scores are given in: the first objective that the task measures, else its own metric."""
        measured = self.stages.get("test", {}).get("test", {})
        known = (*self.objectives.metrics, *self.metrics)
        return next((metric for metric in known if metric.name in measured), self.objectives.primary)

    @property
    def leading(self) -> list[Trial]:
        """The trials of the search's highest rung, best first, as many as `show.best` says."""
        ranked = self.objectives.ranked(self.objectives.candidates(self.record.trials))
        return ranked[: self.recipe.show.best]

    @property
    def reported(self) -> Mapping[str, float]:
        """What a table says of the winner in the column that the search never saw; empty without one."""
        notes = self.record.notes("reported")
        return notes[-1].data["metrics"] if notes else {}

    @property
    def finished(self) -> bool:
        """Whether the last stage is done: the last of all, or the one that was noted to be."""
        last = "search" if self.recipe.task is None else "test"
        stages = [note.data for note in self.record.notes("stage")]
        return bool(stages) and (stages[-1]["name"] == last or stages[-1].get(LAST, False))

    def model(self) -> "nn.Module":
        """The exported winner as a torch module, with the weights as they are stored.

        One for images takes pixels ``(batch, channels, height, width)``, uint8; one of blocks what
        `sugata.export.load_block_folder` makes of raw rows.

        Raises:
            TaskError: the run evaluated a user's own function.
            RunFolderError: the run has exported nothing yet.
        """
        if self.recipe.task is None:
            raise TaskError(f"{self.folder}: this run evaluated your own function; it trained no model")
        if not (self.folder / BEST).is_dir():
            raise RunFolderError(
                f"{self.folder}: nothing exported yet; go on with: sugata resume {self.folder}"
            )
        from sugata.export import load_block_folder, load_folder, load_image_folder, load_search_folder

        if self.recipe.task.kind == "image":
            return load_image_folder(self.folder / BEST)
        if self.recipe.task.kind in ("prepared", "table", "text"):
            return load_block_folder(self.folder / BEST)[0]
        if self.recipe.task.kind == "code_search":
            return load_search_folder(self.folder / BEST)[0]
        model, _ = load_folder(self.folder / BEST)
        return model


def _row(trial: Trial) -> dict[str, Any]:
    proposal = trial.proposal
    return {
        "number": trial.number,
        "status": str(trial.status),
        "rung": proposal.fidelity.name,
        "origin": proposal.origin,
        "continues": proposal.continues,
        "seconds": trial.seconds,
        **proposal.architecture,
        **trial.metrics,
    }
