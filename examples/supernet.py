"""Shared weights: one supernet is trained, scores hundreds of cells, and says how well it ranks.

python supernet.py [IMAGES]      default: scikit-learn's digits
"""

import sys

import sugata

recipe = {
    "name": "supernet",
    "space": "nasbench201",
    "network": {"channels": 8, "cells": 1},
    "task": {
        "kind": "image",
        "data": sys.argv[1] if len(sys.argv) > 1 else "digits",
        "validation_share": 0.3,
    },
    # Six random cells are trained alone as well: does the supernet put them in the same order?
    "supernet": {"method": "single_path", "amount": 15, "unit": "epochs", "batch_size": 32, "ranked": 6},
    "strategy": {"kind": "regularized_evolution"},
    "funnel": [
        {"name": "shared", "unit": "supernet", "keep": 0.03, "capacity": 100},
        {"name": "alone", "amount": 8, "unit": "epochs", "capacity": 3},
    ],
    "baselines": False,
    "promote_by": "accuracy",
    "objectives": {"metrics": ["accuracy", "parameters"]},
    "training": {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 32},
    "final": {"amount": 20, "unit": "epochs"},
}
result = sugata.search(recipe, run_dir="runs/supernet")
scored = result.trials[result.trials.rung == "shared"]
print(f"{len(scored)} cells scored without training, {scored.seconds.mean():.2f} s each")
print(dict(result.best.architecture), result.best.metrics["accuracy"])
print("ranks, and everything else:", result.report)
