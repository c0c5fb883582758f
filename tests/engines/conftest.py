"""The engines that promise the same, and one Ray cluster for all tests of a process."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # for engine_calls

from engine_calls import Opened, opened

from sugata.engines import ray_cluster

WITH_WORKERS = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("local", "ray")]


@pytest.fixture(scope="session")
def ray() -> Iterator[Any]:
    """Ray on this machine; engines that are opened meanwhile use it."""
    with ray_cluster.connected(None, 3, []):
        yield sys.modules["ray"]


@pytest.fixture(params=["in_process", *WITH_WORKERS])
def any_engine(request: pytest.FixtureRequest) -> Opened:
    """Opens an engine of each kind; the one in this process has one worker and no options."""
    return _opened(request)


@pytest.fixture(params=WITH_WORKERS)
def engine_of_workers(request: pytest.FixtureRequest) -> Opened:
    """Opens an engine of each kind that has worker processes."""
    return _opened(request)


def _opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "ray":
        request.getfixturevalue("ray")
    return partial(opened, request.param)
