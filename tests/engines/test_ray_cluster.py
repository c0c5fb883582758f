"""What fits on a node, and what is said where there is no cluster."""

import socket
import sys

import pytest

from sugata.engines import ray_cluster
from sugata.engines.ray_cluster import room, sharing
from sugata.engines.ray_crew import _devices
from sugata.errors import TaskError


@pytest.mark.parametrize(
    ("cpus", "gpus", "fit"),
    [
        (1, 0, 8),
        (3, 0, 2),
        (0.5, 0, 16),
        (16, 0, 0),
        (1, 1, 2),
        (1, 2, 1),
        (1, 0.5, 4),
        (1, 0.3, 6),
        (4, 0.1, 2),
    ],
)
def test_trials_fit_by_cpus_and_gpus(cpus: float, gpus: float, fit: int) -> None:
    assert room({"CPU": 8.0, "GPU": 2.0, "memory": 1e9}, cpus, gpus) == fit


def test_nothing_fits_where_there_is_nothing() -> None:
    assert room({}, 1, 0) == 0
    assert room({"CPU": 4.0}, 1, 1) == 0
    assert room({"CPU": 0.9999}, 1, 0) == 0


@pytest.mark.parametrize(("part", "trials"), [(0.5, 2), (0.3, 3), (0.1, 10), (0.2, 5), (1.0, 1)])
def test_parts_of_a_gpu_never_add_up_to_more_than_one(part: float, trials: int) -> None:
    assert sharing(part) == trials


@pytest.mark.parametrize(
    ("slots", "gpus", "devices"), [(3, 0, 0), (3, 1, 3), (3, 2, 6), (3, 0.5, 2), (4, 0.3, 2)]
)
def test_a_node_is_asked_for_as_many_gpus_as_its_trials_need(slots: int, gpus: float, devices: int) -> None:
    assert _devices(slots, gpus) == devices


def test_an_address_where_nothing_listens_is_said_in_a_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(
            TaskError, match=f"engine.address: no Ray cluster answers at '{address}'"
        ) as raised:
            ray_cluster.check(address)
    assert "\n" not in str(raised.value)
    assert "ray start --head" in str(raised.value)


def test_an_address_that_is_none_is_said_in_a_line() -> None:
    with pytest.raises(TaskError, match="no Ray cluster answers at 'nonsense'"):
        ray_cluster.check("nonsense")


def test_a_missing_ray_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for address in (None, "auto"):
        with pytest.raises(TaskError, match=r"Ray is not installed; install it: pip install 'sugata\[ray\]'"):
            ray_cluster.check(address)
