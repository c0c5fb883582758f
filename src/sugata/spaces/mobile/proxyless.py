"""The space of ProxylessNAS (Cai et al. 2019, section 4.2): a chain of blocks, each of its own shape."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sugata.space import (
    Architecture,
    Block,
    Choice,
    Graph,
    NetworkPart,
    OptionNote,
    SearchSpace,
    Signature,
)
from sugata.spaces.mobile.layout import BlockShape, Layout
from sugata.spaces.mobile.published import HEAD, PROXYLESS_FIRST, PROXYLESS_STAGES
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.mobile import MobileNetwork

KERNELS = (3, 5, 7)
EXPANSIONS = (3, 6)
BLOCKS = (4, 4, 4, 4, 4, 1)  # in each stage
SKIP = "skip"
_PAPER = ("Cai et al. 2019, ProxylessNAS",)
_NOTES = {
    f"mbconv_{kernel}x{kernel}_e{expansion}": OptionNote(
        f"Inverted residual block, {kernel}x{kernel} depthwise convolution, expansion {expansion}.",
        papers=_PAPER,
    )
    for kernel in KERNELS
    for expansion in EXPANSIONS
} | {SKIP: OptionNote("No block: the published zero beside the residual connection.", papers=_PAPER)}


class ProxylessSpace(SearchSpace):
    """Twenty-one blocks in six stages: kernel 3, 5 or 7, expansion 3 or 6.

    All but the first of a stage may be left out.
    Images of less than 96 pixels a side are halved three times instead of five.

    Args:
        width: by how much all networks have more channels.
        depth: by how much their stages have more blocks.
    """

    name = "mobile/proxyless"

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        self.parameters = {"width": width, "depth": depth}
        self.width, self.depth = width, depth
        shapes = tuple(option for option in _NOTES if option != SKIP)
        self.choices = tuple(
            Choice(
                f"stage_{stage}_block_{block}",
                shapes if block == 1 else (*shapes, SKIP),
                default="mbconv_3x3_e3",
                description=f"block {block} of stage {stage}",
                notes=_NOTES,
            )
            for stage, count in enumerate(BLOCKS, start=1)
            for block in range(1, count + 1)
        )

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """What is left out stands at the end of its stage: where it stands makes no difference."""
        values: dict[str, Value] = {}
        for stage, count in enumerate(BLOCKS, start=1):
            names = [f"stage_{stage}_block_{block}" for block in range(1, count + 1)]
            kept = [architecture[name] for name in names if architecture[name] != SKIP]
            values |= dict(zip(names, [*kept, *[SKIP] * (count - len(kept))], strict=True))
        return Architecture(self.name, values)

    def distinct(self) -> int:
        """Different networks: in each stage, 1 to 4 blocks of 6 kinds."""
        total = 1
        for count in BLOCKS:
            total *= sum(len(_NOTES.keys() - {SKIP}) ** kept for kept in range(1, count + 1))
        return total

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The blocks that are built."""
        return self._layout(architecture).key()

    deployment_key = training_key

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """A chain of operations such as ``stage 2:mbconv_5x5_e3``."""
        return self._layout(architecture).graph()

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "MobileNetwork":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        return self._layout(architecture).build(signature)

    def parts(self, architecture: Mapping[str, Value], signature: Signature) -> tuple[NetworkPart, ...]:
        """Stem, blocks and head."""
        return self._layout(architecture).parts(signature)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Its blocks, for ImageNet's images of 224 x 224 where no signature is given."""
        return self._layout(architecture).outline(signature)

    def _layout(self, architecture: Mapping[str, Value]) -> Layout:
        canonical = self.canonical(architecture)
        blocks = [PROXYLESS_FIRST]
        for number, (stage, count) in enumerate(zip(PROXYLESS_STAGES, BLOCKS, strict=True), start=1):
            for i in range(count):
                option = str(canonical[f"stage_{number}_block_{i + 1}"])
                if option == SKIP:
                    continue
                kernel, expansion = int(option[7]), int(option[-1])
                strides = (stage.stride, stage.small_stride) if i == 0 else (1, 1)
                blocks.append(
                    BlockShape(f"stage {number}", "mbconv", stage.channels, kernel, *strides, expansion)
                )
        return Layout(32, tuple(blocks), HEAD, "relu6").scaled(self.width, self.depth)
