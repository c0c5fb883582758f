"""From a recipe to the objects that a run needs."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sugata.errors import RecipeError
from sugata.evaluators import Evaluator, FunctionEvaluator, TableEvaluator, read_table
from sugata.evaluators.function import find_function
from sugata.objectives import Objectives
from sugata.recipe import Recipe, StrategySection, TableSection
from sugata.recipe_stages import SupernetSection
from sugata.recipe_tasks import (
    BenchmarkSection,
    BlocksSection,
    CodeSearchSection,
    CodeSection,
    ImageSection,
    PreparedSection,
    RowsSection,
)
from sugata.recipe_training import FinalSection, RungSection, TrainingSection
from sugata.run.aims import limited_metrics, objectives_of, own_metrics
from sugata.run.promotion import promoting
from sugata.space import DictionarySpace, SearchSpace, restricted
from sugata.spaces import baselines, imported
from sugata.spaces import space as space_named
from sugata.strategies import Listed, Progressive, Start, Strategy, shared_out, strategy_class
from sugata.trial import SHARED, Fidelity, Value

if TYPE_CHECKING:
    from sugata.evaluators.code_benchmark import CodeBenchmark
    from sugata.evaluators.networks import Networks
    from sugata.evaluators.training import TrainingEvaluator
    from sugata.tasks import Task
    from sugata.training import Hardware, TrainingSettings


@dataclass(frozen=True)
class Assembly:
    """Everything that a recipe describes, made.

    Attributes:
        networks: what is trained; None where a user's function evaluates.
        known_good: named baseline architectures that belong to the space.
        smaller: spaces that are searched before it, from the smallest: parts of it.
        final: trains the winners, perhaps on other data; None where nothing is trained.
        derived: what a one-shot method has derived, to be tried in place of a strategy's proposals; None
            where a strategy proposes.
    """

    recipe: Recipe
    space: SearchSpace
    networks: "Networks | None"
    evaluator: Evaluator
    objectives: Objectives
    known_good: dict[str, dict[str, Any]]
    smaller: tuple[SearchSpace, ...] = ()
    final: "TrainingEvaluator | None" = None
    derived: tuple[Mapping[str, Value], ...] | None = None

    @property
    def task(self) -> "Task | None":
        """What the networks are for; None where a user's function evaluates."""
        return None if self.networks is None else self.networks.task

    @property
    def starts(self) -> list[Mapping[str, Value]]:
        """What a search begins with: known good networks of the catalogue, and of the space itself."""
        own = self.space.known_good() if self.recipe.baselines else ()
        return [*self.known_good.values(), *(Start(one, "known good") for one in own)]

    def strategy(self, first: Sequence[Mapping[str, Value]] = ()) -> Strategy:
        """A new strategy, in the state before the first proposal.

        Args:
            first: architectures to begin with before the known good ones.
        """
        starts = [*first, *self.starts]
        # Who goes on is decided by what every rung measures.
        objectives = self.objectives.on(0)

        def propose(seed: int, count: int | None) -> Strategy:
            def make(space: SearchSpace, begun: Sequence[Mapping[str, Value]]) -> Strategy:
                if self.derived is not None:
                    return Listed(space, objectives, seed=seed, starts=self.derived)
                return _proposer(self.recipe.strategy, space, objectives, begun, seed)

            if not self.smaller:
                return make(self.space, starts)
            if count is None:
                raise RecipeError(
                    "field 'space': a list shares out budget.trials or the lowest rung's capacity; give one"
                )
            spaces = (*self.smaller, self.space)
            shares = shared_out(count, len(spaces))
            return Progressive(spaces, shares, make, objectives, seed=seed, starts=starts)

        ladder = [fidelity(i, rung) for i, rung in enumerate(self.recipe.funnel)]
        return promoting(self.recipe, ladder, propose)


def _proposer(
    section: StrategySection,
    space: SearchSpace,
    objectives: Objectives,
    starts: Sequence[Mapping[str, Value]],
    seed: int,
) -> Strategy:
    given = {**section.options, "seed": seed, "starts": starts}
    if ":" in section.kind:
        return own_strategy(section.kind, space, objectives, given)
    return strategy_class(section.kind)(space, objectives, **given)


def assemble(
    recipe: Recipe,
    *,
    evaluate: Callable[..., Any] | Evaluator | None = None,
    space: SearchSpace | None = None,
) -> Assembly:
    """Make what the recipe describes; `evaluate` and `space` given as objects take the place of its names.

    Raises:
        RecipeError: a name that is not known.
    """
    if recipe.table is not None:
        return _looked_up(recipe, recipe.table)
    space = space or _space(recipe)
    smaller = _smaller(recipe, space)
    if evaluate is not None or recipe.evaluate is not None:
        evaluator = _own_evaluator(evaluate or str(recipe.evaluate), recipe)
        objectives = objectives_of(recipe, evaluator.metrics)
        return Assembly(recipe, space, None, evaluator, objectives, {}, smaller)
    return _trained(recipe, space, smaller)


def _own_evaluator(given: Callable[..., Any] | Evaluator | str, recipe: Recipe) -> Evaluator:
    """A user's own evaluator, or one that calls a user's function."""
    found = find_function(given) if isinstance(given, str) else given
    if isinstance(found, type) and issubclass(found, Evaluator):
        found = found()
    return found if isinstance(found, Evaluator) else FunctionEvaluator(found, own_metrics(recipe.objectives))


def _trained(recipe: Recipe, space: SearchSpace, smaller: tuple[SearchSpace, ...]) -> Assembly:
    """A search whose candidates are trained, or scored by a supernet that is."""
    from sugata.evaluators.logs import check_logger
    from sugata.evaluators.training import TrainingEvaluator

    check_logger(recipe.show.logger)
    networks = networks_of(recipe, space)
    trained = partial(
        TrainingEvaluator,
        ladder=tuple(fidelity(i, rung) for i, rung in enumerate(recipe.funnel)),
        hardware=hardware(recipe),
        logger=recipe.show.logger,
    )
    training = trained(networks, settings(recipe))
    objectives = objectives_of(recipe, training.metrics)
    shipped = networks_of(recipe, space, recipe.final.data) if recipe.final.data else networks
    final_settings = settings(recipe, recipe.final_training)
    known_good = {item.name: dict(item.architecture) for item in baselines(space)} if recipe.baselines else {}
    return Assembly(
        recipe,
        space,
        networks,
        _scored(recipe, training, objectives),
        objectives,
        known_good,
        smaller,
        final=trained(shipped, final_settings),
        derived=() if recipe.supernet is not None and recipe.supernet.mode == "joint" else None,
    )


def _scored(recipe: Recipe, training: "TrainingEvaluator", objectives: Objectives) -> Evaluator:
    """What candidates are scored by: their training, several of them, or shared weights."""
    if recipe.supernet is not None:
        return _inheriting(recipe.supernet, training, objectives)
    if isinstance(recipe.task, BlocksSection) and recipe.task.folds > 1:
        from sugata.evaluators.folds import FoldsEvaluator

        return FoldsEvaluator(training, recipe.task.folds, recipe.seed)
    return training


def _inheriting(section: SupernetSection, training: "TrainingEvaluator", objectives: Objectives) -> Evaluator:
    """Scores by shared weights below its trainings; what is not compared by is not measured there."""
    from sugata.oneshot.inherited import InheritedEvaluator
    from sugata.oneshot.supernets import check_supernet

    check_supernet(training.networks.space, section.network)

    compared = [metric.name for metric in objectives.metrics] + [limit.metric for limit in objectives.limits]
    measured = {metric.name for metric in training.networks.metrics}
    return InheritedEvaluator(training, costs=measured.intersection(compared))


def _looked_up(recipe: Recipe, section: TableSection) -> Assembly:
    """A search of a table: its space, and a look-up for an evaluation."""
    metrics = [*section.metrics, *([section.report] if section.report else [])]
    table = read_table(
        section.file,
        space=None if recipe.spaces[-1] == "table" else str(recipe.spaces[-1]),
        data_set=section.data_set,
        metrics=metrics,
        choices=section.choices,
    )
    if section.report is not None:
        table.column(section.report)
    wanted = (*recipe.objectives.metrics[1:], *limited_metrics(recipe.limits))
    evaluator = TableEvaluator(
        table, section.metric, direction=section.direction, others=tuple(dict.fromkeys(wanted))
    )
    objectives = objectives_of(recipe, evaluator.metrics)
    return Assembly(recipe, table.space, None, evaluator, objectives, {}, _smaller(recipe, table.space))


def _space(recipe: Recipe) -> SearchSpace:
    given = recipe.spaces[-1]
    if isinstance(given, dict):
        return DictionarySpace(given)
    network = recipe.network
    if given == "blocks/graph" and not network and isinstance(recipe.task, RowsSection):
        network = _usual_graph(recipe.task)
    return space_named(given, **network, **({"options": recipe.choices} if recipe.choices else {}))


def _usual_graph(section: RowsSection) -> dict[str, Any]:
    """The graph of blocks for a file of rows."""
    from sugata.spaces.blocks.defaults import default_graph

    heads = {"class": "classification", "labels": "multi_label", "value": "regression"}
    return default_graph({section.kind: section.kind}, {"target": heads[section.predict]})


def _smaller(recipe: Recipe, whole: SearchSpace) -> tuple[SearchSpace, ...]:
    """The spaces before the last of the recipe's list: named, or the last with fewer options."""
    return tuple(
        restricted(whole, given) if isinstance(given, dict) else space_named(given, **recipe.network)
        for given in recipe.spaces[:-1]
    )


def own_strategy(name: str, space: SearchSpace, objectives: Objectives, given: dict[str, Any]) -> Strategy:
    make = imported("field 'strategy.kind':", name)
    if not callable(make):
        raise RecipeError(
            f"field 'strategy.kind': {name!r} is a {type(make).__name__}; give a Strategy class, or a"
            " function that makes a strategy"
        )
    if "starts" not in inspect.signature(make).parameters:
        given = {option: value for option, value in given.items() if option != "starts"}
    try:
        made = make(space, objectives, **given)
    except TypeError as error:
        options = ", ".join(f"{option}=..." for option in given)
        raise RecipeError(
            f"field 'strategy.kind': {name!r} cannot be called with (space, objectives, {options}): {error}"
        ) from error
    if not isinstance(made, Strategy):
        raise RecipeError(
            f"field 'strategy.kind': {name!r} made a {type(made).__name__}; it must make a"
            " sugata.strategies.Strategy"
        )
    return made


def networks_of(recipe: Recipe, space: SearchSpace, data: str | None = None) -> "Networks":
    """The space's networks for the recipe's task; no data are read yet.

    Args:
        data: other data than the recipe's.

    Raises:
        RecipeError: the recipe has no task, or the space has no networks for it.
    """
    section = recipe.task
    if section is not None and data is not None:
        section = section.model_copy(update={"data": data})
    if isinstance(section, ImageSection):
        return _image_networks(recipe, section, space)
    if isinstance(section, BlocksSection):
        return _block_networks(section, space)
    if isinstance(section, CodeSearchSection):
        return _search_networks(section, space)
    if isinstance(section, CodeSection):
        return _language_networks(recipe, section, space)
    raise RecipeError("field 'task': the recipe has none; this command needs one")


def _language_networks(recipe: Recipe, section: CodeSection, space: SearchSpace) -> "Networks":
    from sugata.evaluators.language import LanguageNetworks
    from sugata.spaces.language import LanguageSpace
    from sugata.tasks import CodeLanguageModelling

    if not isinstance(space, LanguageSpace):
        raise RecipeError(
            f"field 'space': {space.name} has no code models; use a language space, such as tiny, or"
            " task.kind image"
        )
    task = CodeLanguageModelling(
        section.data, max_bytes=int(section.max_bytes), pad_vocabulary=section.pad_vocabulary
    )
    return LanguageNetworks(
        space,
        task,
        evaluation_bytes=int(section.evaluation_bytes),
        test_bytes=int(section.test_bytes),
        benchmark=None if section.benchmark is None else _benchmark(recipe, section.benchmark),
    )


def _benchmark(recipe: Recipe, section: BenchmarkSection) -> "CodeBenchmark":
    """What a recipe says of problems; no file is read yet."""
    from sugata.evaluators.benchmark import Settings
    from sugata.evaluators.code_benchmark import CodeBenchmark, Rungs
    from sugata.tasks import Sampling

    trained = [i for i, rung in enumerate(recipe.funnel) if rung.unit != SHARED]
    lowest, highest = (trained[0], trained[-1]) if trained else (len(recipe.funnel),) * 2
    return CodeBenchmark(
        section.name,
        Settings(section.k, section.samples, section.tokens, Sampling(section.temperature, 0, section.top_p)),
        Rungs(lowest, highest if section.rungs == "top" else lowest),
        files=section.files,
        part=section.part,
        problems=section.problems,
        judges=section.judges,
        test_problems=section.test_problems,
        isolation=section.isolation,
    )


def _search_networks(section: CodeSearchSection, space: SearchSpace) -> "Networks":
    from sugata.evaluators.code_search import CodeSearchNetworks
    from sugata.spaces.language import LanguageSpace
    from sugata.tasks import CodeSearch

    if not isinstance(space, LanguageSpace):
        raise RecipeError(
            f"field 'space': {space.name} has no encoders of code; use a language space, such as tiny"
        )
    own = {"kind", "towers", "pooling", "evaluation_pairs", "test_pairs"}
    return CodeSearchNetworks(
        space,
        CodeSearch(**section.model_dump(exclude=own)),
        towers=section.towers,
        pooling=section.pooling,
        evaluation_pairs=section.evaluation_pairs,
        test_pairs=section.test_pairs,
    )


def _block_networks(section: BlocksSection, space: SearchSpace) -> "Networks":
    from sugata.evaluators.blocks import BlockNetworks
    from sugata.spaces.blocks import BlockSpace
    from sugata.tasks import PreparedTask

    if not isinstance(space, BlockSpace):
        raise RecipeError(
            f"field 'space': {space.name} has no networks for prepared data; use blocks/graph, or task.kind"
            " image"
        )
    given = section.model_dump(include=set(BlocksSection.model_fields) - {"evaluation_rows", "folds"})
    if isinstance(section, PreparedSection):
        given |= {"data": section.data, "loss_weights": section.loss_weights}
        given["augment"] = {name: space.policy(block) for name, block in section.augment.items()}
    if isinstance(section, RowsSection):
        from sugata.tasks.prepared.files import FileSettings, prepare_files

        rows = section.model_dump(exclude=set(BlocksSection.model_fields))
        given["data"] = prepare_files(FileSettings(**rows)).folder
    task = PreparedTask(**given)
    space.check(task.signature({}))
    return BlockNetworks(space, task, section.evaluation_rows)


def _image_networks(recipe: Recipe, section: ImageSection, space: SearchSpace) -> "Networks":
    from sugata.evaluators.image import ImageNetworks
    from sugata.spaces.blocks import BlockSpace
    from sugata.spaces.language import LanguageSpace
    from sugata.spaces.scaling import scaled_space
    from sugata.tasks import ImageTask

    if isinstance(space, LanguageSpace | BlockSpace) or type(space).build is SearchSpace.build:
        raise RecipeError(
            f"field 'space': {space.name} has no image networks; use one such as nasbench201, or task.kind"
            " code"
        )
    trainings: list[RungSection | FinalSection] = [*recipe.funnel, recipe.final]
    for rung in trainings:
        scaled_space(space, width=rung.channels, depth=rung.cells, divisor=1)  # or it says why not
    given = section.model_dump(exclude={"kind", "evaluation_images"})
    return ImageNetworks(
        space,
        ImageTask(**given),
        ships=final_fidelity(recipe),
        evaluation_images=section.evaluation_images,
        source=str(recipe.spaces[-1]) if ":" in str(recipe.spaces[-1]) else None,
    )


def settings(recipe: Recipe, section: TrainingSection | None = None) -> "TrainingSettings":
    """The recipe's training settings; what is null stays at the loop's default.

    Args:
        section: other settings than those of the search.
    """
    from sugata.training import DistillationSettings, TrainingSettings

    chosen = section or recipe.training
    given = chosen.model_dump()
    if chosen.distill is not None:
        given["distill"] = DistillationSettings(**chosen.distill.model_dump())
    if isinstance(recipe.task, ImageSection):
        given |= {"length": None, "evaluation_limit": recipe.task.evaluation_images}
        return TrainingSettings(**given)
    if isinstance(recipe.task, BlocksSection):
        given |= {"length": None, "evaluation_limit": recipe.task.evaluation_rows}
        return TrainingSettings(**given)
    if isinstance(recipe.task, CodeSearchSection):
        given |= {"length": None, "evaluation_limit": recipe.task.evaluation_pairs}
        return TrainingSettings(**given)
    return TrainingSettings(**{name: value for name, value in given.items() if value is not None})


def hardware(recipe: Recipe) -> "Hardware":
    """What trains a network.

    Raises:
        RecipeError: this machine has no such accelerator.
    """
    from sugata.training import Hardware

    found = Hardware(**recipe.hardware.model_dump())
    if recipe.engine.kind == "local":
        _ = found.device
    return found


def fidelity(position: int, rung: RungSection) -> Fidelity:
    """A rung of the funnel as a fidelity."""
    proxy = {name: getattr(rung, name) for name in ("samples", "channels", "cells", "resolution")}
    return Fidelity(position, rung.name, rung.amount, rung.unit, **proxy)


def final_fidelity(recipe: Recipe) -> Fidelity:
    """The winners' full training, above all rungs."""
    section = recipe.final
    size = {"channels": section.channels, "cells": section.cells}
    return Fidelity(len(recipe.funnel), "final", section.amount, section.unit, **size)
