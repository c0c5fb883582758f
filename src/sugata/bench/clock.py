"""What an evaluation costs on the simulated clock."""

from collections.abc import Callable

from sugata.evaluators import TableEvaluator
from sugata.trial import Proposal

PASSES = 3  # a training step is a forward pass, and a backward pass of twice its cost
RATE = 1e12  # multiply-accumulates a second of one simulated worker
STATED = (
    f"{PASSES} x multiply-accumulates x epochs x training images, at {RATE:.0e} multiply-accumulates a second"
)


def cost_of(evaluator: TableEvaluator) -> tuple[Callable[[Proposal], float], str]:
    """Seconds of a proposal's evaluation, and in words how they are counted.

    A rung costs its whole schedule, whatever a lower one has cost before: the 12 epochs of NAS-Bench-201 are
    no prefix of the 200. A table without multiply-accumulates, epochs or images costs a second each.
    """
    table = evaluator.table
    epochs = [rung.amount for rung in evaluator.ladder if rung.unit == "epochs"]
    if "macs" not in table.columns or not table.samples or len(epochs) < len(evaluator.rungs):
        return lambda proposal: 1.0, "a second an evaluation"
    macs = table.column("macs")

    def seconds(proposal: Proposal) -> float:
        operations = PASSES * macs[table.row(proposal.architecture)] * table.samples
        return float(operations * epochs[proposal.fidelity.rung] / RATE)

    return seconds, STATED
