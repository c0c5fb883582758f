"""Published mobile networks: ProxylessNAS, MnasNet-A1, EfficientNet B0 to B7."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sugata.space import Architecture, Block, Choice, Graph, OptionNote, SearchSpace, Signature
from sugata.spaces.mobile.layout import BlockShape, Layout, Stage, repeated
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.mobile import MobileNetwork

#: Width, depth (Tan & Le 2019, the published code's table); the resolutions are 224, 240, 260, 300, 380,
#: 456, 528 and 600 pixels, and belong to the task.
EFFICIENTNETS: Mapping[str, tuple[float, float]] = {
    "efficientnet_b0": (1.0, 1.0),
    "efficientnet_b1": (1.0, 1.1),
    "efficientnet_b2": (1.1, 1.2),
    "efficientnet_b3": (1.2, 1.4),
    "efficientnet_b4": (1.4, 1.8),
    "efficientnet_b5": (1.6, 2.2),
    "efficientnet_b6": (1.8, 2.6),
    "efficientnet_b7": (2.0, 3.1),
}
#: Expansion, kernel, channels, blocks, stride, stride on small images (Tan & Le 2019, table 1).
_EFFICIENTNET = (
    (1, 3, 16, 1, 1, 1),
    (6, 3, 24, 2, 2, 1),
    (6, 5, 40, 2, 2, 2),
    (6, 3, 80, 3, 2, 2),
    (6, 5, 112, 3, 1, 1),
    (6, 5, 192, 4, 2, 2),
    (6, 3, 320, 1, 1, 1),
)
#: The same and the squeeze-and-excitation (Tan et al. 2019, figure 7).
_MNASNET_A1 = (
    (1, 3, 16, 1, 1, 1, 0.0),
    (6, 3, 24, 2, 2, 1, 0.0),
    (3, 5, 40, 3, 2, 2, 0.25),
    (6, 3, 80, 4, 2, 2, 0.0),
    (6, 3, 112, 2, 1, 1, 0.25),
    (6, 5, 160, 3, 2, 2, 0.25),
    (6, 3, 320, 1, 1, 1, 0.0),
)
#: Kernel and expansion of each block of a stage (Cai et al. 2019, figure 4c, "mobile").
PROXYLESS_MOBILE = (
    ((5, 3), (3, 3)),
    ((7, 3), (3, 3), (5, 3), (5, 3)),
    ((7, 6), (5, 3), (5, 3), (5, 3)),
    ((5, 6), (5, 3), (5, 3), (5, 3)),
    ((7, 6), (7, 6), (7, 3), (7, 3)),
    ((7, 6),),
)
PROXYLESS_STAGES = (
    Stage(32, 2, 1),
    Stage(40, 2, 2),
    Stage(80, 2, 2),
    Stage(96, 1, 1),
    Stage(192, 2, 2),
    Stage(320, 1, 1),
)
#: The block of ProxylessNAS before all that is searched.
PROXYLESS_FIRST = BlockShape("first block", "sepconv", 16, 3, 1, 1)
HEAD = 1280


def efficientnet(width: float, depth: float) -> Layout:
    """EfficientNet with scaled channels and numbers of blocks (Tan & Le 2019)."""
    blocks: list[BlockShape] = []
    for i, (expansion, kernel, channels, count, stride, small) in enumerate(_EFFICIENTNET, start=1):
        kind = "mbconv" if expansion > 1 else "sepconv"
        blocks += repeated(
            f"stage {i}",
            kind,
            count,
            Stage(channels, stride, small),
            kernel_size=kernel,
            expansion=expansion,
            squeeze=0.25,
        )
    return Layout(32, tuple(blocks), HEAD, "swish").scaled(width, depth)


def mnasnet_a1() -> Layout:
    """MnasNet-A1 (Tan et al. 2019, figure 7)."""
    blocks: list[BlockShape] = []
    for i, (expansion, kernel, channels, count, stride, small, squeeze) in enumerate(_MNASNET_A1, start=1):
        kind = "mbconv" if expansion > 1 else "sepconv"
        stage = Stage(channels, stride, small)
        blocks += repeated(
            f"block {i}", kind, count, stage, kernel_size=kernel, expansion=expansion, squeeze=squeeze
        )
    return Layout(32, tuple(blocks), HEAD, "relu")


def proxyless_mobile() -> Layout:
    """ProxylessNAS for a phone's processor (Cai et al. 2019, figure 4)."""
    blocks = [PROXYLESS_FIRST]
    for number, (stage, choices) in enumerate(zip(PROXYLESS_STAGES, PROXYLESS_MOBILE, strict=True), start=1):
        for i, (kernel, expansion) in enumerate(choices):
            strides = (stage.stride, stage.small_stride) if i == 0 else (1, 1)
            blocks.append(
                BlockShape(f"stage {number}", "mbconv", stage.channels, kernel, *strides, expansion)
            )
    return Layout(32, tuple(blocks), HEAD, "relu6")


class PublishedMobileSpace(SearchSpace):
    """The published networks, one choice: to draw, measure and train them beside what a search finds.

    Args:
        width: by how much all of them have more channels.
        depth: by how much their stages have more blocks.
    """

    name = "mobile/published"
    choices = (
        Choice(
            "network",
            ("proxyless_mobile", "mnasnet_a1", *EFFICIENTNETS),
            default="efficientnet_b0",
            description="a published network",
            notes={
                "proxyless_mobile": OptionNote("4.1 M parameters.", papers=("Cai et al. 2019",)),
                "mnasnet_a1": OptionNote("3.9 M parameters.", papers=("Tan et al. 2019",)),
                **{
                    name: OptionNote(f"Width {width:g}, depth {depth:g}.", papers=("Tan & Le 2019",))
                    for name, (width, depth) in EFFICIENTNETS.items()
                },
            },
        ),
    )

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        self.parameters = {"width": width, "depth": depth}
        self.width, self.depth = width, depth

    def from_string(self, text: str) -> Architecture:
        """The network of that name.

        Raises:
            InvalidArchitecture: there is none.
        """
        return self.architecture({"network": text})

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "MobileNetwork":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        return self._layout(architecture).build(signature)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Its blocks, for ImageNet's images of 224 x 224 where no signature is given."""
        return self._layout(architecture).outline(signature)

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """A chain of operations."""
        return self._layout(architecture).graph()

    def _layout(self, architecture: Mapping[str, Value]) -> Layout:
        name = str(architecture["network"])
        if name in EFFICIENTNETS:
            layout = efficientnet(*EFFICIENTNETS[name])
        else:
            layout = mnasnet_a1() if name == "mnasnet_a1" else proxyless_mobile()
        return layout.scaled(self.width, self.depth)
