"""Whether a distribution over operations collapses onto skip connections."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from sugata.oneshot.base import Supernet, entropy

SKIPS = ("skip_connect", "skip", "identity")
#: A larger share of the decisions on a skip is a collapse; DARTS is published to end with all of them there.
WARN_FROM = 0.5


@dataclass(frozen=True)
class Check:
    """The state of a distribution at one point of its learning.

    Attributes:
        step: updates of the weights so far.
        skips: share of the decisions whose most probable option passes its input on.
        entropy: mean entropy of the decisions; 1 undecided, 0 decided.
        loss: on the half that the distribution learns from.
    """

    step: int
    skips: float
    entropy: float
    loss: float


def check(supernet: Supernet, probabilities: Mapping[str, Tensor], step: int, loss: float) -> Check:
    """Look at a distribution."""
    skipped = counted = 0
    for name, options in supernet.decisions.items():
        if any(option in SKIPS for option in options):
            counted += 1
            skipped += options[int(probabilities[name].argmax())] in SKIPS
    return Check(step, skipped / max(1, counted), entropy(probabilities), loss)


def warning(checks: list[Check]) -> str | None:
    """One line if the distribution has collapsed."""
    if not checks or checks[-1].skips <= WARN_FROM:
        return None
    first = next(one for one in checks if one.skips > WARN_FROM)
    return (
        f"collapse: {checks[-1].skips:.0%} of the decisions are skip connections (over {WARN_FROM:.0%} from"
        f" step {first.step}); use early stopping, partial channels or operation dropout"
    )


def details(checks: list[Check], ended: str = "") -> dict[str, Any]:
    """What a report shows, as JSON values: the details of a trial or an evaluation.

    Returns:
        ``checks``: step, skips, entropy and loss of each; ``warning``: one line, or None; ``ended``: why the
        search ended early, or an empty text.
    """
    return {"checks": [asdict(one) for one in checks], "warning": warning(checks), "ended": ended}


def restored(found: Mapping[str, Any]) -> list[Check]:
    """The checks of such details."""
    return [Check(**one) for one in found["checks"]]
