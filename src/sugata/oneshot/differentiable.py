"""Architectures by gradient: DARTS of first and second order, and GDAS."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.oneshot.base import most_probable
from sugata.oneshot.collapse import SKIPS, Check, check, details
from sugata.oneshot.fitting import TrainedMethod
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture
from sugata.tasks import Batch
from sugata.training import distributed

_START = 1e-3  # deviation of the first logits
_MOST_DRAWN = 100  # paths in a row that break a limit
_HESSIAN_STEP = 0.01  # of the finite differences, over the norm of the vector (Liu et al. 2019, equation 8)


class Differentiable(TrainedMethod):
    """Logits over the options of every decision, learned by gradient in turn with the weights.

    Weights learn on the split ``train``, logits on ``validation``: the two halves are disjoint.

    Args:
        settings: of the weights.
        logit_rate: learning rate of the logits, by Adam.
        logit_decay: weight decay of the logits.
        most_skips: end the search when more of the decisions than this share prefer a skip connection, and
            go back to the logits before (DARTS+, Liang et al. 2019, criterion 1); 1: never.
        operation_dropout: probability of leaving out the skip of a decision in a step of the weights, falling
            to zero over the search (P-DARTS, Chen et al. 2019, section 3.3.2, which drops features of skips).
        zeros: whether ``none`` may be derived; DARTS' cells keep two edges a node and have no zeros.
        edge_normalization: learn a weight of each edge beside those of its options; the weights of what is
            added up in one place sum to 1 (PC-DARTS, Xu et al. 2020, section 3.3). Goes with a supernet of
            partial channels.

    Attributes:
        logits: of every decision.
        edge_logits: of the decisions of each sum, where edges are normalized.
        checks: the state of the distribution over time.
    """

    learns_held = True

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        logit_rate: float = 3e-4,
        logit_decay: float = 1e-3,
        most_skips: float = 1.0,
        operation_dropout: float = 0.0,
        zeros: bool = True,
        edge_normalization: bool = False,
    ) -> None:
        for name, share in (("most_skips", most_skips), ("operation_dropout", operation_dropout)):
            if not 0 <= share <= 1:
                raise RecipeError(f"supernet.{name} is {share}; give a share from 0 to 1")
        super().__init__(settings)
        self.logit_rate = logit_rate
        self.logit_decay = logit_decay
        self.most_skips = most_skips
        self.operation_dropout = operation_dropout
        self.zeros = zeros
        self.edge_normalization = edge_normalization
        self.edge_logits: dict[str, Tensor] = {}
        self.logits: dict[str, Tensor] = {}
        self.checks: list[Check] = []

    def _begin(self, rng: np.random.Generator) -> None:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))

        def start(count: int) -> Tensor:
            return (_START * torch.randn(count, generator=generator)).requires_grad_()

        self.logits = {name: start(len(options)) for name, options in self.supernet.decisions.items()}
        sums = self.supernet.sums if self.edge_normalization else {}
        self.edge_logits = {place: start(len(names)) for place, names in sums.items()}
        self.checks = []
        self.adam = torch.optim.Adam(
            self._all_logits(), self.logit_rate, (0.5, 0.999), weight_decay=self.logit_decay
        )

    def _state(self) -> dict[str, Any]:
        return {
            "logits": [logits.detach() for logits in self._all_logits()],
            "adam": self.adam.state_dict(),
            "checks": [asdict(one) for one in self.checks],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for logits, kept in zip(self._all_logits(), state["logits"], strict=True):
                logits.copy_(kept)
        self.adam.load_state_dict(state["adam"])
        self.checks = [Check(**one) for one in state["checks"]]

    def _segment(self, segment: int) -> list[float]:
        before = self.probabilities()
        losses = super()._segment(segment)
        if losses:
            loss = sum(losses) / len(losses)
            self.checks.append(check(self.supernet, self.probabilities(), self.steps, loss))
            if self.checks[-1].skips > self.most_skips:
                self.ended = f"{self.checks[-1].skips:.0%} of the decisions preferred a skip connection"
                self._go_back(before)
        return losses

    def _step(self) -> float:
        train, held = self._batch(), self._batch("validation")
        self.adam.zero_grad()
        loss = self._logit_step(train, held)
        distributed.average_gradients(self._all_logits())
        self.adam.step()
        self._weight_step(train)
        return loss

    def derive(self, count: int) -> list[Architecture]:
        """The most probable architectures within the limits, best first.

        Raises:
            LimitError: fewer were found.
        """
        return most_probable(self.supernet, self._derivable(), count, self.feasible)

    def details(self) -> dict[str, Any]:
        """The state of the distribution over time, and a warning where it collapsed, as JSON values."""
        return details(self.checks, self.ended)

    def probabilities(self) -> dict[str, Tensor]:
        """Of the options of every decision."""
        return {name: torch.softmax(logits.detach(), 0) for name, logits in self.logits.items()}

    def _derivable(self) -> dict[str, Tensor]:
        """The probabilities without zeros, where none may be derived."""
        found = self.probabilities()
        for name, options in self.supernet.decisions.items():
            if not self.zeros and "none" in options:
                found[name][options.index("none")] = 0.0
        return self._normalized(found)

    def _all_logits(self) -> list[Tensor]:
        return [*self.logits.values(), *self.edge_logits.values()]

    def _normalized(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of options times those of their edges."""
        for place, logits in self.edge_logits.items():
            for name, weight in zip(self.supernet.sums[place], torch.softmax(logits, 0), strict=True):
                weights[name] = weights[name] * weight
        return weights

    def _go_back(self, probabilities: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, logits in self.logits.items():
                logits.copy_(probabilities[name].log())

    def _loss(self, batch: Batch) -> Tensor:
        """The loss of the mixture that the logits give."""
        self.supernet.mix(self._normalized(self._mixture()))
        return self.task.loss(self.supernet, batch)

    def _fixed_weights_loss(self, batch: Batch) -> Tensor:
        """The same; gradients of the weights, which nobody asks for, are not computed."""
        for weight in self.weights:
            weight.requires_grad_(False)
        try:
            return self._loss(batch)
        finally:
            for weight in self.weights:
                weight.requires_grad_(True)

    @abstractmethod
    def _mixture(self) -> dict[str, Tensor]:
        """Weights of the options, which depend on the logits."""

    @abstractmethod
    def _logit_step(self, train: Batch, held: Batch) -> float:
        """Leave the gradient of the logits in them; returns the loss on the held batch."""

    def _weight_step(self, batch: Batch) -> float:
        with torch.no_grad():
            mixture = self._normalized(self._mixture())
            self.supernet.mix(self._dropped(mixture) if self.operation_dropout else mixture)
        loss = self.task.loss(self.supernet, batch)
        loss.backward()
        self._descend()
        return float(loss.detach())

    def _dropped(self, mixture: dict[str, Tensor]) -> dict[str, Tensor]:
        """The mixture with some skips left out."""
        probability = self.operation_dropout * (1 - self.progress)
        for name, options in self.supernet.decisions.items():
            for i, option in enumerate(options):
                if option in SKIPS and float(torch.rand((), generator=self.generator)) < probability:
                    kept = torch.ones(len(options))
                    kept[i] = 0.0
                    mixture[name] = mixture[name] * kept
        return mixture


class Darts(Differentiable):
    """Continuous relaxation and bi-level optimization (Liu et al. 2019).

    Args:
        order: 2 takes the gradient of the logits through one step of the weights, the product with the
            Hessian by finite differences (equations 6 to 8); 1 takes the weights as they are.
        more: as :class:`Differentiable`.
    """

    def __init__(self, settings: SupernetSettings | None = None, *, order: int = 1, **more: float) -> None:
        super().__init__(settings, **more)  # type: ignore[arg-type]
        if order not in (1, 2):
            raise RecipeError(f"supernet.order is {order}; use 1 or 2")
        self.order = order

    def _mixture(self) -> dict[str, Tensor]:
        return {name: torch.softmax(logits, 0) for name, logits in self.logits.items()}

    def _logit_step(self, train: Batch, held: Batch) -> float:
        if self.order == 1:
            loss = self._fixed_weights_loss(held)
            gradients = list(torch.autograd.grad(loss, self._all_logits(), materialize_grads=True))
        else:
            loss, gradients = self._unrolled(train, held)
        for logits, gradient in zip(self._all_logits(), gradients, strict=True):
            logits.grad = gradient
        return float(loss.detach())

    def _unrolled(self, train: Batch, held: Batch) -> tuple[Tensor, list[Tensor]]:
        """The gradient on held data after one virtual step of the weights on training data."""
        logits, rate = self._all_logits(), self.weight_optimizer.param_groups[0]["lr"]
        before, moments = [w.detach().clone() for w in self.weights], self.weight_optimizer.state
        steps = distributed.averaged(torch.autograd.grad(self._loss(train), self.weights, allow_unused=True))
        with torch.no_grad():
            for weight, gradient in zip(self.weights, steps, strict=True):
                if gradient is None:
                    continue
                moment = moments[weight].get("momentum_buffer") if moments else None
                change = gradient + self.settings.weight_decay * weight
                if moment is not None:
                    change = change + self.settings.momentum * moment
                weight.sub_(change, alpha=rate)
        loss = self._loss(held)
        values = [*logits, *self.weights]
        direct = [
            torch.zeros_like(value) if gradient is None else gradient
            for value, gradient in zip(
                values,
                distributed.averaged(torch.autograd.grad(loss, values, allow_unused=True)),
                strict=True,
            )
        ]
        vector = direct[len(logits) :]
        self._set_weights(before)
        step = _HESSIAN_STEP / math.sqrt(sum(float(v.square().sum()) for v in vector))
        sides = []
        for sign in (1.0, -1.0):
            self._set_weights([w + sign * step * v for w, v in zip(before, vector, strict=True)])
            sides.append(torch.autograd.grad(self._loss(train), logits, materialize_grads=True))
        self._set_weights(before)
        gradients = [
            own - rate * (plus - minus) / (2 * step)
            for own, plus, minus in zip(direct[: len(logits)], *sides, strict=True)
        ]
        return loss.detach(), gradients

    @torch.no_grad()
    def _set_weights(self, values: list[Tensor]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.copy_(value)


class Gdas(Differentiable):
    """One path a step, drawn by Gumbel noise, with the gradient of its softmax (Dong & Yang 2019).

    Args:
        hottest: temperature of the softmax at the start.
        coldest: at the end; it falls linearly.
        more: as :class:`Differentiable`.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        hottest: float = 10.0,
        coldest: float = 0.1,
        **more: float,
    ) -> None:
        super().__init__(settings, **more)  # type: ignore[arg-type]
        if not 0 < coldest <= hottest:
            raise RecipeError(
                f"supernet.coldest is {coldest}, hottest {hottest}; give 0 < coldest <= hottest"
            )
        self.hottest, self.coldest = hottest, coldest

    def _mixture(self) -> dict[str, Tensor]:
        for _ in range(_MOST_DRAWN):
            soft = self._noisy()
            path = {name: int(one.argmax()) for name, one in soft.items()}
            if self._allowed(path):
                break
        else:  # nearly all that the logits prefer breaks a limit
            best = self.supernet.path(most_probable(self.supernet, self.probabilities(), 1, self.feasible)[0])
            path = {name: options.index(best[name]) for name, options in self.supernet.decisions.items()}
        mixture = {}
        for name, one in soft.items():
            hard = torch.zeros_like(one)
            hard[path[name]] = 1.0
            mixture[name] = hard + (one - one.detach()) * hard  # what was not drawn is not computed
        return mixture

    def _noisy(self) -> dict[str, Tensor]:
        temperature = self.hottest + (self.coldest - self.hottest) * self.progress
        soft = {}
        for name, logits in self.logits.items():
            noise = torch.empty(len(logits)).exponential_(generator=self.generator).log().neg()
            soft[name] = torch.softmax((torch.log_softmax(logits, 0) + noise) / temperature, 0)
        return soft

    def _allowed(self, path: dict[str, int]) -> bool:
        """Whether the path breaks no limit; one that keeps too many edges is no architecture, and may be."""
        try:
            options = self.supernet.decisions
            architecture = self.supernet.architecture({name: options[name][i] for name, i in path.items()})
        except InvalidArchitecture:
            return True
        return self.feasible(architecture) is None

    def _logit_step(self, train: Batch, held: Batch) -> float:
        loss = self._fixed_weights_loss(held)
        if loss.requires_grad:  # not where every path that was drawn is `none`
            loss.backward()
        return float(loss.detach())
