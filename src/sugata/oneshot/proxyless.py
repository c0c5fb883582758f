"""ProxylessNAS: the gradient of two paths a step, and latency in the loss."""

from collections.abc import Mapping

import torch
from torch import Tensor

from sugata.errors import RecipeError
from sugata.oneshot.binary_paths import BinaryPaths
from sugata.oneshot.settings import SupernetSettings
from sugata.tasks import Batch

#: Weight of a path that is computed for its gradient alone: a sum with it is the other term, to the last bit.
_SILENT = 1e-30


class Proxyless(BinaryPaths):
    """Architectures by the gradient of two drawn paths a step (Cai et al. 2019, sections 3.2 and 3.3.1).

    A step of the logits draws two options of every decision and takes the others as if they were not there:
    probabilities are those of the two, one of them is active, and both are computed. The gradient of the
    gates stands for that of the probabilities (equation 4). After the step both logits are shifted so that
    the options which were not drawn keep their probabilities.

    Latency is in the loss: ``loss + latency_weight E[latency] / latency_target``, the expectation over the
    drawn options (section 3.3.1). It is the publication's form with lambda in units of the target, and has
    the gradient of ``add#linear`` in the published code, whose other form, ``alpha loss (log latency / log
    target)^beta``, is not offered: its pull depends on the unit of time. Departure: logits move in every step
    of the weights, not in every fifth.

    Args:
        settings: of the weights.
        logit_rate: learning rate of the logits, by Adam without momentum.
        weights_first: share of the budget in which weights alone are trained.
        zeros: whether ``none`` may be derived.
        latency_table: file of ``sugata latency-table``; empty: latency does not count.
        latency_target: milliseconds; a network of this latency adds ``latency_weight`` to the loss.
        latency_weight: how much latency counts beside the loss.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        logit_rate: float = 6e-3,
        weights_first: float = 0.2,
        zeros: bool = True,
        latency_table: str = "",
        latency_target: float = 0.0,
        latency_weight: float = 0.1,
    ) -> None:
        super().__init__(
            settings,
            logit_rate=logit_rate,
            weights_first=weights_first,
            zeros=zeros,
            latency_table=latency_table,
            latency_target=latency_target,
        )
        if latency_weight < 0:
            raise RecipeError(f"supernet.latency_weight is {latency_weight}; give at least 0")
        self.latency_weight = latency_weight

    def _logit_step(self, train: Batch, held: Batch) -> float:
        pairs = {name: self._pair(logits) for name, logits in self.logits.items()}
        restricted = {name: restricted_to(self.logits[name], pair) for name, pair in pairs.items()}
        gates = {
            name: self._gates(p.detach(), pairs[name]).requires_grad_() for name, p in restricted.items()
        }
        loss = self._gated_loss(gates, held)
        worth = torch.zeros(())
        if loss.requires_grad:  # not where every option that was drawn is `none`
            gradients = torch.autograd.grad(loss, list(gates.values()), allow_unused=True)
            for p, gradient in zip(restricted.values(), gradients, strict=True):
                if gradient is not None:
                    worth = worth + (gradient * p).sum()
        if self.table is not None:
            share = self.latency_weight / self.latency_target
            worth = worth + share * self.table.expected(restricted).to(worth.dtype)
        if worth.requires_grad:
            worth.backward()
        self._pairs = pairs
        return float(loss.detach())

    def _pair(self, logits: Tensor) -> Tensor:
        """Positions of two options, drawn without replacement; of all where there are no more."""
        count = min(2, len(logits))
        p = torch.softmax(logits.detach(), 0).clamp_min(1e-9)
        return torch.multinomial(p, count, generator=self.generator)

    def _gates(self, p: Tensor, pair: Tensor) -> Tensor:
        """``(options,)``: 1 for the active one of the two, drawn by `p`, nearly 0 for the other."""
        gates = torch.zeros_like(p)
        gates[pair] = _SILENT
        gates[pair[int(torch.multinomial(p[pair], 1, generator=self.generator))]] = 1.0
        return gates

    def _gated_loss(self, gates: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The loss of the active path; gradients of the weights, which nobody asks for, are not computed."""
        for weight in self.weights:
            weight.requires_grad_(False)
        try:
            self.supernet.mix(gates)
            return self.task.loss(self.supernet, batch)
        finally:
            for weight in self.weights:
                weight.requires_grad_(True)

    @torch.no_grad()
    def _moved(self, before: Mapping[str, Tensor]) -> None:
        """The two keep their common share, so that the others keep their probabilities (section 3.2.1)."""
        for name, pair in self._pairs.items():
            logits = self.logits[name]
            logits[pair] -= torch.logsumexp(logits[pair], 0) - torch.logsumexp(before[name][pair], 0)


def restricted_to(logits: Tensor, pair: Tensor) -> Tensor:
    """``(options,)``: probabilities of the options at two positions as if there were no others."""
    return torch.zeros_like(logits).index_put((pair,), torch.softmax(logits[pair], 0))
