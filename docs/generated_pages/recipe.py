"""Every field of a recipe: type, default, one line."""

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from generated_pages.text import first_line, table
from sugata.recipe import Recipe, shipped
from sugata.recipe_tasks import TASKS, Bytes, Milliseconds, Seconds, Share
from sugata.trial import Value

_QUANTITIES: Mapping[Any, str] = {
    Bytes: "size",
    Seconds: "duration",
    Milliseconds: "duration",
    Share: "share, 0 to 1",
}
_UNITS = {Bytes: ("MB", 1e6), Seconds: ("s", 1.0), Milliseconds: ("ms", 1.0)}
_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def reference() -> str:
    """All sections, in the order of the recipe."""
    rows = [(f"`{name}`", about) for name, about in shipped().items()]
    parts = [
        "# Recipe reference\n",
        "This page is written from the code when the site is built.\n",
        "A recipe is a YAML file that decides a run. `sugata init mine.yaml` writes one with every field;"
        " `--set section.field=value` changes a field on the command line. Sizes are written like `50MB` or"
        " `800kB`, durations like `90s`, `10m` or `1.5h`.\n",
        "Shipped recipes, for `sugata search NAME`:\n",
        table(("recipe", "what it does"), rows),
        "\n## The recipe\n",
        _fields(Recipe),
    ]
    for title, about, section in _sections():
        parts += [f"\n## {title}\n", f"{about}\n", _fields(section)]
    return "\n".join(parts) + "\n"


def _sections() -> Iterator[tuple[str, str, type[BaseModel]]]:
    for name, field in Recipe.model_fields.items():
        if name == "task":
            for kind, section in TASKS.items():
                yield f"task: {kind}", first_line(section), section
            continue
        for section in _models(field.annotation):
            yield from _with_inner(name, section)


def _with_inner(name: str, section: type[BaseModel]) -> Iterator[tuple[str, str, type[BaseModel]]]:
    yield name, _about(name, section), section
    for inner, field in section.model_fields.items():
        for found in _models(field.annotation):
            yield from _with_inner(f"{name}.{inner}", found)


def _about(name: str, section: type[BaseModel]) -> str:
    text = first_line(section)
    if name == "strategy":
        return f"{text} The options of each: [strategies](../methods/strategies.md)."
    if name == "supernet":
        return f"{text} The options of each method: [one-shot methods](../methods/one_shot.md)."
    return text


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a field holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _fields(section: type[BaseModel]) -> str:
    rows = [
        (f"`{name}`", type_text(field), _default(field), field.description or "")
        for name, field in section.model_fields.items()
    ]
    return table(("field", "type", "default", "what it is"), rows)


def type_text(field: FieldInfo) -> str:
    """The type of a field in words, with its bounds."""
    if (quantity := _quantity(field)) is not None:
        return _QUANTITIES[quantity]
    bounds = " ".join(
        f"{sign} {getattr(part, word):g}"
        for part in field.metadata
        for word, sign in _BOUNDS.items()
        if getattr(part, word, None) is not None
    )
    words, null, _ = _words(field.annotation).partition(" or null")
    return f"{words} {bounds}".strip() + null


def _quantity(field: FieldInfo) -> Any:
    """The quantity that a field is written in: what reads its texts tells it."""
    for quantity in _QUANTITIES:
        if quantity.__metadata__[0] in field.metadata:
            return quantity
    return None


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _QUANTITIES:
        return _QUANTITIES[annotation]
    if annotation is type(None):
        return "null"
    if origin is Annotated:
        return _words(inner[0])
    if origin is Literal:
        return " ".join(f"`{option}`" for option in inner)
    if origin in (Union, types.UnionType):
        plain = [one for one in inner if one not in get_args(Value)]
        words = ["value"] if len(plain) <= len(inner) - len(get_args(Value)) else []
        words += [_words(one) for one in (plain if words else inner)]
        return " or ".join(dict.fromkeys(words))
    if origin in (tuple, list):
        return f"list of {_words(inner[0])}"
    if origin is dict:
        return f"mapping to {_words(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
        getattr(annotation, "__name__", ""), "any value"
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.default
    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, float):
        unit, scale = _UNITS.get(_quantity(field), ("", 1.0))
        return f"`{value / scale:g}{unit}`"
    return f"`{value}`"
