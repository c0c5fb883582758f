"""A process that does not outlive the one that started it."""

import ctypes
import os
import signal
import sys


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, even while it is stopped by a signal.

    On Linux it is the thread that started it whose end counts. Elsewhere nothing is done but a look whether
    the parent is still there.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
