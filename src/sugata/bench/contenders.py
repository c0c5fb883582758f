"""Which strategies are compared, and with which settings."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sugata.bench.tasks import Contender
from sugata.bench.zero_cost import scores_of
from sugata.errors import RecipeError
from sugata.evaluators import TableEvaluator
from sugata.objectives import Objectives
from sugata.run.assembly import own_strategy
from sugata.strategies import STRATEGIES, Strategy, options, strategy_class

#: Strategies that are compared with other settings than their defaults, or with several: kind -> name ->
#: options. Evolution's defaults are for longer searches; Optuna's other samplers are slower (gp) or worse:
#: `--strategy optuna --set sampler=gp` runs one.
VARIANTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "evolution": {"evolution": {"population": 20, "tournament": 10, "generations": 100_000}},
        "optuna": {"optuna (tpe)": {"sampler": "tpe"}},
    }
)

_SCORES = "scores"  # the option by which a strategy takes further features

#: Those that are simulated with many workers.
PARALLEL = ("random", "regularized_evolution")


def contenders(names: Sequence[str] = (), changes: Mapping[str, Any] | None = None) -> list[Contender]:
    """The strategies to compare: all of the catalogue, or those named.

    Args:
        names: of the catalogue, or ``module:name`` for one's own.
        changes: options for the one strategy that is named.

    Raises:
        RecipeError: a name or an option that is not known, or options for several strategies.
    """
    if changes and len(names) != 1:
        raise RecipeError("options are those of one strategy; name it with --strategy")
    found = []
    for kind in names or STRATEGIES:
        known = {} if ":" in kind else options(kind)
        for option in changes or {}:
            if known and option not in known:
                raise RecipeError(f"{kind} has no option {option!r}; it has {', '.join(known)}")
        if changes:
            first = next(iter(VARIANTS.get(kind, {"": {}}).values()))
            found.append(Contender(kind, kind, {**first, **changes}))
        else:
            variants = VARIANTS.get(kind, {kind: {}})
            found += [Contender(name, kind, given) for name, given in variants.items()]
            if _SCORES in known:
                found.append(Contender(f"{kind} with zero-cost scores", kind, {}, zero_cost=True))
    return found


def strategy_of(contender: Contender, evaluator: TableEvaluator, seed: int) -> Strategy:
    """A new strategy for a table.

    Raises:
        SugataError: it does not work there.
    """
    space, objectives = evaluator.table.space, Objectives((evaluator.primary,))
    given = {**contender.options, "seed": seed, "fidelity": evaluator.ladder[-1]}
    if contender.zero_cost:
        given[_SCORES] = scores_of(evaluator.table)
    if ":" in contender.kind:
        return own_strategy(contender.kind, space, objectives, given)
    return strategy_class(contender.kind)(space, objectives, **given)
