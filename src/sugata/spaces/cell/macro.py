"""Networks of plans: the macro layout around cells that are found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sugata.errors import InvalidArchitecture
from sugata.space import Block, CellPlan, Signature, image_signature, image_sizes

if TYPE_CHECKING:
    from sugata.nn.cell_network import CellNetwork

_CIFAR = image_signature(3, 32, 32, 10)
_IMAGENET = image_signature(3, 224, 224, 1000)


@dataclass(frozen=True)
class MacroLayout:
    """How many cells of which width, and what stands around them.

    Attributes:
        channels: of the first cells; each of the two reductions doubles them.
        cells: of both kinds together. The reductions stand after a third and two thirds of them.
        stem: ``cifar``, for small images, or ``imagenet``, which starts with three convolutions of stride 2.
        auxiliary: whether a second classifier is trained after the second reduction.

    Raises:
        InvalidArchitecture: a number is too small, or the stem is unknown.
    """

    channels: int
    cells: int
    stem: str = "cifar"
    auxiliary: bool = False

    def __post_init__(self) -> None:
        if self.channels < 2 or self.cells < 2:
            raise InvalidArchitecture(
                f"channels={self.channels}, cells={self.cells}: a network of cells has at least 2 of each"
            )
        if self.stem not in ("cifar", "imagenet"):
            raise InvalidArchitecture(f"stem={self.stem!r} is unknown; use cifar or imagenet")

    def build(self, normal: CellPlan, reduction: CellPlan, signature: Signature) -> "CellNetwork":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        from sugata.nn.cell_network import CellNetwork

        sizes = image_sizes(signature)
        return CellNetwork(
            normal,
            reduction,
            image_channels=sizes.channels,
            channels=self.channels,
            cells=self.cells,
            outputs=sizes.outputs,
            stem=self.stem,
            auxiliary=self.auxiliary,
        )

    def outline(
        self, normal: CellPlan, reduction: CellPlan, signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Stem, cells and classifier; without a signature for CIFAR-10's or ImageNet's images."""
        import torch

        from sugata.nn.cell_network import reduction_positions
        from sugata.spaces.image_outline import Part, image_outline

        signature = signature or (_IMAGENET if self.stem == "imagenet" else _CIFAR)
        with torch.device("meta"):
            network: Any = self.build(normal, reduction, signature)
        parts = [Part("stem", "conv_3x3", "3x3 convolution, batch norm", network.stem0)]
        if self.stem == "imagenet":
            detail = "two 3x3 convolutions of stride 2"
            parts = [
                Part("stem", "conv_3x3", detail, network.stem0),
                Part("stem 2", "conv_3x3", "3x3 convolution of stride 2", network.stem1),
            ]
        reductions = reduction_positions(self.cells)
        for position, cell in enumerate(network.cells):
            kind = "reduction" if position in reductions else "cell"
            parts.append(Part(f"{kind} {position + 1}", kind, "", cell))
        outputs = image_sizes(signature).outputs
        detail = f"{network.classifier.in_features} to {outputs}"
        parts.append(Part("classifier", "head", detail, network.classifier))
        return image_outline(network, parts, image_sizes(signature))
