import math
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.training import rate_share, training_clock


def test_the_rate_climbs_to_its_peak_and_falls_to_its_final_share() -> None:
    assert rate_share(0.0, 0.1, 0.02) == pytest.approx(0.1)
    assert rate_share(0.1, 0.1, 0.02) == pytest.approx(1.0)
    assert rate_share(0.55, 0.1, 0.02) == pytest.approx(0.51)
    assert rate_share(1.0, 0.1, 0.02) == pytest.approx(0.02)
    assert rate_share(1.7, 0.1, 0.02) == pytest.approx(0.02)


@given(st.floats(0, 2), st.floats(0, 1), st.floats(0, 1))
def test_the_rate_stays_between_zero_and_its_peak(progress: float, warmup: float, final: float) -> None:
    assert 0.0 <= rate_share(progress, warmup, final) <= 1.0 + 1e-12


@given(st.floats(0.2, 1), st.floats(0.2, 1))
def test_the_rate_never_climbs_after_warm_up(a: float, b: float) -> None:
    assert rate_share(min(a, b), 0.2, 0.0) >= rate_share(max(a, b), 0.2, 0.0) - 1e-12


def test_one_thread_on_a_cpu_is_timed_by_its_cpu_time() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        clock = training_clock(torch.device("cpu"))
        start = clock()
        time.sleep(0.2)
        assert clock() - start < 0.1
        torch.set_num_threads(2)
        clock = training_clock(torch.device("cpu"))
        start = clock()
        time.sleep(0.2)
        assert math.isclose(clock() - start, 0.2, abs_tol=0.1)
    finally:
        torch.set_num_threads(threads)
