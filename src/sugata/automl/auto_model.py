"""One's own graph of blocks, of any number of inputs and outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sugata.automl.base import AutoEstimator
from sugata.automl.graph import Graph, by_name, graph_of
from sugata.automl.nodes import Head, Node
from sugata.errors import TaskError


class AutoModel(AutoEstimator):
    """Finds a network in a graph of blocks that you draw.

    Blocks are called on inputs and on one another; what of them is left open is searched::

        image, row = ImageInput(), StructuredDataInput()
        both = Merge()([ConvBlock(num_blocks=2)(Normalization()(image)), DenseBlock()(row)])
        model = AutoModel([image, row], [ClassificationHead()(both), RegressionHead()(both)])
        model.fit([images, table], [labels, prices])

    Heads that are not called on anything get the usual blocks.

    Args:
        inputs: where data come in, in the order in which they are given to ``fit``.
        outputs: heads, in the order of targets.
        max_trials: networks to try at most.
        budget: wall-clock time of everything, seconds or such as ``"10m"``.
        objective: a metric, or several, such as ``loss`` or ``NAME.accuracy`` of the head NAME.
        max_model_size: most parameters of a network, or bytes of its file such as ``"2MB"``.
        max_latency_ms: most milliseconds of a prediction of one row.
        directory: where runs are kept, to go on with; None: in a temporary folder that goes with the object.
        project_name: of the run's folder; None: ``auto_model``.
        overwrite: begin anew where such a fit is there already.
        seed: of every random draw; None draws one.
        tuner: a strategy by name, its fields, or a class; None: evolution.
        n_jobs: processes that train; 1: this one, -1: one a core; None: by the size of the work.
        verbose: 0 silent, 1 what is new and a live line, 2 every trial.
    """

    def __init__(
        self,
        inputs: Node | Sequence[Node],
        outputs: Node | Head | Sequence[Node | Head],
        *,
        max_trials: int | None = None,
        budget: float | str | None = None,
        objective: str | Sequence[str] | None = None,
        max_model_size: int | str | None = None,
        max_latency_ms: float | None = None,
        directory: str | Path | None = None,
        project_name: str | None = None,
        overwrite: bool = False,
        seed: int | None = 0,
        tuner: Any = None,
        n_jobs: int | None = None,
        verbose: int = 1,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.max_trials = max_trials
        self.budget = budget
        self.objective = objective
        self.max_model_size = max_model_size
        self.max_latency_ms = max_latency_ms
        self.directory = directory
        self.project_name = project_name
        self.overwrite = overwrite
        self.seed = seed
        self.tuner = tuner
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _graph(self) -> Graph:
        return graph_of(self.inputs, self.outputs)

    def predict_proba(self, x: Any) -> np.ndarray | list[np.ndarray]:
        """Probabilities of classes and labels, and values; of several heads a list."""
        rows = self._rows(x)
        return by_name(self.fitted_.graph, self.fitted_.probabilities(rows))

    def score(self, x: Any, y: Any) -> float:
        """Accuracy, or R2.

        Raises:
            TaskError: the model has several heads; `evaluate` gives the metrics of each.
        """
        found = self.evaluate(x, y)
        if len(self.fitted_.graph.heads) > 1:
            raise TaskError("score: the model has several outputs; evaluate(x, y) gives the metrics of each")
        return found["accuracy"] if "accuracy" in found else found["r2"]
