import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_same_whole_batch(toy: ModuleType, tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("toy.py"))
    started = [
        subprocess.Popen(
            [sys.executable, script, str(rank), str(tmp_path / "meeting")],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    alone = toy.short_training()
    for process in started:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        together = json.loads(output.splitlines()[-1])
        assert together["tokens"] == alone["tokens"]
        assert together["values"] == pytest.approx(alone["values"], abs=1e-3)
        assert together["weights"] == pytest.approx(alone["weights"], rel=1e-3)
