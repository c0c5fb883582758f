"""What can be searched and how, with papers: from the registries and their docstrings."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from generated_pages.papers import listed
from generated_pages.text import first_line, option_table, papers, prose, table
from sugata.measure import PROXIES
from sugata.oneshot import catalogue as one_shot_catalogue
from sugata.options import Option
from sugata.spaces import baselines, names, space
from sugata.strategies import (
    STRATEGIES,
    Asha,
    Funnel,
    Hyperband,
    Progressive,
    SuccessiveHalving,
    strategy_class,
)
from sugata.strategies import options as strategy_options

_GENERATED = "This page is written from the code when the site is built.\n"


def strategies() -> str:
    """Every strategy with its options."""
    found = {name: strategy_class(name) for name in STRATEGIES}
    return _catalogue(
        "Strategies",
        "Who is looked at next. In a recipe: `strategy: {kind: NAME, option: value}`; on the command line"
        ' `--set strategy.kind=NAME`; in Python `sugata.search(..., strategy="NAME")`. Measured beside each'
        " other: [strategies on benchmark tables](../results/strategies.md). Write your own:"
        " [a strategy in 40 lines](../extend/strategy.md).",
        found,
        strategy_options,
    )


def one_shot() -> str:
    """Every method on shared weights with its options."""
    found = {name: one_shot_catalogue.method_class(name) for name in one_shot_catalogue.METHODS}
    return _catalogue(
        "One-shot methods",
        "What learns on shared weights. In a recipe: `supernet: {method: NAME, option: value}`. Which one"
        " when: [shared weights](../supernets.md); what they were worth here:"
        " [measured](../results/shared_weights.md).",
        found,
        one_shot_catalogue.options,
    )


def promotion() -> str:
    """Who is trained longer."""
    found: Mapping[str, type] = {
        "funnel": Funnel,
        "successive_halving": SuccessiveHalving,
        "hyperband": Hyperband,
        "asha": Asha,
    }
    text = _catalogue(
        "Promotion and growing spaces",
        "Who trains longer: `promotion: {kind: NAME}` in a recipe, around any strategy, over the rungs of"
        " `funnel`.",
        found,
        None,
    )
    growing = f"\n## space: [small, ..., large]\n\n{prose(Progressive)}\n"
    before = text.partition("\n## Papers\n")[0]
    return f"{before}{growing}{listed([text, growing])}\n"


def spaces() -> str:
    """Every space: counts, choices, papers, known networks."""
    made = {name: space(name) for name in names()}
    rows = [
        (f"[`{name}`](#{_anchor(name)})", *map(_count, (one.size(), one.valid(), one.distinct())))
        for name, one in made.items()
    ]
    parts = [
        "# Search spaces\n",
        _GENERATED,
        "What can be built. In a recipe: `space: NAME`, with `network:` for the parameters of its class and"
        " `choices:` for other options. `sugata spaces NAME --explain` says what speaks for and against each"
        " option. Write your own: [a space in 40 lines](../extend/space.md).\n",
        table(("space", "raw product", "valid", "different networks"), rows),
    ]
    for name, one in made.items():
        parts += [f"\n## {name}\n", prose(type(one)), "", _choices(one)]
        cited = dict.fromkeys(p for c in one.choices for note in c.notes.values() for p in note.papers)
        if cited:
            parts += ["", "Papers: " + "; ".join(cited) + "."]
        known = baselines(one)
        if known:
            parts += ["", "Known networks: " + ", ".join(f"`{b.name}`" for b in known) + "."]
    sources = [inspect.getdoc(inspect.getmodule(type(one))) or "" for one in made.values()]
    return "\n".join([*parts, listed([*sources, *map(prose, map(type, made.values()))])]) + "\n"


def proxies() -> str:
    """Every zero-cost proxy."""
    module = inspect.getmodule(next(iter(PROXIES.values())))
    rows = [(f"[`{name}`](#{name})", first_line(proxy)) for name, proxy in PROXIES.items()]
    parts = [
        "# Zero-cost proxies\n",
        _GENERATED,
        prose(module),
        "",
        "How they ranked here: [cheap scores](../results/strategies.md#do-cheap-scores-rank).\n",
        table(("proxy", "what it is"), rows),
    ]
    for name, proxy in PROXIES.items():
        parts += [f"\n## {name}\n", prose(proxy)]
    return "\n".join([*parts, listed(parts)]) + "\n"


def _catalogue(
    title: str,
    about: str,
    found: Mapping[str, type],
    options: Callable[[str], Mapping[str, Option]] | None,
) -> str:
    rows = [
        (f"[`{name}`](#{name})", first_line(one), ", ".join(_cited(one)) or "") for name, one in found.items()
    ]
    parts = [f"# {title}\n", _GENERATED, f"{about}\n", table(("name", "what it is", "papers"), rows)]
    for name, one in found.items():
        parts += [f"\n## {name}\n", prose(one)]
        if options is not None:
            parts += ["", option_table(options(name))]
    return "\n".join([*parts, listed(parts)]) + "\n"


def _cited(one: type) -> list[str]:
    """The papers of a class: of its docstring, or of those that it stands on."""
    for level in one.__mro__[:3]:
        if cited := papers(inspect.getdoc(level) or ""):
            return cited
    return []


def _choices(one: Any) -> str:
    """Choices with the same options in one row."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for choice in one.choices:
        options = " ".join(f"`{option}`" for option in choice.options)
        about = choice.description if len(one.choices) < 20 else ""
        alike.setdefault((options, choice.when.text if choice.when else "", about), []).append(choice.name)
    rows = [(_names(together), options, when, about) for (options, when, about), together in alike.items()]
    return table(("choice", "options", "applies when", "what it is"), rows)


def _names(together: list[str]) -> str:
    shown = [f"`{name}`" for name in together]
    return ", ".join(shown) if len(shown) < 7 else f"{shown[0]}, {shown[1]} ... {shown[-1]}"


def _count(value: int | None) -> str:
    if value is None:
        return "not counted"
    return f"{value:,}" if value < 10**12 else f"{value:.1e}"


def _anchor(name: str) -> str:
    return name.replace("/", "")
