"""Real trainings for the search of compound scaling's coefficients."""

import torch

from sugata.errors import TaskError
from sugata.space import Signature, image_sizes
from sugata.spaces.scaling import ScaledNetwork
from sugata.tasks.image import ImageTask
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity, Status


class ScaledTraining:
    """Trains scaled networks on images of their resolution; called with one it gives the validation score.

    Higher is better: accuracy, or the negative error where values are predicted. All networks are trained
    over the same number of epochs, in the same order of the data.

    Args:
        data: as :class:`ImageTask` takes it: ``digits``, a folder or file, or ``hf:NAME``.
        epochs: of each training.
        settings: how to train; SGD with batches of 64 when None.
        seed: of weights and order.

    Raises:
        DataError: the data are missing or wrong.
        TaskError: the images are not square; only those are resized.
    """

    def __init__(
        self, data: str, epochs: float = 5, settings: TrainingSettings | None = None, seed: int = 0
    ) -> None:
        self.data, self.epochs, self.seed = data, epochs, seed
        self.settings = settings or TrainingSettings(optimizer="sgd", batch_size=64, weight_decay=5e-4)
        self.signature: Signature = ImageTask(data).signature({})
        sizes = image_sizes(self.signature)
        if sizes.height != sizes.width:
            raise TaskError(f"{data}: images of {sizes.height} x {sizes.width}; scaling needs square ones")

    def __call__(self, network: ScaledNetwork) -> float:
        """The score of a network trained from scratch; minus infinity where its training diverged."""
        task = ImageTask(self.data, resize=image_sizes(network.signature).height)
        model = network.build()
        model.initialize(torch.Generator().manual_seed(self.seed))  # type: ignore[operator]
        result = train(
            model,
            task,
            network.architecture,
            self.settings,
            budget=Fidelity(amount=self.epochs, unit="epochs"),
            seed=self.seed,
        )
        if result.status is not Status.COMPLETED:
            return float("-inf")
        score = task.evaluate(model, network.architecture, split="validation")[task.primary.name]
        return -task.primary.cost(score)
