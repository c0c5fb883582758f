"""What the benchmark of searches on elastic supernets prints."""

import importlib
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
WINNER = {
    "architecture": "hybrid", "first_mixer": "mamba", "second_mixer": "rwkv", "num_layers": 2,
    "hidden_dim": 64, "quantization": "int4", "pruning_ratio": 0.2,
}  # fmt: skip


def steps(seeds: int, better: float) -> dict:
    found = {}
    for seed in range(seeds):
        shared = {"cpu_seconds": 100.0, "winner": WINNER, "winner_bits_per_byte": 2.7}
        scores = {"size_bytes": 4e5, "parameters": 1, "validation": 2.5 + 0.1 * seed, "test": 2.6}
        less = scores | {"validation": scores["validation"] - better, "test": 2.6 + 0.01 * (seed - 1)}
        found[f"{seed}/funnel"] = shared | {"trained": [28, 7, 3], "final": scores}
        found[f"{seed}/supernet"] = shared | {"scored": 120, "trained_alone": [2.7, 2.8], "final": less}
        found[f"{seed}/random"] = shared | {"trained_alone": [2.8], "final": scores}
    return found


@pytest.mark.parametrize(("better", "said"), [(0.05, "wins"), (-0.05, "loses")])
def test_the_verdict_is_about_paired_differences(better: float, said: str) -> None:
    search = importlib.import_module("elastic_search")
    lines = search.report(steps(3, better), 3).splitlines()
    verdicts = lines[lines.index("") + 1 :]
    assert verdicts[0].endswith(f"validation text: {-better:+.4f} [{-better:+.4f}, {-better:+.4f}]: {said}")
    assert verdicts[1].endswith("undecided")
    assert verdicts[4].startswith("random less funnel, bits per byte on validation text: +0.0000")
    assert "| mamba+rwkv 2x64, int4, pruned 0.2 | 0.400 |" in lines[2]
    assert "120 scored, 2 trained" in lines[3]
