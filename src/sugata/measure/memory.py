"""How much memory an exported model needs to run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sugata.errors import SugataError

_PROGRAM = """
import json, sys
import numpy, onnxruntime
path, feeds = json.loads(sys.argv[1])
inputs = {name: numpy.zeros(shape, type_) for name, (shape, type_) in feeds.items()}

def peak():
    try:  # not getrusage: on Linux its maximum includes the parent before exec
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except FileNotFoundError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = peak()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
session.run(None, inputs)
print(peak() - before)
"""


def peak_memory(
    path: str | Path, feeds: Mapping[str, tuple[tuple[int, ...], str]], seconds: float = 60.0
) -> int:
    """Bytes of resident memory that loading an ONNX file and running it once adds to an onnxruntime process.

    The high-water mark of a fresh process that imports numpy and onnxruntime only, less what it was before
    the file was loaded. So it holds weights, what onnxruntime makes of them, and activations:
    what a user pays. It is not the memory that training needs. A search's own process is no place to measure
    this: its allocator keeps freed memory. Pages come in steps of 4 kB, and repeated measurements differ by
    about 2 %.

    Args:
        path: the ONNX file.
        feeds: input name -> (shape, numpy type name); values are zeros.
        seconds: give up after this.

    Raises:
        SugataError: the model could not be run in that time, or not at all.
    """
    arguments = json.dumps([str(path), feeds])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise SugataError(f"{path}: did not run within {seconds:g} s while its memory was measured") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
        raise SugataError(f"{path}: could not be run to measure its memory: {reason}") from None
    return int(done.stdout)
