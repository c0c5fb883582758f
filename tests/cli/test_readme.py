"""What the README tells people to type works."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

import sugata as package
from sugata.cli.commands import app
from sugata.report.wording import count
from sugata.run import Result
from sugata.spaces import space

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
# Long or about to change the machine: these are parsed here, and what they do is tested elsewhere.
PARSED_ONLY = (
    "search",
    "train",
    "measure",
    "doctor",
    "bench",
    "convert-table",
    "latency-table",
    "tune",
    "compress",
    "teach",
    "evaluate",
)
SMALLER = {"--trial 17": "--trial 1", "--temperature 0.7": "--tokens 5", "runs/tiny-2": "runs/tiny"}


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(program: str) -> Iterator[str]:
    """The lines that call a program, without their comments."""
    for block in blocks("sh"):
        for line in block.splitlines():
            if line.startswith(f"{program} "):
                yield line.split("  #")[0].split(" # ")[0].strip()


@pytest.mark.parametrize("line", list(commands("sugata")))
def test_every_command_is_one_that_exists(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    group = get_command(app)
    group.commands[name].make_context(name, arguments)  # type: ignore[attr-defined] # raises if it cannot be parsed


@pytest.mark.parametrize("line", list(commands("make")))
def test_every_make_target_exists(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.slow
def test_the_commands_on_a_run_work(
    sugata, finished: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished.folder, tmp_path / "runs" / "tiny")
    monkeypatch.chdir(tmp_path)
    for line in commands("sugata"):
        _, name, *_ = shlex.split(line)
        if name in PARSED_ONLY:
            continue
        for written, smaller in SMALLER.items():
            line = line.replace(written, smaller)
        code, out, err = sugata(*shlex.split(line)[1:])
        assert code == 0, f"{line}: {err}"
        assert out


@pytest.mark.slow
def test_the_programs_work(
    finished: Result,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(finished.folder, tmp_path / "runs" / "tiny")
    monkeypatch.chdir(tmp_path)
    three_lines, own, recipe, onnx = blocks("python")
    exec(three_lines.replace('"30s"', '"5s"'), {})
    assert float(capsys.readouterr().out.split()[-2]) > 0.7
    assert (tmp_path / "digits-model" / "model.onnx").is_file()
    exec(onnx, {})
    assert capsys.readouterr().out
    own_names: dict[str, object] = {"__name__": "readme"}
    exec(own, own_names)
    found = own_names["result"]
    assert isinstance(found, Result)
    assert found.best is not None
    assert dict(found.best.architecture) == {"depth": 8, "width": 64}
    monkeypatch.setattr(package, "search", lambda *given, **named: finished, raising=False)
    exec(recipe, {})
    assert len(recipe.strip().splitlines()) <= 5


def test_the_table_of_spaces_is_counted() -> None:
    section = README.partition("\n## The spaces\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|", section, re.MULTILINE)
    language = ["tiny", "minimal", "medium", "full", "hybrid"]
    cells = ["nasbench201", "nasbench101", "darts", "nasnet"]
    assert [row[0] for row in rows] == [*language, *cells, "nasbench_macro", "proxyless", "mnasnet"]
    for name, *written in rows:
        one = space(name)
        counts = (one.size(), one.valid(), one.distinct())
        assert written == ["not counted" if found is None else count(found) for found in counts]


def test_what_it_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        page, _, place = target.partition("#")
        assert (ROOT / page).exists(), target
        headings = re.findall(r"^#+ (.*)", (ROOT / page).read_text() if place else "", re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
        assert not place or place in slugs, target


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 250
