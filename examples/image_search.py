"""Search a small image network within a size limit, train the winner, classify with the exported file.

python image_search.py [IMAGES]      class folders (CLASS/picture.png), parquet, .npz; default: digits
"""

import sys

import numpy as np
import onnxruntime

import sugata

recipe = {
    "name": "images",
    "space": "nasbench201",
    "network": {"channels": 8, "cells": 1},
    "task": {"kind": "image", "data": sys.argv[1] if len(sys.argv) > 1 else "digits"},
    "strategy": {"kind": "bayesian"},
    # Twelve cells are trained briefly, the best four of them longer.
    "funnel": [
        {"name": "short", "amount": 2, "unit": "epochs", "keep": 0.34, "capacity": 12},
        {"name": "longer", "amount": 6, "unit": "epochs", "capacity": 4},
    ],
    "promote_by": "accuracy",
    "objectives": {"metrics": ["accuracy", "latency_ms"]},
    "limits": {"size": "150kB"},
    "training": {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 32},
    "final": {"amount": 20, "unit": "epochs"},
}
result = sugata.search(recipe, run_dir="runs/images")
print("test data, seen once:", result.stages["test"]["test"])

session = onnxruntime.InferenceSession("runs/images/best/model.onnx")
(pixels,) = session.get_inputs()
batch = np.zeros((1, *pixels.shape[1:]), np.uint8)  # yours: (batch, channels, height, width)
print("logits of a black image:", session.run(None, {pixels.name: batch})[0].round(2))
