"""Shared by all tests: one thread, the fast mark, no deadlines, and where real data lies."""

import os
import signal
from pathlib import Path

# Before torch is imported: small matrices are many times slower on two threads of a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

# A shell starts what it puts in the background with Ctrl-C ignored, and tests press Ctrl-C in their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is not a bug; how long tests take is bounded by their timeout.
settings.register_profile("sugata", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sugata")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is not marked slow is fast."""
    for item in items:
        if item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.fast)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("SUGATA_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data here: set SUGATA_DATA")
    return folder
