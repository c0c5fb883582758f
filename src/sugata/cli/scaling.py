"""`sugata scale`: a network at several sizes, and the search of the coefficients."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from sugata.cli.printing import image_shape, print_json
from sugata.errors import RecipeError
from sugata.space import Architecture, SearchSpace, Signature, image_signature, image_sizes
from sugata.spaces import find
from sugata.spaces.catalogue import imported
from sugata.spaces.scaling import (
    CompoundScaling,
    ScaledNetwork,
    coefficient_grid,
    grid_search,
    scale,
)


@dataclass(frozen=True)
class Scaled:
    """The network that is scaled, and for what."""

    space: SearchSpace
    architecture: Architecture
    signature: Signature
    divisor: int

    @classmethod
    def of(cls, network: str, image: str, classes: int, divisor: int) -> "Scaled":
        """From what was typed.

        Raises:
            RecipeError: the network is not known, or the image's size cannot be read.
        """
        channels, height, width = image_shape(image)
        return cls(*find(network), image_signature(channels, height, width, classes), divisor)

    def at(self, scaling: CompoundScaling, phi: float) -> ScaledNetwork:
        """The network of that size."""
        return scale(self.space, self.architecture, self.signature, scaling, phi, self.divisor)


def print_scaled(scaled: Scaled, scaling: CompoundScaling, phi: int, out: Console, *, as_json: bool) -> None:
    """Resolution, parameters and multiply-accumulates for phi from 0 to ``phi``."""
    rows: list[dict[str, Any]] = []
    for step in range(phi + 1):
        network = scaled.at(scaling, step)
        parameters, macs = network.counts()
        sizes = image_sizes(network.signature)
        rows.append(
            {
                "phi": step,
                "depth": scaling.depth(step),
                "width": scaling.width(step),
                "image": [sizes.height, sizes.width],
                "parameters": parameters,
                "multiply_accumulates": macs,
                "space": dict(network.space.parameters),
            }
        )
    if as_json:
        print_json({"alpha": scaling.alpha, "beta": scaling.beta, "gamma": scaling.gamma, "sizes": rows})
        return
    table = Table("phi", "depth", "width", "images", box=None, header_style="bold")
    for column in ("parameters", "MACs", "relative"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            str(row["phi"]),
            f"x {row['depth']:.2f}",
            f"x {row['width']:.2f}",
            " x ".join(map(str, row["image"])),
            f"{row['parameters']:,}",
            f"{row['multiply_accumulates']:,}",
            f"{row['multiply_accumulates'] / rows[0]['multiply_accumulates']:.2f}",
        )
    out.print(table)
    out.print(f"\nalpha beta² gamma² = {scaling.cost:.3f}: before rounding, what a step of phi costs in MACs")


def own_function(name: str) -> Callable[[ScaledNetwork], float]:
    """The function that ``module:name`` stands for.

    Raises:
        RecipeError: it is none.
    """
    function: Callable[[ScaledNetwork], float] = imported("function", name)
    if not callable(function):
        raise RecipeError(f"--search {name}: not a function; give module:name of one")
    return function


def trained_on(scaled: Scaled, data: str, epochs: float) -> tuple[Scaled, Callable[[ScaledNetwork], float]]:
    """The same network for these images, and their training as the function that scores it."""
    from sugata.evaluators.scaling import ScaledTraining

    training = ScaledTraining(data, epochs)
    return replace(scaled, signature=training.signature), training


def print_coefficients(
    scaled: Scaled, function: Callable[[ScaledNetwork], float], step: float, out: Console, *, as_json: bool
) -> None:
    """The coefficients of the grid with the score of each at phi = 1, and the best."""
    grid = coefficient_grid(step)
    scores: list[float] = []

    def scored(network: ScaledNetwork) -> float:
        score = float(function(network))
        scores.append(score)
        if not as_json:
            out.print(f"{len(scores)}/{len(grid)}  {_options(network.scaling)}  {score:.4f}", highlight=False)
        return score

    ranked = grid_search(scaled.space, scaled.architecture, scaled.signature, scored, grid, scaled.divisor)
    if as_json:
        print_json([{"alpha": c.alpha, "beta": c.beta, "gamma": c.gamma, "score": s} for c, s in ranked])
    else:
        (best, score), *_ = ranked
        out.print(f"best  {_options(best)}  {score:.4f}, alpha beta² gamma² = {best.cost:.3f}")


def _options(scaling: CompoundScaling) -> str:
    return f"--alpha {scaling.alpha:g} --beta {scaling.beta:g} --gamma {scaling.gamma:g}"
