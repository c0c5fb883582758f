"""The task of prepared data: any inputs, any targets, one loss."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.errors import DataError, RecipeError, TaskError
from sugata.space import Signature, TensorSpec
from sugata.tasks.base import Batch, Generator, Say, Task, silent
from sugata.tasks.prepared.adapters import Array
from sugata.tasks.prepared.augment import augmented, policy
from sugata.tasks.prepared.folder import ASIDE, PreparedData, joined
from sugata.tasks.prepared.heads import ClassHead, ClassWeight, Head, combined, head_of, split_outputs
from sugata.tasks.prepared.image_input import ImageAdapter
from sugata.trial import Fidelity, Metric, Value

_ORDER_SEED = 7  # of the order in which parts of a split are taken: the same for all
_SMALLEST_SIDE = 4  # pixels, at a reduced resolution
_ROWS = {True: 250, False: 2000}  # of a batch that is scored, with images and without
_FULL = Fidelity()


class PreparedTask(Task):
    """What is learned from a folder that :func:`prepare` wrote.

    A network is called with the inputs in the order of the signature, and returns a tensor or a tuple of them
    in the order of its outputs: logits ``(batch, classes)`` or ``(batch, labels)``, or standardized values.

    A fidelity's ``samples`` restricts the training rows (a smaller part is within a larger one), and its
    ``resolution`` shrinks images.

    Args:
        data: the folder.
        augment: by the name of an image input, the block of the architecture whose choice ``BLOCK/policy``
            says how its training images are changed; or a policy itself, such as ``shift+flip``.
        class_weight: by the name of a target, ``balanced`` or a weight for each class.
        loss_weights: by the name of a target, the weight of its loss where there are several; 1 if not given.
        label_smoothing: probability that is spread over all classes in the training loss.
        primary: the metric that candidates are compared by; None: accuracy or R2, of several heads the loss.

    Raises:
        DataError: the folder is missing or damaged.
        TaskError: a setting names what the data do not have.
    """

    name = "prepared"

    def __init__(
        self,
        data: str | Path,
        *,
        augment: Mapping[str, str] | None = None,
        class_weight: Mapping[str, ClassWeight] | None = None,
        loss_weights: Mapping[str, float] | None = None,
        label_smoothing: float = 0.0,
        primary: str | None = None,
    ) -> None:
        self.data = PreparedData(Path(data))
        self._numbers: Mapping[str, np.ndarray] | None = None  # of another division: rows of both splits
        self.augment = dict(augment or {})
        self.class_weight = dict(class_weight or {})
        self.loss_weights = dict(loss_weights or {})
        if not 0 <= label_smoothing < 1:
            raise RecipeError(
                f"task.label_smoothing: {label_smoothing} is not at least 0 and below 1; try 0.1"
            )
        self.label_smoothing = label_smoothing
        self._check_names()
        self.metrics = combined(self.heads)
        self.primary = self._primary(primary)
        self.likelihood = all(head.likelihood for head in self.heads.values())
        self.tested = "test" in self.data.facts["counts"]
        self.targets = "rows" if self._columns == 1 else "targets"

    # -- what it is -----------------------------------------------------------------------------------------

    @cached_property
    def heads(self) -> dict[str, Head]:
        """What is done with each output, by its name."""
        return {
            name: head_of(
                name,
                adapter,
                self.data.facts["targets"][name].get("counts"),
                self.class_weight.get(name),
                self.label_smoothing,
            )
            for name, adapter in self.data.adapters.targets.items()
        }

    def facts(self) -> dict[str, Any]:
        """Counts by split; of each input its kind, and mean and deviation of its features or channels."""
        return self.data.facts

    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Say = silent) -> None:
        """Make sure that the data are there."""
        if not self.data.folder.is_dir():
            raise DataError(f"{self.data.folder}: the prepared data are gone; prepare them anew")

    def fingerprint(self) -> str:
        """The data, and what is done with them in training."""
        settings = [self.augment, self.class_weight, self.loss_weights, self.label_smoothing]
        return f"{self.data.fingerprint}-{settings}"

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """The inputs and outputs by their names; images at the fidelity's resolution."""
        adapters = self.data.adapters
        inputs = [adapter.spec(name) for name, adapter in adapters.inputs.items()]
        return Signature(
            tuple(self._sized(spec, fidelity or _FULL) for spec in inputs),
            tuple(adapter.spec(name) for name, adapter in adapters.targets.items()),
        )

    def epoch_size(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> int:
        """How many targets one pass over the training rows has."""
        return len(self._training_numbers(fidelity or _FULL)) * self._columns

    def on_all_rows(self) -> "PreparedTask":
        """This task with validation rows among those that train; none are left to score a network on."""
        count = sum(self._count(split) for split in self._given)
        return self._divided({"train": np.arange(count)})

    def on_fold(self, number: int, count: int, seed: int) -> "PreparedTask":
        """This task with another division of the same rows: a fold for validation, all others to train on.

        Every fold has its part of each class of the first target, where that has classes. What was fitted on
        the training rows, such as means, stays as it is.

        Args:
            number: of the fold, from 0.
            count: of folds.
            seed: of the division.
        """
        first = next(iter(self.heads))
        targets = joined([self.data.array(split, first) for split in self._given])
        order = np.random.default_rng(seed).permutation(len(targets))
        if isinstance(next(iter(self.heads.values())), ClassHead):
            order = order[np.argsort(targets[order], kind="stable")]
        held = np.zeros(len(targets), bool)
        held[order[number::count]] = True
        return self._divided({"train": np.flatnonzero(~held), "validation": np.flatnonzero(held)})

    @property
    def _given(self) -> list[str]:
        """The splits of rows that may be trained on in the end."""
        return [split for split in ("train", "validation", ASIDE) if split in self.data.facts["counts"]]

    def _divided(self, numbers: Mapping[str, np.ndarray]) -> "PreparedTask":
        made = copy.copy(self)
        made.__dict__.pop("_arrays", None)
        made._numbers = numbers
        return made

    # -- training -------------------------------------------------------------------------------------------

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
        """Rows in a new random order each epoch; images of the training split augmented."""
        fidelity = fidelity or _FULL
        train = split == "train"
        numbers = self._training_numbers(fidelity) if train else np.arange(self._count(split))
        steps = {name: self._policy(name, architecture) for name in self.augment} if train else {}
        return self._drawn(split, numbers, batch_size, _numpy(generator), fidelity, steps)

    def _drawn(
        self,
        split: str,
        numbers: np.ndarray,
        batch_size: int,
        rng: np.random.Generator,
        fidelity: Fidelity,
        steps: Mapping[str, Any],
    ) -> Iterator[Batch]:
        stored = self._inputs(split)
        targets = [torch.from_numpy(np.asarray(one)) for one in self._targets(split).values()]
        waiting = numbers[:0]
        while True:
            while len(waiting) < batch_size:
                waiting = np.concatenate([waiting, rng.permutation(numbers)])
            chosen, waiting = waiting[:batch_size], waiting[batch_size:]
            inputs = self._network_inputs({name: one[chosen] for name, one in stored.items()}, fidelity)
            for name, policy_steps in steps.items():
                inputs[name] = augmented(inputs[name], policy_steps, rng)
            rows = torch.from_numpy(chosen)
            yield Batch(_alone(tuple(inputs.values())), _alone(tuple(one[rows] for one in targets)))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The heads' losses, each times its weight, summed."""
        return self._loss(split_outputs(model(*batch.arguments), len(self.heads)), batch.targets)

    def _loss(self, outputs: tuple[Tensor, ...], targets: Any) -> Tensor:
        given = targets if isinstance(targets, tuple) else (targets,)
        losses = [
            self.loss_weights.get(name, 1.0) * head.loss(output, target)
            for (name, head), output, target in zip(self.heads.items(), outputs, given, strict=True)
        ]
        return torch.stack(losses).sum() if len(losses) > 1 else losses[0]

    # -- quality --------------------------------------------------------------------------------------------

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
        """Every metric on a split, of at most ``limit`` rows."""
        device = next(iter(model.parameters()), torch.empty(0)).device
        training = model.training

        def forward(*inputs: Tensor) -> Any:
            return model(*(one.to(device) for one in inputs))

        model.eval()
        try:
            return self.score(forward, split=split, limit=limit, batch_size=batch_size, fidelity=fidelity)
        finally:
            model.train(training)

    @torch.no_grad()
    def score(
        self,
        forward: Callable[..., Any],
        *,
        split: str,
        limit: int | None = None,
        batch_size: int | None = None,
        fidelity: Fidelity | None = None,
    ) -> dict[str, float]:
        """The metrics of anything that is called as a network is, such as an exported file's session."""
        numbers = np.sort(_order(self._count(split))[:limit])
        outputs = self._outputs(forward, split, numbers, batch_size, fidelity or _FULL)
        targets = [np.asarray(one[numbers]) for one in self._targets(split).values()]
        if len(self.heads) == 1:
            (head,) = self.heads.values()
            return head.score(outputs[0].double().numpy(), targets[0])
        found = {"loss": float(self._loss(outputs, tuple(map(torch.from_numpy, targets))))}
        for (name, head), output, target in zip(self.heads.items(), outputs, targets, strict=True):
            scores = head.score(output.double().numpy(), target)
            found |= {f"{name}.{metric}": value for metric, value in scores.items()}
        return found

    def _outputs(
        self,
        forward: Callable[..., Any],
        split: str,
        numbers: np.ndarray,
        batch_size: int | None,
        fidelity: Fidelity,
    ) -> tuple[Tensor, ...]:
        """All outputs for some rows, ``(rows, outputs)`` each, on the CPU."""
        stored = self._inputs(split)
        images = any(isinstance(one, ImageAdapter) for one in self.data.adapters.inputs.values())
        parts = []
        for start in range(0, len(numbers), size := batch_size or _ROWS[images]):
            chosen = numbers[start : start + size]
            inputs = self._network_inputs({name: one[chosen] for name, one in stored.items()}, fidelity)
            outputs = split_outputs(forward(*inputs.values()), len(self.heads))
            parts.append([one.cpu() for one in outputs])
        return tuple(torch.cat(part) for part in zip(*parts, strict=True))

    # -- inside ---------------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        known = self.data.adapters
        settings: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
            ("augment", self.augment, known.inputs),
            ("class_weight", self.class_weight, known.targets),
            ("loss_weights", self.loss_weights, known.targets),
        )
        for field, given, names in settings:
            for name in given:
                if name not in names:
                    raise TaskError(
                        f"task.{field}.{name}: the data have no such name; use {', '.join(names)}"
                    )
        for name in self.augment:
            if not isinstance(known.inputs[name], ImageAdapter):
                raise TaskError(f"task.augment.{name}: it is no image input; leave it out")

    def _primary(self, name: str | None) -> Metric:
        by_name = {metric.name: metric for metric in self.metrics}
        if name is not None and name not in by_name:
            raise TaskError(f"task.primary: {name!r} is no metric of the task; use {', '.join(by_name)}")
        return self.metrics[0] if name is None else by_name[name]

    @cached_property
    def _columns(self) -> int:
        """Targets of a row."""
        outputs = self.signature({}).outputs
        return sum(1 if spec.classes is not None else int(spec.shape[1]) for spec in outputs)

    def _policy(self, name: str, architecture: Mapping[str, Value]) -> Any:
        given = self.augment[name]
        choice = f"{given}/policy"
        return policy(str(architecture.get(choice, given)), f"task.augment.{name}")

    def _count(self, split: str) -> int:
        if self._numbers is not None:
            return len(self._numbers[split])
        counts = self.data.facts["counts"]
        if split not in counts:
            raise TaskError(f"split: the data have no {split} rows; use {', '.join(counts)}")
        return int(counts[split])

    def _training_numbers(self, fidelity: Fidelity) -> np.ndarray:
        count, samples = self._count("train"), fidelity.samples
        if samples is None or samples == 1:
            return np.arange(count)
        wanted = round(samples * count) if samples < 1 else int(samples)
        return _order(count)[: max(2, wanted)]

    def _inputs(self, split: str) -> dict[str, Array]:
        return {name: self._array(split, name) for name in self.data.adapters.inputs}

    def _targets(self, split: str) -> dict[str, Array]:
        return {name: self._array(split, name) for name in self.data.adapters.targets}

    def _array(self, split: str, name: str) -> Array:
        """An array of the data, read once."""
        self._count(split)
        if (split, name) not in self._arrays:
            self._arrays[split, name] = self._read(split, name)
        return self._arrays[split, name]

    def _read(self, split: str, name: str) -> Array:
        if self._numbers is None:
            return self.data.array(split, name)
        rows = joined([self.data.array(part, name) for part in self._given])
        numbers = self._numbers[split]
        return rows if len(numbers) == len(rows) else rows[numbers]

    @cached_property
    def _arrays(self) -> dict[tuple[str, str], Array]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Workers read the arrays themselves."""
        return {name: value for name, value in self.__dict__.items() if name != "_arrays"}

    def _network_inputs(self, stored: Mapping[str, Array], fidelity: Fidelity) -> dict[str, Tensor]:
        found = {}
        for name, rows in stored.items():
            adapter = self.data.adapters.inputs[name]
            tensor = adapter.tensor(rows)
            if isinstance(adapter, ImageAdapter) and fidelity.resolution != 1:
                size = _smaller(adapter.height, adapter.width, fidelity)
                tensor = F.interpolate(tensor, size=size, mode="bilinear", antialias=True)
            found[name] = tensor
        return found

    def _sized(self, spec: TensorSpec, fidelity: Fidelity) -> TensorSpec:
        adapter = self.data.adapters.inputs[spec.name]
        if not isinstance(adapter, ImageAdapter) or fidelity.resolution == 1:
            return spec
        size = _smaller(adapter.height, adapter.width, fidelity)
        return TensorSpec(spec.name, (*spec.shape[:2], *size), spec.dtype)


def _smaller(height: int, width: int, fidelity: Fidelity) -> tuple[int, int]:
    smallest = min(height, width, _SMALLEST_SIDE)
    height, width = (max(smallest, round(side * fidelity.resolution)) for side in (height, width))
    return height, width


def _alone(tensors: tuple[Tensor, ...]) -> Any:
    """The tensor itself where there is one."""
    return tensors if len(tensors) > 1 else tensors[0]


def _order(count: int) -> np.ndarray:
    return np.random.default_rng(_ORDER_SEED).permutation(count)


def _numpy(generator: Generator) -> np.random.Generator:
    if isinstance(generator, np.random.Generator):
        return generator
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
