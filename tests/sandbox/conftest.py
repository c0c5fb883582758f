"""The levels that this machine offers, as root and as an ordinary user, and somebody's home."""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sugata.sandbox import Level, levels

NOBODY = 65534


def as_ordinary_user(function: Callable[[], Any]) -> Any:
    """What a function returns in a process of an ordinary user, where this one is root's."""
    if os.getuid() != 0:
        return function()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = (True, function())
        except BaseException as error:
            answer = (False, repr(error))
        with os.fdopen(writing, "wb") as file:
            pickle.dump(answer, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        ok, value = pickle.load(file)
    os.waitpid(child, 0)
    assert ok, value
    return value


@pytest.fixture(params=["root", "ordinary user"])
def user(request: pytest.FixtureRequest) -> Callable[[Callable[[], Any]], Any]:
    """Calls a function as root, or as an ordinary user."""
    if request.param == "root":
        if os.getuid() != 0:
            pytest.skip("not root")
        return lambda function: function()
    return as_ordinary_user


@pytest.fixture(params=[Level.BUBBLEWRAP, Level.NAMESPACES, Level.LANDLOCK])
def level(request: pytest.FixtureRequest) -> Level:
    problem = dict(levels())[request.param]
    if problem:
        pytest.skip(f"{request.param}: {problem}")
    return request.param


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that everybody may use, so that only the sandbox keeps a program out of it."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o777)
    (folder / "secret").write_text("42")
    (folder / "secret").chmod(0o666)
    yield folder
    shutil.rmtree(folder)
