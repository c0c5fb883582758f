"""What the pages under docs show works: every program, every command, every recipe."""

import re
import shlex
import shutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from sugata import recipe as recipes
from sugata.cli.commands import app
from sugata.run import Result
from sugata.run.assembly import assemble

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT / "docs").as_posix(): path for path in sorted((ROOT / "docs").rglob("*.md"))}
RUN = ("generate", "status", "report", "compare", "recipes", "strategies", "methods", "spaces", "init")
OTHER = ("git", "pip", "cd")  # programs of others


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    text = PAGES[page].read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def with_blocks(language: str) -> list[str]:
    """The pages that have some."""
    return [page for page in PAGES if blocks(page, language)]


def lines(page: str) -> Iterator[list[str]]:
    """The commands of a page, as words."""
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            if words := shlex.split(line, comments=True):
                yield words


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", with_blocks("sh"))
def test_every_command_is_understood_with_its_changes(page: str) -> None:
    for words in lines(page):
        if words[0].removeprefix(".venv/bin/") == "sugata":
            understood(words[1:])
        elif words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file(), words
        else:
            assert words[0] in OTHER, words


def understood(words: list[str]) -> None:
    """Parse a command; of a search, make everything that its recipe describes."""
    command: Any = get_command(app)
    name, *arguments = words
    context = command.commands[name].make_context(name, list(arguments))
    if hasattr(command.commands[name], "commands"):  # a group: its command is parsed by itself
        inner = command.commands[name].commands[arguments[0]]
        inner.make_context(arguments[0], list(arguments[1:]), parent=context)
        return
    given = context.params
    recipe = given.get("recipe") or "tiny"
    if name != "search" or given["table"] or Path(recipe).suffix:
        return
    data = {"task.data": given["data"]} if given["data"] else {}
    assemble(recipes.load(recipe, data | recipes.assignments(given["changes"] or [])))


@pytest.mark.parametrize("page", with_blocks("yaml"))
def test_every_recipe_can_be_read(page: str) -> None:
    for block in blocks(page, "yaml"):
        recipe = recipes.parse({"funnel": [{"name": "one", "amount": 1}], **yaml.safe_load(block)})
        if ":" not in recipe.strategy.kind:
            assemble(recipe)


@pytest.fixture
def runs(finished: Result, tmp_path: Path) -> Path:
    """A folder with the runs that pages speak of."""
    for name in ("tiny", "tiny-2", "large", "small"):
        shutil.copytree(finished.folder, tmp_path / "runs" / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("python"))
def test_the_programs_of_a_page_run_one_after_the_other(
    page: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("page_of_the_docs")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # a class of it is module:name to a recipe
    for block in blocks(page, "python"):
        exec(compile(block, str(PAGES[page]), "exec"), module.__dict__)


@pytest.mark.slow
def test_cheap_commands_work_on_a_run(sugata, runs: Path) -> None:
    seen = set()
    for page in with_blocks("sh"):
        for words in lines(page):
            if words[0] != "sugata" or words[1] not in RUN or tuple(words) in seen:
                continue
            seen.add(tuple(words))
            code, out, err = sugata(*words[1:])
            assert code == 0, f"{page}: {words}: {err}"
            assert out
    assert len(seen) > 10


@pytest.mark.parametrize("page", ["extend/space.md", "extend/strategy.md", "extend/evaluator.md"])
def test_forty_lines_are_forty_lines(page: str) -> None:
    first = blocks(page, "python")[0]
    assert len([line for line in first.splitlines() if line.strip()]) <= 42
