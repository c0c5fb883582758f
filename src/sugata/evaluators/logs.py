"""What a training leaves behind to look at: its curve as CSV, and as TensorBoard's event files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sugata.errors import RecipeError

Logger = Literal["none", "csv", "tensorboard"]
CURVE = "curve.csv"
EVENTS = "tensorboard"


def check_logger(logger: Logger) -> None:
    """Say before anything is trained that a library is missing.

    Raises:
        RecipeError: it is.
    """
    if logger == "tensorboard":
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError:
            raise RecipeError(
                "show.logger is tensorboard, which is not installed; pip install 'sugata[tensorboard]', or"
                " use csv"
            ) from None


def log_training(
    logger: Logger,
    folder: Path,
    curve: Sequence[tuple[float, float]],
    names: tuple[str, str],
    metrics: Mapping[str, float],
) -> None:
    """Write a finished training into its folder.

    Args:
        curve: ``(seen, loss)`` points.
        names: of the two.
        metrics: measured at the end.
    """
    if logger == "none" or not curve:
        return
    lines = [",".join(names), *(f"{seen:g},{value:.6g}" for seen, value in curve)]
    (folder / CURVE).write_text("\n".join(lines) + "\n")
    if logger == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder / EVENTS)) as writer:
            for seen, value in curve:
                writer.add_scalar(names[1], value, int(seen))
            for name, value in metrics.items():
                writer.add_scalar(f"measured/{name}", value, int(curve[-1][0]))
