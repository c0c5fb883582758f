"""A Ray cluster of several node processes on this machine, to kill parts of it."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

AGENT = "ray::NodeAgent"
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on the loopback interface only; drivers must know it too
}
_NODE = {"object_store_memory": 100 << 20, "include_dashboard": False, "include_log_monitor": False}


class Cluster:
    """A head, which the driver needs, and nodes that may be lost.

    Attributes:
        address: for ``--address``.
        nodes: Ray's node objects, the head first.
    """

    def __init__(self, head_cpus: int) -> None:
        os.environ |= _ENVIRONMENT
        from ray.cluster_utils import Cluster as RayCluster

        logging.getLogger("ray").setLevel(logging.ERROR)
        self._cluster = RayCluster(
            initialize_head=True, head_node_args={**_NODE, "num_cpus": head_cpus}, shutdown_at_exit=True
        )
        self.address = str(self._cluster.address)
        self.nodes: list[Any] = [self._cluster.head_node]

    def add(self, cpus: int = 1) -> None:
        """Let a node join."""
        self.nodes.append(self._cluster.add_node(**_NODE, num_cpus=cpus, wait=False))

    def kill(self, index: int) -> int:
        """Kill a node's raylet with signal 9; Ray's other processes of the node follow it. The process id."""
        [raylet] = self.nodes.pop(index).all_processes["raylet"]
        raylet.process.kill()
        raylet.process.wait()
        return int(raylet.process.pid)

    def raylet(self, index: int) -> psutil.Process:
        """The main process of a node."""
        [raylet] = self.nodes[index].all_processes["raylet"]
        return psutil.Process(raylet.process.pid)

    def agents(self) -> list[psutil.Process]:
        """The engine's actors on all nodes."""
        return [child for node in range(len(self.nodes)) for child in agents(self.raylet(node))]

    def workers(self) -> list[psutil.Process]:
        """The worker processes of all nodes."""
        return [child for agent in self.agents() for child in _children(agent)]

    def shutdown(self) -> None:
        """End all nodes."""
        for node in [*self.nodes[1:], self.nodes[0]]:
            self._cluster.remove_node(node)


def agents(raylet: psutil.Process) -> list[psutil.Process]:
    """The engine's actors on one node."""
    return [child for child in _children(raylet) if _title(child).startswith(AGENT)]


@contextmanager
def cluster(head_cpus: int = 1, others: int = 0) -> Iterator[Cluster]:
    """A cluster of a head and other nodes of one CPU each."""
    made = Cluster(head_cpus)
    try:
        for _ in range(others):
            made.add()
        yield made
    finally:
        made.shutdown()


def until(condition: Any, seconds: float = 180.0) -> Any:
    """Wait until a condition has a true value, and return that.

    Raises:
        TimeoutError: it had none in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise TimeoutError(f"waited {seconds:g} seconds for {condition}")


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.NoSuchProcess:
        return []


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
