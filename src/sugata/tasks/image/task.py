"""Image tasks: the class of an image, or values that it shows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.errors import DataError, RecipeError, TaskError
from sugata.space import Signature, TensorSpec
from sugata.tasks.base import Batch, Generator, Say, Task, silent
from sugata.tasks.cache import default_cache_dir
from sugata.tasks.image.augment import augmentations
from sugata.tasks.image.cache import ImageSettings, Predict, PreparedImages, open_images
from sugata.tasks.image.samples import SPLITS
from sugata.trial import Fidelity, Metric, Value

ACCURACY = Metric("accuracy", "", "maximize", "share of images whose class is predicted first")
CROSS_ENTROPY = Metric("cross_entropy", "nat", "minimize", "mean negative log-likelihood of the class")
ROOT_MEAN_SQUARED_ERROR = Metric("root_mean_squared_error", "", "minimize", "in the unit of the values")
MEAN_ABSOLUTE_ERROR = Metric("mean_absolute_error", "", "minimize", "in the unit of the values")

_ORDER_SEED = 7  # of the order in which parts of a split are taken: the same for all
_SMALLEST_SIDE = 4  # pixels, at a reduced resolution
_FULL = Fidelity()


class ImageTask(Task):
    """Images and their classes, or values.

    Images are decoded once into arrays of bytes that every worker opens. Batches are normalized by the mean
    and deviation of the training images; values are standardized for training, scored in their own unit.

    A fidelity's ``samples`` restricts the training images (a smaller part is within a larger one), and its
    ``resolution`` shrinks all images.

    Args:
        data: ``digits`` (scikit-learn's), the path of a folder or file, or ``hf:NAME``; see `find_source`.
        predict: ``class``, or ``value`` for one or more numbers.
        resize: height and width to bring every image to; needed where sizes are mixed.
        max_samples: at most so many images train.
        validation_share: part of the images held out for validation, of each class alike, where the data come
            without.
        test_share: the same for test.
        validation_images: so many are held out for validation, in place of the share.
        classes: how many classes the data must have; None: as many as they have.
        augment: names of `AUGMENTATIONS`, applied in this order to training images.
        label_smoothing: probability that is spread over all classes in the training loss.
        cache_dir: where prepared data are kept; ``SUGATA_CACHE``, or ``~/.cache/sugata``.

    Raises:
        DataError: a setting is impossible, or (on first use) the data are missing or wrong.
        RecipeError: an augmentation is unknown.
    """

    name = "image"

    def __init__(
        self,
        data: str | Path = "digits",
        *,
        predict: Predict = "class",
        resize: int | None = None,
        max_samples: int | None = None,
        validation_share: float = 0.1,
        test_share: float = 0.2,
        validation_images: int | None = None,
        classes: int | None = None,
        augment: Sequence[str] = (),
        label_smoothing: float = 0.0,
        cache_dir: str | Path | None = None,
    ) -> None:
        self.settings = ImageSettings(
            str(data),
            predict,
            resize,
            max_samples,
            validation_share,
            test_share,
            validation_images,
            classes,
        )
        if not 0 <= label_smoothing < 1:
            raise RecipeError(
                f"task.label_smoothing: {label_smoothing} is not at least 0 and below 1; try 0.1"
            )
        augmentations(tuple(augment))
        self.augment = tuple(augment)
        self.label_smoothing = label_smoothing
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else default_cache_dir()
        self.classifies = self.likelihood = predict == "class"
        self.targets = "images" if self.classifies else "values"
        self.metrics = (
            (ACCURACY, CROSS_ENTROPY) if self.classifies else (ROOT_MEAN_SQUARED_ERROR, MEAN_ABSOLUTE_ERROR)
        )
        self.primary = self.metrics[0]
        self._prepared: PreparedImages | None = None

    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Say = silent) -> None:
        """Read, decode, divide and store the images, unless that is done."""
        self.prepared(say)

    def prepared(self, say: Say = silent) -> PreparedImages:
        """The images on disk; made on first use."""
        if self._prepared is None or not self._prepared.folder.is_dir():
            self._prepared = open_images(self.settings, self.cache_dir, say=say)
        return self._prepared

    def fingerprint(self) -> str:
        """The images, their division into splits, and what is done to them in training."""
        return f"{self.prepared().fingerprint}-{'-'.join(self.augment)}-{self.label_smoothing:g}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty where values are predicted."""
        return tuple(self.prepared().facts["classes"])

    def require_all_classes(self, split: str) -> None:
        """Refuse a split without an image of some class: what is chosen by it would not know that class.

        Raises:
            DataError: names the first class that is missing.
        """
        _, targets = self._opened(split)
        seen = set(targets.tolist()) if self.classifies else set()
        for number, name in enumerate(self.classes):
            if number not in seen:
                raise DataError(
                    f"{self.settings.data}: no image of class {name!r} is in the {split} split; add some, or"
                    " raise task.validation_share or task.validation_images"
                )

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """``image`` ``(batch, channels, height, width)``; ``logits`` or ``value`` ``(batch, outputs)``."""
        channels, *_ = self.prepared().facts["shape"]
        height, width = self._size(fidelity or _FULL)
        outputs = int(self.prepared().facts["outputs"])
        image = TensorSpec("image", ("batch", channels, height, width), "float32")
        if self.classifies:
            return Signature((image,), (TensorSpec("logits", ("batch", outputs), "float32", outputs),))
        return Signature((image,), (TensorSpec("value", ("batch", outputs), "float32"),))

    def epoch_size(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> int:
        """How many classes or values one pass over the training images has."""
        images = len(self._training_numbers(fidelity or _FULL))
        return images if self.classifies else images * int(self.prepared().facts["outputs"])

    # -- training -----------------------------------------------------------------------------------------

    def batches(
        self,
        architecture: Mapping[str, Value],
        *,
        batch_size: int,
        length: int | None = None,
        generator: Generator,
        split: str = "train",
        fidelity: Fidelity | None = None,
    ) -> Iterator[Batch]:
        """Images in a new random order each epoch; those of the training split augmented."""
        fidelity = fidelity or _FULL
        images, targets = self._opened(split)
        train = split == "train"
        numbers = self._training_numbers(fidelity) if train else np.arange(len(images))
        return self._drawn(images, targets, numbers, batch_size, _numpy(generator), fidelity, train)

    def _drawn(
        self,
        images: np.ndarray,
        targets: Tensor,
        numbers: np.ndarray,
        batch_size: int,
        rng: np.random.Generator,
        fidelity: Fidelity,
        train: bool,
    ) -> Iterator[Batch]:
        augment = augmentations(self.augment) if train else ()
        waiting = numbers[:0]
        while True:
            while len(waiting) < batch_size:
                waiting = np.concatenate([waiting, rng.permutation(numbers)])
            chosen, waiting = waiting[:batch_size], waiting[batch_size:]
            batch = self._shrunk(torch.from_numpy(images[chosen]), fidelity)
            for change in augment:
                batch = change(batch, rng)
            yield Batch(self._normalized(batch), targets[torch.from_numpy(chosen)])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats, smoothed; or the mean squared error of standardized values."""
        outputs = model(batch.inputs).float()
        if self.classifies:
            return F.cross_entropy(outputs, batch.targets, label_smoothing=self.label_smoothing)
        return F.mse_loss(outputs, batch.targets)

    # -- quality ------------------------------------------------------------------------------------------

    def evaluate(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        *,
        split: str = "validation",
        limit: int | None = None,
        batch_size: int | None = None,
        length: int | None = None,
        fidelity: Fidelity | None = None,
    ) -> dict[str, float]:
        """Accuracy and cross-entropy, or errors in the values' unit, on at most ``limit`` images."""
        device = next(iter(model.parameters()), torch.empty(0)).device
        training = model.training

        def forward(pixels: Tensor) -> Tensor:
            outputs = model(self._normalized(self._shrunk(pixels, fidelity or _FULL)).to(device))
            return outputs.float().cpu() if self.classifies else self._unit(outputs.float().cpu())

        model.eval()
        try:
            return self.score(forward, split=split, limit=limit, batch_size=batch_size)
        finally:
            model.train(training)

    @torch.no_grad()
    def score(
        self,
        forward: Callable[[Tensor], Tensor],
        *,
        split: str,
        limit: int | None = None,
        batch_size: int | None = None,
    ) -> dict[str, float]:
        """The metrics of anything that maps pixels to logits, or to values in their own unit.

        Args:
            forward: takes ``(batch, channels, height, width)`` uint8.
        """
        images, targets = self._opened(split, standardized=False)
        numbers = _order(len(images))[:limit]
        total = torch.zeros(2, dtype=torch.float64)
        for start in range(0, len(numbers), size := batch_size or 250):
            chosen = np.sort(numbers[start : start + size])
            outputs = forward(torch.from_numpy(images[chosen]))
            total += self._summed(outputs.double(), targets[torch.from_numpy(chosen)])
        first, second = (total / len(numbers)).tolist()
        return {self.metrics[0].name: first if self.classifies else first**0.5, self.metrics[1].name: second}

    def _summed(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Hits and nats, or squared and absolute errors, summed over a batch."""
        if self.classifies:
            hits = (outputs.argmax(1) == targets).sum()
            return torch.stack([hits.double(), F.cross_entropy(outputs, targets, reduction="sum")])
        errors = outputs - targets.double()
        return torch.stack([errors.square().mean(1).sum(), errors.abs().mean(1).sum()])

    # -- inside -------------------------------------------------------------------------------------------

    def _opened(self, split: str, *, standardized: bool = True) -> tuple[np.ndarray, Tensor]:
        if split not in SPLITS:
            raise TaskError(f"split: {split!r} is unknown; use {', '.join(SPLITS)}")
        prepared = self.prepared()
        targets = torch.from_numpy(prepared.targets(split))
        if not self.classifies and standardized:
            targets = (targets - self._fact("target_mean")) / self._fact("target_std")
        return prepared.images(split), targets

    def _training_numbers(self, fidelity: Fidelity) -> np.ndarray:
        count = int(self.prepared().facts["counts"]["train"])
        samples = fidelity.samples
        if samples is None or samples == 1:
            return np.arange(count)
        wanted = round(samples * count) if samples < 1 else int(samples)
        return _order(count)[: max(2, wanted)]

    def _size(self, fidelity: Fidelity) -> tuple[int, int]:
        _, height, width = self.prepared().facts["shape"]
        if fidelity.resolution == 1:
            return height, width
        smallest = min(height, width, _SMALLEST_SIDE)
        height, width = (max(smallest, round(side * fidelity.resolution)) for side in (height, width))
        return height, width

    def _shrunk(self, pixels: Tensor, fidelity: Fidelity) -> Tensor:
        """Bytes as floats from 0 to 1, at the fidelity's resolution."""
        images = pixels.float() / 255
        if (size := self._size(fidelity)) == tuple(images.shape[2:]):
            return images
        return F.interpolate(images, size=size, mode="bilinear", antialias=True)

    def _normalized(self, images: Tensor) -> Tensor:
        shape = (1, -1, 1, 1)
        return (images - self._fact("mean").view(shape)) / self._fact("std").view(shape)

    def _unit(self, outputs: Tensor) -> Tensor:
        return outputs * self._fact("target_std") + self._fact("target_mean")

    def _fact(self, name: str) -> Tensor:
        return torch.tensor(self.prepared().facts[name], dtype=torch.float32)


def _order(count: int) -> np.ndarray:
    return np.random.default_rng(_ORDER_SEED).permutation(count)


def _numpy(generator: Generator) -> np.random.Generator:
    if isinstance(generator, np.random.Generator):
        return generator
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
