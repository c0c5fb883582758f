"""Processes of this machine that train one network together, as one `torch.distributed` group."""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Literal

import cloudpickle
import torch
from torch import distributed

from sugata.errors import RecipeError, SugataError, TaskError
from sugata.parent import die_with

Strategy = Literal["ddp", "ddp_spawn"]
#: What the first process asks of the one that started it: a name of ``answers``, and arguments.
Ask = Callable[..., Any]

_WORK, _RESULT, _MEETING = "work.pkl", "result.pkl", "meeting"
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class _Rank:
    """A started process: its exit code, None while it runs, and its end."""

    code: Callable[[], int | None]
    kill: Callable[[], None]


def run_ranks(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    devices: int,
    strategy: Strategy = "ddp",
    *,
    answers: Mapping[str, Callable[..., Any]] | None = None,
    accelerator: str = "cpu",
) -> Any:
    """Call a function in several processes at once, and return what the first of them returns.

    All are gone when this returns or raises. On a CPU each has one thread.

    Args:
        function: called as ``function(ask, *arguments)`` in every process, after the group is initialized.
            ``ask(name, ...)`` may be called by the first process alone; it returns what ``answers[name]``
            returns here.
        arguments: sent by cloudpickle, as the function is.
        devices: how many processes; on GPUs each has its own.
        strategy: ``ddp`` starts fresh interpreters, which works everywhere; ``ddp_spawn`` starts them by
            `torch.multiprocessing`, which imports the main module anew: scripts need a ``__main__`` guard.
        answers: run in this process.
        accelerator: ``cpu``, whose processes exchange by gloo, or ``cuda``, by NCCL.

    Raises:
        RecipeError: an unknown strategy, or more devices than there are.
        SugataError: as the process that failed first raised it.
        TaskError: it failed with another exception, or was killed.
    """
    if strategy not in ("ddp", "ddp_spawn"):
        raise RecipeError(f"strategy is {strategy!r}; with several devices use ddp or ddp_spawn")
    if accelerator == "cuda" and devices > torch.cuda.device_count():
        raise RecipeError(f"devices is {devices}; this machine has {torch.cuda.device_count()} GPUs")
    with tempfile.TemporaryDirectory(prefix="sugata-ranks-") as name:
        folder = Path(name)
        path = [entry or os.getcwd() for entry in sys.path]
        work = cloudpickle.dumps((function, tuple(arguments)))
        (folder / _WORK).write_bytes(pickle.dumps((path, work)))  # the path is needed first
        start = _fresh if strategy == "ddp" else _spawned
        ours, theirs = Pipe()
        with ours, _started(start, folder, devices, accelerator, theirs) as ranks:
            theirs.close()
            _wait(ranks, ours, answers or {}, folder)
        return pickle.loads((folder / _RESULT).read_bytes())


@contextlib.contextmanager
def _started(
    start: Callable[..., _Rank], folder: Path, devices: int, accelerator: str, channel: Connection
) -> Iterator[list[_Rank]]:
    """The running processes, which are killed at the end."""
    ranks: list[_Rank] = []
    try:
        for rank in range(devices):
            ranks.append(start(folder, rank, devices, accelerator, channel if rank == 0 else None))
        yield ranks
    finally:
        for one in ranks:
            one.kill()


def _fresh(folder: Path, rank: int, devices: int, accelerator: str, channel: Connection | None) -> _Rank:
    descriptor = -1 if channel is None else channel.fileno()
    threads = {} if accelerator == "cuda" else {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sugata.training._rank", str(folder), str(rank), str(devices)),
            *(accelerator, str(descriptor), str(os.getpid())),
        ],
        stdin=subprocess.DEVNULL,
        pass_fds=() if channel is None else (descriptor,),
        env=os.environ | threads,
    )

    def kill() -> None:
        process.kill()
        process.wait()

    return _Rank(process.poll, kill)


def _spawned(folder: Path, rank: int, devices: int, accelerator: str, channel: Connection | None) -> _Rank:
    import torch.multiprocessing

    process = torch.multiprocessing.get_context("spawn").Process(
        target=work, args=(folder, rank, devices, accelerator, channel, os.getpid())
    )
    process.start()

    def kill() -> None:
        process.kill()
        process.join()

    return _Rank(lambda: process.exitcode, kill)


def _wait(
    ranks: list[_Rank], channel: Connection, answers: Mapping[str, Callable[..., Any]], folder: Path
) -> None:
    """Answer the first process until all have ended, or one has failed."""
    while True:
        codes = [rank.code() for rank in ranks]  # before the last questions are read
        try:
            while channel.poll(_POLL_SECONDS):
                name, arguments = channel.recv()
                channel.send(answers[name](*arguments))
        except (EOFError, OSError):  # the first process has ended
            time.sleep(_POLL_SECONDS)
        if any(code for code in codes):
            raise _failure(codes, folder)
        if all(code == 0 for code in codes):
            return


def _failure(codes: list[int | None], folder: Path) -> SugataError:
    """What the process that failed first has said; the others fail because of it."""
    for rank, code in enumerate(codes):
        if code is not None and code < 0:
            why = " (out of memory?)" if code == -9 else ""
            return TaskError(
                f"process {rank} of {len(codes)} was killed by signal {-code}{why}; use fewer devices or"
                " smaller batches"
            )
    said = [pickle.loads(file.read_bytes()) for file in folder.glob("failure_*.pkl")]
    if not said:
        return TaskError(f"a process of {len(codes)} ended before it could say why; see its output above")
    _, failure = min(said, key=lambda one: one[0])
    return failure if isinstance(failure, SugataError) else TaskError(str(failure))


# -- in the processes ----------------------------------------------------------------------------------


def work(
    folder: Path, rank: int, devices: int, accelerator: str, channel: Connection | None, parent: int
) -> None:
    """What each process does."""
    die_with(parent)
    try:
        result = _called(folder, rank, devices, accelerator, channel)
        if rank == 0:
            _write(folder / _RESULT, result)
        distributed.barrier()
    except BaseException as error:
        if not isinstance(error, SugataError):
            traceback.print_exc()
        _write(folder / f"failure_{rank}.pkl", (time.time(), _said(error, rank, devices)))
        sys.stderr.flush()
        os._exit(1)  # a group in which somebody is missing cannot be left in order
    distributed.destroy_process_group()


def _called(folder: Path, rank: int, devices: int, accelerator: str, channel: Connection | None) -> Any:
    if accelerator == "cuda":
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    path, content = pickle.loads((folder / _WORK).read_bytes())
    sys.path[:] = path
    function, arguments = pickle.loads(content)
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if accelerator == "cuda" else "gloo",
        init_method=f"file://{folder / _MEETING}",
        rank=rank,
        world_size=devices,
    )

    def ask(name: str, *given: Any) -> Any:
        assert channel is not None, "the first process asks"
        channel.send((name, given))
        return channel.recv()

    return function(ask, *arguments)


def _said(error: BaseException, rank: int, devices: int) -> SugataError | str:
    if isinstance(error, SugataError):
        return error
    line = next(iter(str(error).strip().splitlines()), "")
    return f"process {rank} of {devices} failed: {type(error).__name__}{f': {line}' if line else ''}"


def _write(path: Path, content: Any) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_bytes(cloudpickle.dumps(content))
    temporary.replace(path)
