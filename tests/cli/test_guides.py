"""What the guides under docs tell people to type is understood."""

import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml
from typer.main import get_command

from sugata import recipe as recipes
from sugata.cli.commands import app
from sugata.run.assembly import assemble
from sugata.space import image_signature

GUIDE = (Path(__file__).parents[2] / "docs" / "supernets.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


LINES = [line.split("  #")[0] for block in blocks("sh") for line in block.splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_every_command_is_understood_with_its_changes(line: str) -> None:
    program, name, *arguments = shlex.split(line)
    assert program == "sugata"
    context = get_command(app).commands[name].make_context(name, list(arguments))  # type: ignore[attr-defined]
    if name == "search":
        given = recipes.assignments(context.params["changes"] or [])
        assemble(recipes.load(context.params["recipe"], {"task.data": context.params["data"], **given}))


def test_the_recipe_of_the_guide_can_be_assembled() -> None:
    (text,) = blocks("yaml")
    assembly = assemble(recipes.parse(yaml.safe_load(text)))
    assert assembly.recipe.supernet is not None


def test_the_program_of_the_guide_makes_a_supernet() -> None:
    (text,) = blocks("python")
    names: dict[str, object] = {}
    exec(text, names)
    supernet = names["MySpace"]().supernet(image_signature(3, 8, 8, 5))  # type: ignore[operator]
    assert supernet(torch.zeros(2, 3, 8, 8)).shape == (2, 5)
