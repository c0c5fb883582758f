"""Images: their class, or a value that they show."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sugata.automl.single import SingleClassifier, SingleRegressor


class ImageClassifier(SingleClassifier):
    """Finds a network for the class of an image.

    It takes arrays ``(n, height, width[, channels])``, lists of Pillow images or paths, a folder of class
    folders (without labels beside it), and data sets of torch and Hugging Face.

    Args:
        max_trials: networks to try at most.
        budget: wall-clock time of everything, seconds or such as ``"10m"``; with neither, as long as the data
            suggest: 20 seconds to 10 minutes.
        objective: a metric, or several, that candidates are compared by, such as ``val_accuracy``, ``loss``,
            ``["accuracy", "latency_ms"]``; None: the likelihood on few rows, else accuracy.
        max_model_size: most parameters of a network, or bytes of its file such as ``"2MB"``.
        max_latency_ms: most milliseconds of a prediction of one row, in onnxruntime on one thread.
        directory: where runs are kept, to go on with; None: in a temporary folder that goes with the object.
        project_name: of the run's folder; None: after the class.
        overwrite: begin anew where such a fit is there already.
        seed: of every random draw; None draws one.
        tuner: a strategy by name (``sugata strategies`` lists them), its fields, or a class; None: evolution.
        n_jobs: processes that train; 1: this one, -1: one a core; None: by the size of the work.
        verbose: 0 silent, 1 what is new and a live line, 2 every trial.
        multi_label: targets are several labels a row: a 0/1 matrix, or lists of labels.
        class_weight: ``"balanced"``, or a weight for each class.
        resize: height and width that images are brought to; needed where their sizes differ.
    """

    _kinds = ("image", "classification")

    def __init__(
        self,
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
        multi_label: bool = False,
        class_weight: Any = None,
        resize: int | None = None,
    ) -> None:
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
        self.multi_label = multi_label
        self.class_weight = class_weight
        self.resize = resize


class ImageRegressor(SingleRegressor):
    """Finds a network for one or several values that an image shows.

    It takes arrays ``(n, height, width[, channels])``, lists of Pillow images or paths, and data sets of
    torch and Hugging Face.

    Args:
        max_trials: networks to try at most.
        budget: wall-clock time of everything, seconds or such as ``"10m"``; with neither, as long as the data
            suggest: 20 seconds to 10 minutes.
        objective: a metric, or several, that candidates are compared by, such as ``val_accuracy``, ``loss``,
            ``["accuracy", "latency_ms"]``; None: the root mean squared error on few rows, else R2.
        max_model_size: most parameters of a network, or bytes of its file such as ``"2MB"``.
        max_latency_ms: most milliseconds of a prediction of one row, in onnxruntime on one thread.
        directory: where runs are kept, to go on with; None: in a temporary folder that goes with the object.
        project_name: of the run's folder; None: after the class.
        overwrite: begin anew where such a fit is there already.
        seed: of every random draw; None draws one.
        tuner: a strategy by name (``sugata strategies`` lists them), its fields, or a class; None: evolution.
        n_jobs: processes that train; 1: this one, -1: one a core; None: by the size of the work.
        verbose: 0 silent, 1 what is new and a live line, 2 every trial.
        resize: height and width that images are brought to; needed where their sizes differ.
    """

    _kinds = ("image", "regression")

    def __init__(
        self,
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
        resize: int | None = None,
    ) -> None:
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
        self.resize = resize
