"""Everything a report says, as plain values: made from a run folder, read by every page, plot and table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sugata.objectives import Objectives
from sugata.space import Block, Graph
from sugata.trial import Metric, Trial, Value

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class MeasuredBaseline:
    """A known architecture, trained and measured as the candidates of the top rung were."""

    name: str
    metrics: Mapping[str, float]
    architecture: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Winner:
    """The architecture that won, and the model that was made of it.

    Attributes:
        number: the trial of the search that named it; None where it did not come from a trial.
        architecture: its choices.
        outline: its blocks for the drawing; empty where there is no network.
        cells: its cells by name, drawn as graphs; empty where it has none.
        metrics: measured of the final model (after the final training, as it is stored).
        test_metric: which metric the two test scores are.
        test_score: on the test data, from the trained model.
        exported_test_score: the same data again, from the exported file.
        untested: whether no test data were given.
        again: what is to be said of its weights, where they are others than those of its scores.
        test_tolerance: largest relative difference at which the two scores agree.
        curve: (step, value) pairs of the final training.
        prompt: what the sample was asked to continue.
        sample: what the model wrote.
        files: name and bytes of each exported file.
        judged: figures on the test problems of benchmarks, by the benchmark's name.
    """

    architecture: Mapping[str, Value]
    metrics: Mapping[str, float]
    number: int | None = None
    outline: tuple[Block, ...] = ()
    cells: Mapping[str, Graph] = field(default_factory=dict)
    test_metric: str = ""
    test_score: float | None = None
    exported_test_score: float | None = None
    untested: bool = False
    again: str = ""
    test_tolerance: float = 1e-3
    curve: Curve = ()
    prompt: str = ""
    sample: str = ""
    files: Mapping[str, int] = field(default_factory=dict)
    judged: Mapping[str, Mapping[str, float | int | str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranked:
    """An architecture whose score on the supernet is compared with a training of its own.

    Attributes:
        scored: the primary metric with shared weights.
        alone: the primary metric after a training alone.
    """

    name: str
    scored: float
    alone: float
    parameters: float


@dataclass(frozen=True)
class SharedWeights:
    """How a supernet was trained, and how well it ranks.

    Attributes:
        method: what trained it.
        mode: joint or separate.
        checks: step, skips, entropy and loss at points of the training; empty for methods without.
        warning: that the distribution collapsed; empty when it did not.
        ended: why the training ended early; empty when it did not.
        given: the checkpoint that took the place of a training; empty when it was trained.
        ranked: the comparison of ranks.
        alone: how those were trained alone, in words.
    """

    method: str
    mode: str
    checks: tuple[Mapping[str, float], ...] = ()
    warning: str = ""
    ended: str = ""
    given: str = ""
    ranked: tuple[Ranked, ...] = ()
    alone: str = ""


@dataclass(frozen=True)
class ReportData:
    """What a report is made from; every field but the first four may stay empty.

    Attributes:
        title: the run's name.
        objectives: what was optimized, with its limits and fitness.
        trials: all finished trials, in the order they were told.
        choices: name and options of every choice of the space.
        metrics: unit and direction of metrics that are not objectives.
        command: the command line that started the run.
        run_folder: as a person would type it.
        recipe: the resolved recipe, YAML.
        environment: versions, CPU, threads, git commit...: names and printable values.
        space_name: name of the search space.
        space_size: raw product of its options.
        curve_metric: what the trials' curves show, such as ``validation loss``.
        curve_step: the unit of the curves' steps.
        baselines: measured like the candidates of the top rung.
        winner: None while there is none.
        leading: the best trials of the highest rung, best first, where they are to be listed.
        stages: name and duration in seconds of each stage.
        shared: of a run with a supernet.
        beginning: how the search began, a sentence each.
        warnings: what a reader has to know before believing the numbers.
        finished: whether the run came to its end.
    """

    title: str
    objectives: Objectives
    trials: tuple[Trial, ...]
    choices: tuple[tuple[str, tuple[Value, ...]], ...]
    metrics: tuple[Metric, ...] = ()
    command: str = ""
    run_folder: str = ""
    recipe: str = ""
    environment: Mapping[str, object] = field(default_factory=dict)
    space_name: str = ""
    space_size: int | None = None
    curve_metric: str = "reported value"
    curve_step: str = "step"
    baselines: tuple[MeasuredBaseline, ...] = ()
    winner: Winner | None = None
    leading: tuple[Trial, ...] = ()
    stages: tuple[tuple[str, float], ...] = ()
    shared: SharedWeights | None = None
    beginning: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    finished: bool = True
