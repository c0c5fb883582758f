"""AutoKeras on the first 5,000 images of MNIST, for as long as it is given: the rival of `three_lines.py`.

It runs in an environment of its own, since its requirements are others than ours:

    python -m venv PEER && PEER/bin/pip install autokeras keras torch pandas pyarrow pillow
    PEER/bin/python benchmarks/autokeras_mnist.py --data FOLDER --seconds 300 --seeds 3

AutoKeras counts trials, not time, and cannot be asked to end. So its search is ended from a callback: after
the given time the best trial that was completed predicts, or, where none was, the network that was being
trained. Its last step, training the best on all rows, is reached only if the search ends by itself.
"""

import argparse
import io
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import autokeras
import keras
import numpy as np
import pandas as pd
import torch
from autokeras import pipeline as pipelines
from PIL import Image


class TimeIsUp(BaseException):
    """Passes through everything that catches exceptions."""


class Deadline(keras.callbacks.Callback):
    """Ends the search at a time, and shows which network was being trained."""

    training: Any = None

    def __init__(self, ends: float) -> None:
        super().__init__()
        self.ends = ends

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        Deadline.training = self.model
        if time.monotonic() > self.ends:
            raise TimeIsUp


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with mnist")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="a JSON file")
    given = parser.parse_args()
    x, y = images(next((given.data / "mnist").glob("train-*")), 5000)
    x_test, y_test = images(next((given.data / "mnist").glob("test-*")), 1000)
    results = []
    for seed in range(given.seeds):
        results.append(measured(x, y, x_test, y_test, seed, given.seconds))
        print(results[-1], flush=True)
    versions = {one.__name__: one.__version__ for one in (autokeras, keras, torch)}
    print(f"AutoKeras {np.mean([one['score'] for one in results]):.4f} of {x_test.shape[0]}, {versions}")
    if given.out:
        given.out.write_text(json.dumps({"versions": versions, "results": results}, indent=1) + "\n")


def measured(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, seed: int, seconds: float
) -> dict[str, Any]:
    """The share of test images that are told right after so many seconds."""
    keras.utils.set_random_seed(seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        model = autokeras.ImageClassifier(max_trials=100, directory=folder, overwrite=True, seed=seed)
        ended = "by time"
        try:
            model.fit(x, y, callbacks=[Deadline(started + seconds)], verbose=0)
            ended = "by itself"
        except TimeIsUp:
            pass
        spent = time.monotonic() - started
        completed = [
            trial
            for trial in model.tuner.oracle.get_best_trials(100)
            if Path(model.tuner._get_checkpoint_fname(trial.trial_id)).is_file()
        ]
        network, pipeline = found(model, completed, ended)
        outputs = network.predict(pipeline.transform_x(x_test[..., None]), verbose=0)
        labels = np.asarray(pipeline.postprocess(outputs)).ravel().astype(int)
    return {
        "seed": seed,
        "score": float(np.mean(labels == y_test)),
        "seconds": spent,
        "trials with weights": len(completed),
        "ended": ended,
        "parameters": int(network.count_params()),
    }


def found(model: Any, completed: list[Any], ended: str) -> tuple[Any, Any]:
    """The network that is best so far, and what makes tensors of images for it."""
    if ended == "by itself":
        return model.tuner.get_best_model(), model.tuner.get_best_pipeline()
    if completed:
        path = model.tuner._pipeline_path(completed[0].trial_id)
        return model.tuner.load_model(completed[0]), pipelines.load_pipeline(path)
    running = next(iter(model.tuner.oracle.trials))
    return Deadline.training, pipelines.load_pipeline(model.tuner._pipeline_path(running))


def images(path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first so many images and their labels."""
    frame = pd.read_parquet(path)[:count]
    pixels = [np.asarray(Image.open(io.BytesIO(one["bytes"]))) for one in frame["image"]]
    return np.stack(pixels), frame["label"].to_numpy()


if __name__ == "__main__":
    main()
