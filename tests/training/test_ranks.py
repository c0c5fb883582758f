"""Several processes: results, questions, and whose failure is told. Each start takes seconds: few tests."""

import os
import signal
import time
from typing import Any

import pytest
import torch
from torch import distributed

from sugata.errors import LimitError, RecipeError, TaskError
from sugata.training.distributed import check_shares
from sugata.training.ranks import _said, run_ranks

pytestmark = pytest.mark.slow


def summed(ask: Any, number: float) -> tuple[float, float, int]:
    total = torch.tensor(number * (distributed.get_rank() + 1))
    distributed.all_reduce(total)
    answered = ask("double", 4) if distributed.get_rank() == 0 else 0
    return float(total), answered, torch.get_num_threads()


def test_all_take_part_and_the_first_one_asks_and_answers() -> None:
    asked: list[int] = []

    def double(number: int) -> int:
        asked.append(os.getpid())
        return 2 * number

    assert run_ranks(summed, [5.0], 2, "ddp_spawn", answers={"double": double}) == (15.0, 8, 1)
    assert asked == [os.getpid()]


@pytest.mark.parametrize(
    ("killed", "message"),
    [
        (False, r"^process 1 of 2 failed: ValueError: this is wrong$"),
        (True, r"^process 1 of 2 was killed by signal 9 \(out of memory\?\); use fewer devices or"),
    ],
)
def test_the_reason_is_that_of_the_first_that_failed_and_nobody_is_left(killed: bool, message: str) -> None:
    pids: list[int] = []

    def failing(ask: Any) -> None:  # a function that cannot be imported is sent
        if distributed.get_rank() == 0:
            ask("started", os.getpid())
        distributed.barrier()
        if distributed.get_rank() == 1 and killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if distributed.get_rank() == 1:
            raise ValueError("this is wrong\nand this is the second line")
        distributed.all_reduce(torch.ones(1))  # waits for the other, and fails when that is gone
        time.sleep(60)

    with pytest.raises(TaskError, match=message):
        run_ranks(failing, [], 2, answers={"started": pids.append})
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_an_error_of_ours_comes_back_as_it_is() -> None:
    error = LimitError("nothing meets the limits")
    assert _said(error, 0, 2) is error
    assert _said(KeyError(), 1, 2) == "process 1 of 2 failed: KeyError"


def test_what_cannot_be_is_refused(monkeypatch) -> None:
    with pytest.raises(RecipeError, match="strategy is 'dp'"):
        run_ranks(summed, [1.0], 2, "dp")  # type: ignore[arg-type]
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(RecipeError, match="devices is 2; this machine has 1 GPUs"):
        run_ranks(summed, [1.0], 2, accelerator="cuda")
    monkeypatch.setattr("sugata.training.distributed.processes", lambda: 3)
    with pytest.raises(RecipeError, match="batch_size 8 cannot be shared equally by 3 processes"):
        check_shares(8)
