"""The run file: everything that decides a run, typed, validated, every field with one line of doc."""

import copy
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from sugata import strategies
from sugata.errors import RecipeError
from sugata.evaluators.table import metric_name
from sugata.options import Option
from sugata.recipe_checks import CLUSTER_ONLY, FUNNEL_ONLY, check_together
from sugata.recipe_stages import HardwareSection, ShowSection, StagesSection, SupernetSection
from sugata.recipe_tasks import TASKS, Bytes, CodeSection, Milliseconds, Seconds, Section, Task
from sugata.recipe_training import (
    EarlyStopSection,
    FinalSection,
    PromotionSection,
    RungSection,
    TrainingSection,
)
from sugata.recipe_tune import TuneSection
from sugata.trial import Value

_STRICT = ConfigDict(strict=True)
_SHIPPED = Path(__file__).parent / "recipes"
#: The parser of libyaml, ten times as fast, where PyYAML was built with it.
_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TableSection(Section):
    """Results that are looked up, in place of training or of your own function."""

    file: str = Field(description="a .parquet, .csv or .tsv file, or a folder with one")
    metric: str | tuple[str, ...] = Field(
        description="the column to search on, or one for each rung of the funnel"
    )
    report: str | None = Field(
        None, description="a column that is looked up for the winner alone, at the end"
    )
    data_set: str | None = Field(None, description="one of the data sets of a file that holds several")
    choices: tuple[str, ...] = Field((), description="columns that are choices; null: as the file says")
    direction: Literal["maximize", "minimize"] | None = Field(
        None, description="of the metric; null: as its name says"
    )

    @property
    def metrics(self) -> tuple[str, ...]:
        """The searched columns, cheapest first."""
        return (self.metric,) if isinstance(self.metric, str) else self.metric


class StrategySection(Section):
    """How to look: the strategy's name, and its own options beside it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = Field("evolution", description="`sugata strategies` lists them; or your own as module:name")

    @property
    def options(self) -> dict[str, Any]:
        """The strategy's own options that are set."""
        return dict(self.model_extra or {})


class WarmStartSection(Section):
    """An earlier run whose best architectures this one begins with."""

    run: str = Field(description="its folder, such as runs/other")
    top: int = Field(10, ge=1, description="how many of its best are looked at")


def _each(value: Any) -> Any:
    """A list of sections, also where one alone, or just a folder, is given."""
    several = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [{"run": one} if isinstance(one, str) else one for one in several]


class ObjectivesSection(Section):
    """What better means."""

    kind: Literal["pareto", "weighted", "mnasnet"] = Field(
        "pareto", description="pareto: non-dominated ranking; weighted or mnasnet: one number"
    )
    metrics: tuple[str, ...] = Field(
        ("bits_per_byte", "size_bytes", "latency_ms"), description="the objectives, the primary one first"
    )
    maximize: tuple[str, ...] = Field((), description="your own function: metrics that should be large")
    quality_weight: float = Field(0.5, description="weighted: weight of accuracy")
    size_weight: float = Field(0.3, description="weighted: weight of 1 - size/target")
    latency_weight: float = Field(0.2, description="weighted: weight of 1 - latency/target")
    size_target: Bytes = Field(500e6, description="weighted: the size that scores 0")
    latency_target: Milliseconds = Field(100.0, description="weighted and mnasnet: the target latency")
    latency_exponent: float = Field(-0.07, description="mnasnet: w in accuracy x (latency/target)^w")


class LimitsSection(Section):
    """Hard upper bounds: nothing above them is trained or kept."""

    size: Bytes | None = Field(None, description="bytes of the stored model, such as 50MB")
    latency: Milliseconds | None = Field(
        None,
        description="90th percentile of a prefill of 128 tokens or of an image, one thread, such as 10ms",
    )
    flops: float | None = Field(None, gt=0, description="floating point operations of the same")
    parameters: float | None = Field(None, gt=0, description="number of parameters")
    metrics: dict[str, float] = Field({}, description="upper bounds of your own function's metrics")


class BudgetSection(Section):
    """When the search ends; whichever comes first."""

    seconds: Seconds | None = Field(None, description="wall clock of the search stage, such as 10m")
    trials: int | None = Field(None, ge=1, description="number of evaluations")


class EngineSection(Section):
    """Where evaluations run."""

    kind: Literal["local", "ray"] = Field(
        "local", description="local: processes of this machine; ray: a cluster"
    )
    address: str | None = Field(
        None, description="ray: a running cluster, auto or HOST:PORT; null: one of its own on this machine"
    )
    cpus: float = Field(1.0, gt=0, description="ray: CPUs of a trial, the threads of its worker")
    gpus: float = Field(0.0, ge=0, description="ray: GPUs of a trial; parts of one, such as 0.5, are shared")
    workers: int | None = Field(
        None, ge=0, description="processes; null: one a core or GPU, as many as fit; 0: this process"
    )
    timeout: Seconds = Field(1800.0, description="an evaluation that takes longer is killed")
    memory: Bytes | None = Field(None, description="a worker that takes more is killed; null: a fair share")
    deterministic: bool = Field(
        False, description="tell results in order, so that a run repeats exactly (needs budgets in steps)"
    )
    window: int | None = Field(None, ge=1, description="pending proposals; null: twice the workers")


class Recipe(Section):
    """A run: what for, what can be built, how to look, how good, where."""

    name: str = Field("run", description="the run's name; its folder is runs/NAME unless given")
    seed: int = Field(0, ge=0, description="of every random draw")
    task: Task | None = Field(
        CodeSection(),
        description="what the network is for: code, code_search, image, table, text or prepared; null with"
        " `evaluate`",
    )
    evaluate: str | None = Field(None, description="your own function as module:name, in place of a task")
    table: TableSection | None = Field(None, description="look results up in a file, in place of a task")
    space: str | dict[str, list[Value]] | tuple[str | dict[str, list[Value]], ...] = Field(
        "tiny",
        description="a search space of `sugata spaces`, module:name, or choices as lists; table: its own;"
        " a list: from small to large, one after the other",
    )
    network: dict[str, Any] = Field(
        {}, description="of an image space: its networks' size, such as {channels: 16, cells: 5}"
    )
    choices: dict[str, list[Value]] = Field(
        {}, description="other options for some choices of the space, such as {hidden_dim: [64, 128]}"
    )
    baselines: bool = Field(
        True, description="start from the space's known good networks and compare with them"
    )
    strategy: StrategySection = Field(StrategySection(), description="how to look")
    warm_start: Annotated[tuple[WarmStartSection, ...], BeforeValidator(_each)] = Field(
        (),
        description="begin with the best of earlier runs: runs/other, {run: ..., top: 10}, or a list",
    )
    supernet: SupernetSection | None = Field(
        None, description="weights that all architectures share, trained before the search; null: none"
    )
    funnel: tuple[RungSection, ...] = Field((), description="rungs of training, cheapest first")
    promotion: PromotionSection = Field(PromotionSection(), description="who goes on to the next rung")
    promote_by: str = Field("pareto", description="what ranks a rung: pareto, fitness or a metric's name")
    objectives: ObjectivesSection = Field(ObjectivesSection(), description="what better means")
    limits: LimitsSection = Field(LimitsSection(), description="hard upper bounds")
    budget: BudgetSection = Field(BudgetSection(), description="when the search ends")
    training: TrainingSection = Field(TrainingSection(), description="how candidates are trained")
    early_stop: EarlyStopSection = Field(
        EarlyStopSection(), description="learning curves that promise nothing are ended"
    )
    final: FinalSection = Field(FinalSection(), description="the winners' training after the search")
    stages: StagesSection = Field(StagesSection(), description="stages whose results are given")
    engine: EngineSection = Field(EngineSection(), description="where evaluations run")
    hardware: HardwareSection = Field(HardwareSection(), description="what trains one network")
    show: ShowSection = Field(ShowSection(), description="what is shown and logged")
    tune: TuneSection = Field(TuneSection(), description="what `sugata tune` varies; else without effect")

    @property
    def spaces(self) -> tuple[str | dict[str, list[Value]], ...]:
        """The search spaces from small to large; the last is the run's."""
        return self.space if isinstance(self.space, tuple) else (self.space,)

    @property
    def final_training(self) -> TrainingSection:
        """How the winners are trained: as the candidates, but for what `final.training` changes."""
        return TrainingSection.model_validate({**self.training.model_dump(), **self.final.training})

    @property
    def trains(self) -> bool:
        """Whether candidates are trained here, rather than looked up or given to your own function."""
        return self.evaluate is None and self.table is None

    @property
    def needs_script(self) -> bool:
        """Whether only the script that began the run can go on with it: its function has no name."""
        return self.task is None and self.table is None and ":" not in (self.evaluate or "")

    def to_yaml(self) -> str:
        """The recipe as YAML, every field resolved."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def seconds(text: str | float) -> float:
    """A duration such as ``10m`` in seconds.

    Raises:
        RecipeError: it is none.
    """
    try:
        return TypeAdapter(Seconds).validate_python(text)
    except ValidationError:
        raise RecipeError(f"{text!r} is not a duration; write it like 90s, 10m or 1.5h") from None


def size(text: str | float) -> float:
    """A size such as ``8MB`` in bytes.

    Raises:
        RecipeError: it is none.
    """
    try:
        return TypeAdapter(Bytes).validate_python(text)
    except ValidationError:
        raise RecipeError(f"{text!r} is not a size; write it like 50MB, 800kB or 2GB") from None


def assignments(texts: Sequence[str]) -> dict[str, Any]:
    """Changes of a recipe from ``field=value`` texts, the values written as in YAML.

    Raises:
        RecipeError: a text that is no assignment.
    """
    found = {}
    for text in texts:
        field, equals, value = text.partition("=")
        try:
            found[field] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not equals or not field:
            raise RecipeError(f"--set {text}: write it as field=value, such as budget.trials=40")
    return found


def shipped() -> dict[str, str]:
    """Names of the recipes that come with sugata, each with its first comment line."""
    return {
        path.stem: path.read_text().split("\n", 1)[0].lstrip("# ") for path in sorted(_SHIPPED.glob("*.yaml"))
    }


def load(source: str | Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe file, or a shipped one by name, with changes such as ``{"budget.seconds": "10m"}``.

    Raises:
        RecipeError: unreadable file, unknown field (with the nearest known one), wrong type or value.
    """
    path, where = Path(source), str(source)
    if path.suffix not in (".yaml", ".yml"):
        path, where = _SHIPPED / f"{source}.yaml", f"recipe {source}"
        if str(source) not in shipped():
            raise RecipeError(
                f"unknown recipe {str(source)!r}; {_nearest(str(source), shipped())}; or a .yaml file"
            )
    try:
        data = _from_yaml(path.read_text())
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe file; `sugata init {path}` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f"line {place.line + 1}: " if place else ""
        raise RecipeError(f"{path}: {where}not YAML: {getattr(error, 'problem', error)}") from None
    return parse(data, where, changes)


def _from_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_FAST_LOADER)
    except yaml.YAMLError:
        return yaml.safe_load(text)  # which says better what is wrong


def parse(data: Any, where: str = "recipe", changes: Mapping[str, Any] | None = None) -> Recipe:
    """Make a recipe from plain values, which stay as they are.

    Raises:
        RecipeError: as :func:`load`.
    """
    data = {} if data is None else copy.deepcopy(data)
    if not isinstance(data, dict):
        raise RecipeError(f"{where}: a recipe is a mapping of fields, not {type(data).__name__}")
    _drop_other_options(data, changes or {})
    for field, value in (changes or {}).items():
        _set(data, field, value)
    _look_up(data)
    try:
        recipe = Recipe.model_validate(data)
        recipe = recipe.model_copy(update=_with_options(recipe))
    except ValidationError as error:
        raise RecipeError(f"{where}: {_first_problem(error)}") from None
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None
    check_together(recipe, where)
    return recipe


def _look_up(data: dict[str, Any]) -> None:
    """What else a table says, where the recipe does not: no task, its space, its metric, this process."""
    table = data.get("table")
    if not isinstance(table, dict):
        return
    data.setdefault("task", None)
    data.setdefault("space", "table")
    columns = table.get("metric", "")
    columns = [columns] if isinstance(columns, str) else columns
    engine = data.get("engine")
    workers = None if isinstance(engine, dict) and engine.get("kind") == "ray" else 0
    for section, field, value in (
        ("objectives", "metrics", [metric_name(columns)]),
        ("engine", "workers", workers),
    ):
        if isinstance(data.setdefault(section, {}), dict):
            data[section].setdefault(field, value)


def _drop_other_options(data: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Another strategy, method, engine or promotion does not have what the recipe sets for its own."""
    section = data.get("strategy")
    if isinstance(section, dict) and changes.get("strategy.kind", section.get("kind")) != section.get("kind"):
        data["strategy"] = {}
    shared, usual = data.get("supernet"), SupernetSection.model_fields["method"].default
    if isinstance(shared, dict):
        before = shared.get("method", usual)
        if changes.get("supernet.method", before) != before:
            known = SupernetSection.model_fields
            data["supernet"] = {name: value for name, value in shared.items() if name in known}
    kind, rungs = changes.get("promotion.kind", "funnel"), data.get("funnel")
    if kind != "funnel" and isinstance(rungs, list) and "funnel" not in changes:
        for rung in rungs:
            if isinstance(rung, dict):
                rung.update(dict.fromkeys(FUNNEL_ONLY & rung.keys()))
    section = data.get("engine")
    if isinstance(section, dict) and changes.get("engine.kind") == "local":
        data["engine"] = {name: value for name, value in section.items() if name not in CLUSTER_ONLY}


def _with_options(recipe: Recipe) -> dict[str, Section]:
    """The sections of a strategy and of a supernet's method with all their options.

    Raises:
        RecipeError: no such strategy or method, an unknown option, or a wrong type.
    """
    section, shared = recipe.strategy, recipe.supernet
    found: dict[str, Section] = {}
    if ":" not in section.kind:
        options = _checked("strategy", section.kind, section.options, strategies.options(section.kind))
        found["strategy"] = StrategySection(kind=section.kind, **options)
    if shared is not None:
        from sugata.oneshot import catalogue  # needs torch

        options = _checked("supernet", shared.method, shared.options, catalogue.options(shared.method))
        found["supernet"] = shared.model_copy(update=options)
    try:
        recipe.final_training  # noqa: B018 - a wrong field is told now
    except ValidationError as error:
        raise RecipeError(_first_problem(error, ("final", "training"))) from None
    return found


def _checked(
    section: str, kind: str, given: Mapping[str, Any], known: Mapping[str, Option]
) -> dict[str, Any]:
    """All options: those that are given, checked, and the others at their defaults.

    Raises:
        RecipeError: an unknown option (with the nearest known one), or a wrong type.
    """
    checked = {}
    for name, value in given.items():
        if name not in known:
            names = [*_fields_at([section]), *known]
            raise RecipeError(f"unknown field '{section}.{name}' of {kind}; {_nearest(name, names)}")
        try:
            checked[name] = TypeAdapter(known[name].type, config=_STRICT).validate_python(value)
        except ValidationError as error:
            raise RecipeError(_first_problem(error, (section, name))) from None
    return {name: checked.get(name, option.default) for name, option in known.items()}


def commented(name: str = "tiny") -> str:
    """A recipe file with every field, its value in the shipped recipe `name`, and its doc as a comment."""
    recipe = load(name)
    lines = [f"# A sugata recipe. Run it: sugata search FILE. Fields and defaults as in `{name}`.", ""]
    lines += _commented_section(recipe, "")
    return "\n".join(lines) + "\n"


def _commented_section(section: BaseModel, indent: str) -> list[str]:
    lines = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        note = f"  # {field.description}" if field.description else ""
        if isinstance(value, Section):
            lines += [f"{indent}{name}:{note}", *_commented_section(value, indent + "  ")]
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            lines.append(f"{indent}{name}:{note}")
            for item in value:
                values = item.model_dump(mode="json")
                inner = yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=1000)
                lines.append(f"{indent}  - {inner.strip()}")
        else:
            shown = section.model_dump(mode="json")[name]
            text = (
                yaml.safe_dump(shown, default_flow_style=True, width=1000).strip().removesuffix("...").strip()
            )
            lines.append(f"{indent}{name}: {text}{note}")
    if isinstance(section, StrategySection | SupernetSection):
        for option in _known_options(section).values():
            shown = yaml.safe_dump(section.options[option.name], default_flow_style=True, width=1000)
            text = shown.strip().removesuffix("...").strip()
            lines.append(f"{indent}{option.name}: {text}  # {option.description}")
    return lines


def _known_options(section: StrategySection | SupernetSection) -> Mapping[str, Option]:
    if isinstance(section, StrategySection):
        return strategies.options(section.kind)
    from sugata.oneshot import catalogue

    return catalogue.options(section.method)


def _set(data: dict[str, Any], field: str, value: Any) -> None:
    *parents, last = field.split(".")
    here = data
    for name in parents:
        if here.get(name) is None:
            here[name] = {}
        here = here[name]
        if not isinstance(here, dict):
            raise RecipeError(f"field {field!r}: {name} is not a section")
    here[last] = value


def _first_problem(error: ValidationError, before: Sequence[str] = ()) -> str:
    problem = error.errors()[0]
    location = (*before, *problem["loc"])
    path = [part for part in location if part != "str" and "[" not in str(part)]  # no union tags
    tagged = path[0] == "task" and len(path) > 1
    field = ".".join(str(part) for part in (path[:1] + path[2:] if tagged else path))
    if problem["type"] == "extra_forbidden":
        known = _fields_at(path[:-1])
        return f"unknown field {field!r}; {_nearest(str(path[-1]), known)}"
    if problem["type"] == "union_tag_invalid":
        return f"field 'task.kind' is {problem['ctx']['tag']!r}; use {', '.join(TASKS)}"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = f" {given!r}" if isinstance(given, str | int | float | bool) else ""
    message = message.replace("a valid tuple", "a list").removeprefix("Input ")
    return f"field {field!r}{f' is{shown}; it' if shown else ':'} {message}"


def _fields_at(path: Sequence[Any]) -> list[str]:
    model: Any = Recipe
    if path[:1] == ["task"]:
        model, path = TASKS[path[1]], path[2:]
    if path == ["final", "training"]:
        return list(TrainingSection.model_fields)
    for part in path:
        if part not in model.model_fields:  # a position in a list, or a name that the user gives
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)


def _nearest(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
