"""Weights trained path by path, and the evaluator that scores architectures with them."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Literal

import numpy as np
import torch
from torch import nn

from sugata.errors import InvalidArchitecture, LimitError, RecipeError
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.oneshot.base import Feasible, OneShot, Supernet, anything
from sugata.oneshot.mixed import recalibrate
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture
from sugata.tasks import Task
from sugata.trial import Fidelity, Proposal, Status, Value

_MOST_REFUSED = 1000  # draws in a row that break a limit
_CALIBRATION = 1  # purposes of random draws, beside the seed
_PATHS = 2
_DATA = 3


class SinglePath(OneShot):
    """Trains a random path a step (Guo et al. 2020), or every option once (FairNAS, Chu et al. 2021).

    Args:
        settings: of the weights.
        sampling: ``uniform``: a path a step, each option of each decision equally likely. ``fair``: in a
            step, as many paths as a decision has options, in which each option is taken once (strict
            fairness, algorithm 1); their gradients are added up before the weights move.
        candidates: how many random architectures :meth:`derive` scores; a search with any strategy over
            :class:`SupernetEvaluator` finds better ones.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        sampling: Literal["uniform", "fair"] = "uniform",
        candidates: int = 200,
    ) -> None:
        if sampling not in ("uniform", "fair"):
            raise RecipeError(f"oneshot.sampling is {sampling!r}; use uniform or fair")
        self.settings = settings or SupernetSettings()
        self.sampling = sampling
        self.candidates = candidates

    def fit(self, supernet: Supernet, task: Task, context: Context, feasible: Feasible = anything) -> None:
        """Train the weights on the split ``train``; paths that break a limit are drawn anew."""
        self.supernet, self.task, self.context, self.feasible = supernet, task, context, feasible
        settings = self.settings
        weights = [parameter for parameter in supernet.parameters() if parameter.requires_grad]
        optimizer = torch.optim.SGD(
            weights,
            settings.learning_rate,
            settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.momentum > 0,
        )
        paths = self._paths(np.random.default_rng([context.seed, _PATHS]))
        batches = task.batches(
            self._draw(np.random.default_rng([context.seed, _PATHS])),  # what it reads is the same for all
            batch_size=settings.batch_size,
            generator=np.random.default_rng([context.seed, _DATA]),
        )
        supernet.train()
        total, counted = 0.0, 0
        for step in range(settings.steps):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / settings.steps))
            optimizer.zero_grad()
            batch, together = next(batches), next(paths)
            for architecture in together:
                supernet.activate(architecture)
                loss = task.loss(supernet, batch)
                loss.backward()
                total, counted = total + float(loss.detach()), counted + 1
            if settings.clip:
                nn.utils.clip_grad_norm_(weights, settings.clip)
            optimizer.step()
            if (step + 1) * settings.checks // settings.steps > step * settings.checks // settings.steps:
                if not context.report((step + 1) / settings.steps, total / counted):
                    return
                total, counted = 0.0, 0

    def derive(self, count: int) -> list[Architecture]:
        """The best of random architectures by the supernet's validation score.

        Raises:
            LimitError: fewer within the limits were found.
        """
        evaluator = SupernetEvaluator(self.supernet, self.task)
        rng = np.random.default_rng([self.context.seed, count])
        different: dict[str, Architecture] = {}
        for _ in range(self.candidates):
            architecture = self._draw(rng)
            different.setdefault(self.supernet.space.training_key(architecture), architecture)
        metric = self.task.primary
        scores = {key: metric.cost(evaluator.score(one)[metric.name]) for key, one in different.items()}
        if len(scores) < count:
            raise LimitError(
                f"{self.supernet.space.name}: {len(scores)} different architectures among {self.candidates}"
                f" drawn ones, {count} are asked for; raise oneshot.candidates"
            )
        return [different[key] for key in sorted(scores, key=lambda key: scores[key])[:count]]

    def _paths(self, rng: np.random.Generator) -> Iterator[list[Architecture]]:
        """Endlessly, the paths of one step."""
        while True:
            yield [self._draw(rng)] if self.sampling == "uniform" else self._fair(rng)

    def _draw(self, rng: np.random.Generator) -> Architecture:
        """A random architecture within the limits."""
        for _ in range(_MOST_REFUSED):
            architecture = self.supernet.sample(rng)
            if self.feasible(architecture) is None:
                return architecture
        raise LimitError(
            f"{self.supernet.space.name}: {_MOST_REFUSED} random architectures in a row break the limits;"
            " loosen them"
        )

    def _fair(self, rng: np.random.Generator) -> list[Architecture]:
        """Paths that together take each option equally often; those that break a limit are left out."""
        decisions = self.supernet.decisions
        rounds = max(len(options) for options in decisions.values())
        orders = {
            name: [options[i % len(options)] for i in rng.permutation(rounds)]
            for name, options in decisions.items()
        }
        paths = [{name: order[i] for name, order in orders.items()} for i in range(rounds)]
        architectures = [self._made(path) for path in paths]
        allowed = [one for one in architectures if one is not None and self.feasible(one) is None]
        return allowed or [self._draw(rng)]

    def _made(self, path: Mapping[str, Value]) -> Architecture | None:
        """The architecture of these options; None where the space does not combine them."""
        try:
            return self.supernet.architecture(path)
        except InvalidArchitecture:
            return None


class SupernetEvaluator(Evaluator):
    """Scores an architecture by its path of a trained supernet, in seconds instead of a training.

    Batch norms are recalibrated for every path on the same training batches (Guo et al. 2020, section 3.4).

    Args:
        supernet: trained; copied to workers with the evaluator.
        task: gives the data.
        calibration: batches for the batch norms.
        batch_size: of these.
        limit: images (or bytes of text) of the validation split that score a path; None: all.
    """

    ladder = (Fidelity(0, "supernet", 1, ""),)

    def __init__(
        self,
        supernet: Supernet,
        task: Task,
        *,
        calibration: int = 8,
        batch_size: int = 64,
        limit: int | None = None,
    ) -> None:
        self.supernet = supernet
        self.task = task
        self.calibration = calibration
        self.batch_size = batch_size
        self.limit = limit
        self.metrics = task.metrics

    def fingerprint(self) -> str:
        """Of the task's data, the weights and how they are used."""
        digest = hashlib.sha256()
        settings = [self.task.fingerprint(), self.calibration, self.batch_size, self.limit]
        digest.update(json.dumps(settings).encode())
        for parameter in self.supernet.parameters():
            digest.update(parameter.detach().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """The score of the path."""
        return Evaluation(Status.COMPLETED, self.score(proposal.architecture))

    def score(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        """The task's metrics of a path on the validation split."""
        self.supernet.activate(architecture)
        batches = self.task.batches(
            architecture,
            batch_size=self.batch_size,
            generator=np.random.default_rng(_CALIBRATION),
        )
        recalibrate(self.supernet, (batch.inputs for batch in islice(batches, self.calibration)))
        return self.task.evaluate(self.supernet, architecture, split="validation", limit=self.limit)
