"""A small corpus of source files and a task on it."""

from pathlib import Path

import pytest

from sugata.tasks import CodeLanguageModelling


def source_text(number: int) -> str:
    """A distinct Python file of a few hundred bytes, with a character outside of ASCII."""
    lines = [f'"""Module {number}: größe {number * 7919 % 97}."""', ""]
    for function in range(6):
        name = f"function_{number}_{function}_{(number * 31 + function * 17) % 101}"
        lines += [
            f"def {name}(first, second={function}):",
            f'    """Return something of {name} – {"abcdefgh"[function % 8] * (number % 5 + 1)}."""',
            f"    total = first * {number * function + 3} + second",
            f"    for item_{number} in range(total):",
            f"        total -= item_{number} % {function + 2}",
            "    return total",
            "",
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def code_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 files in 20 packages, with things beside them that are no source code."""
    folder = tmp_path_factory.mktemp("code")
    for number in range(60):
        path = folder / f"package_{number % 20}" / f"module_{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source_text(number), "utf-8")
    (folder / "package_0" / "binary.py").write_bytes(b"\0\1\2" * 100)
    (folder / "package_0" / "latin.py").write_bytes("# Größe\n".encode("latin-1"))
    (folder / "package_0" / "picture.png").write_bytes(b"\x89PNG")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "index.js").write_text("module.exports = 1\n")
    (folder / ".git").mkdir()
    (folder / ".git" / "hook.py").write_text("print(1)\n")
    (folder / "myenv").mkdir()
    (folder / "myenv" / "pyvenv.cfg").write_text("home = /usr\n")
    (folder / "myenv" / "site.py").write_text("print(2)\n")
    (folder / "dangling.py").symlink_to(folder / "nowhere.py")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that the tests of a session share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def task(code_folder: Path, cache: Path) -> CodeLanguageModelling:
    """A prepared task with vocabularies of 300 and 400 tokens, windows of 16."""
    task = CodeLanguageModelling(
        str(code_folder), length=16, validation_share=0.15, test_share=0.15, cache_dir=cache
    )
    task.prepare({"vocab_size": [300, 400], "num_layers": [2]})
    return task
