"""A study on a benchmark table: how many evaluations do strategies need until the best is found?

python table_study.py [TABLE METRIC]      such as nasbench201.parquet; default: a table that is made here
"""

import itertools
import sys

import numpy as np
import pandas as pd

from sugata.evaluators import read_table
from sugata.objectives import Objectives
from sugata.strategies import STRATEGIES, strategy_class
from sugata.trial import Metric, Status, Trial

SEEDS, MOST = 10, 300
COMPARED = ("random", "regularized_evolution", "local_search", "bayesian")


def made() -> str:
    """A table of 4 layers with 5 operations each: 625 architectures, whose neighbours are alike."""
    rng = np.random.default_rng(0)
    names = [f"layer_{i}" for i in range(4)]
    worth, pairs = rng.normal(size=(4, 5)), rng.normal(size=(4, 5, 5))
    rows = []
    for chosen in itertools.product(range(5), repeat=4):
        value = sum(worth[i, option] for i, option in enumerate(chosen))
        value += 0.7 * sum(pairs[i, chosen[i], chosen[i + 1]] for i in range(3))
        rows.append({**{n: f"op{o}" for n, o in zip(names, chosen, strict=True)}, "accuracy": 90 + value})
    pd.DataFrame(rows).to_csv("made.csv", index=False)
    return "made.csv"


file, metric = sys.argv[1:3] if len(sys.argv) > 2 else (made(), "accuracy")
table = read_table(file, metrics=(metric,))
values = table.column(metric)
objectives = Objectives((Metric(metric, direction="maximize"),))


def queries(name: str, seed: int) -> int:
    """Evaluations until the best, at most MOST."""
    strategy = strategy_class(name)(table.space, objectives, seed=seed)
    for number in range(1, MOST):
        proposal = strategy.ask()
        if proposal is None:
            break
        found = float(values[table.row(proposal.architecture)])
        if found == values.max():
            return number
        strategy.tell(Trial(proposal, Status.COMPLETED, {metric: found}))
    return MOST


print(f"{len(values):,} architectures, best {values.max():.2f}; {len(STRATEGIES)} strategies are known")
for name in COMPARED:
    counts = [queries(name, seed) for seed in range(SEEDS)]
    print(f"{name:<22} mean {np.mean(counts):6.1f}   median {np.median(counts):6.1f}   most {max(counts)}")
