"""A Ray cluster as the engine sees it: one that runs, or one of its own; its nodes and their room."""

import importlib.util
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sugata
from sugata.errors import TaskError

_OBJECT_STORE = 128 << 20  # bytes, of an embedded cluster; more spills to its folder
_LONGEST_ANSWER = 10.0  # seconds
_LONGEST_NAME = 24  # of the folder of temporary files: names of Ray's sockets in it are limited to 107 bytes
_SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "error"}
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's way to say: on the loopback interface only


@dataclass(frozen=True)
class NodeInfo:
    """A living node.

    Attributes:
        id: Ray's.
        host: name of its machine.
        resources: what it has: CPU, GPU.
        free: what of it nobody uses.
    """

    id: str
    host: str
    resources: dict[str, float]
    free: dict[str, float]

    def __str__(self) -> str:
        return f"{self.host} ({self.id[:6]})"


@contextmanager
def connected(address: str | None, cpus: int, modules: Sequence[str]) -> Iterator[None]:
    """Use the cluster at an address (``auto`` finds it), or for None start one here; end what was started.

    A cluster of its own listens on the loopback interface only, to who knows the token in ~/.ray; it reports
    to nobody, and ends with this process however that ends. (After a kill -9, two of Ray's helper processes
    wait for a minute before they follow, and the folder of its logs stays among the temporary files.)

    Other nodes get this package and the user's modules as they are here, once, by Ray; what is installed,
    torch above all, they must have. Where the process uses Ray already, that is used.

    Args:
        cpus: of a cluster of its own.
        modules: files and package folders of the user's modules.

    Raises:
        TaskError: Ray is not installed, or there is no cluster.
    """
    if "ray" in sys.modules and _ray().is_initialized():
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(_environment(_SILENT if address else _SILENT | _ALONE))
        if address is None:
            folder = tempfile.TemporaryDirectory(
                prefix="sugata-ray-", dir=_short_folder(), ignore_cleanup_errors=True
            )
            _start(cpus, stack.enter_context(folder))
        else:
            _join(address, [str(Path(sugata.__file__).parent), *modules])
        stack.callback(_ray().shutdown)
        stack.enter_context(_quiet())
        yield


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Environment variables for a while; Ray reads them when it is imported, and so do its processes."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ |= settings
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Ray prints of dying workers and nodes from the screen: the engine says it in a line."""
    worker = _ray()._private.worker
    before = getattr(worker, "print_to_stdstream", None)
    worker.print_to_stdstream = lambda *given, **named: None
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def _start(cpus: int, folder: str) -> None:
    """Start a cluster of one node that nobody else reaches."""
    _ray().init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=_OBJECT_STORE,
        log_to_driver=False,
        logging_level="ERROR",
        _temp_dir=folder,
    )


def check(address: str | None) -> None:
    """Make sure that Ray is installed, and that something answers at the address.

    Ray itself tries for a quarter of an hour.

    Raises:
        TaskError: it is not, or nothing does.
    """
    if importlib.util.find_spec("ray") is None:
        _ray()
    if address is None or "://" in address:
        return
    services = _ray()._private.services
    try:
        host, _, port = services.canonicalize_bootstrap_address_or_die(address).rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), _LONGEST_ANSWER).close()
    except (ConnectionError, OSError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _join(address: str, modules: Sequence[str]) -> None:
    check(address)
    try:
        _ray().init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"py_modules": list(modules), "excludes": ["__pycache__"]},
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> TaskError:
    why = (str(error).strip().splitlines() or [type(error).__name__])[0].partition(". ")[0]
    return TaskError(
        f"engine.address: no Ray cluster answers at {address!r} ({why}); start one with `ray start --head`"
        " (and set RAY_AUTH_MODE=token if it asks for a token), or leave the address out for one of your own"
    )


def nodes() -> list[NodeInfo]:
    """The nodes that live now."""
    ray = _ray()
    free = ray._private.state.available_resources_per_node()
    return [
        NodeInfo(
            node["NodeID"], node["NodeManagerHostname"], node["Resources"], dict(free.get(node["NodeID"], {}))
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def room(resources: dict[str, float], cpus: float, gpus: float) -> int:
    """How many trials fit in."""
    fit = int(resources.get("CPU", 0.0) / cpus + 1e-9)
    if not gpus:
        return fit
    available = resources.get("GPU", 0.0)
    return min(fit, int(available / gpus + 1e-9) if gpus >= 1 else int(available) * sharing(gpus))


def sharing(gpus: float) -> int:
    """How many trials share a GPU of which each takes this part."""
    return int(1 / gpus + 1e-9)


def put(content: bytes) -> Any:
    """Ray's reference to what is sent to each node once."""
    return _ray().put(content)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise TaskError(
            "engine: Ray is not installed; install it: pip install 'sugata[ray]', or set engine.kind to local"
        ) from None
    return ray


def _short_folder() -> str:
    folder = tempfile.gettempdir()
    return folder if len(folder) <= _LONGEST_NAME else "/tmp"
