"""How far a training is: clocks, what was spent of a budget, and the learning rate that follows from it."""

import math
import time
from collections.abc import Callable

import torch

#: The rate of the first step as a share of the peak: a rate of zero would waste it.
WARMUP_START = 0.1


def rate_share(progress: float, warmup: float, final_share: float) -> float:
    """The learning rate as a share of its peak: linear warm-up, then half a cosine.

    Without the warm-up it is one cycle of SGDR (Loshchilov & Hutter 2017, equation 5). It is a function of
    the share of the budget that is spent, so that budgets in seconds end at `final_share` as exactly as
    others.

    Args:
        progress: spent share of the budget, from 0 to 1.
        warmup: share of the budget in which the rate climbs.
        final_share: value at the end.
    """
    if progress < warmup:
        return WARMUP_START + (1.0 - WARMUP_START) * progress / warmup
    angle = math.pi * (min(progress, 1.0) - warmup) / (1.0 - warmup) if warmup < 1.0 else 0.0
    return final_share + (1.0 - final_share) * 0.5 * (1.0 + math.cos(angle))


def training_clock(device: torch.device) -> Callable[[], float]:
    """The clock that counts budgets in seconds.

    On a CPU with one torch thread it is the CPU time of this process: a worker that is paused, or that shares
    its core with others, still gets the training that its budget names. On a GPU, or with several threads,
    whose CPU times would add up, it is the wall clock.
    """
    if device.type == "cpu" and torch.get_num_threads() == 1:
        return time.process_time
    return time.perf_counter
