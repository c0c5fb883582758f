"""The factorized hierarchical space of MnasNet (Tan et al. 2019, section 4.1)."""

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from sugata.space import (
    Architecture,
    Block,
    Choice,
    Condition,
    Graph,
    NetworkPart,
    OptionNote,
    SearchSpace,
    Signature,
)
from sugata.spaces.mobile.layout import BlockShape, Layout, Stage, repeated
from sugata.spaces.mobile.published import HEAD
from sugata.spaces.scaling import rounded_channels
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.mobile import MobileNetwork

#: Channels, layers, stride, stride on small images of each block: MobileNetV2's.
BASE = (
    (16, 1, 1, 1),
    (24, 2, 2, 1),
    (32, 3, 2, 2),
    (64, 4, 2, 2),
    (96, 3, 1, 1),
    (160, 3, 2, 2),
    (320, 1, 1, 1),
)
#: Channels as a share of those.
FILTERS = (0.75, 1.0, 1.25)
_STEM = 32
_PAPER = ("Tan et al. 2019, MnasNet",)
_OPERATIONS = {
    "conv": OptionNote("A dense convolution.", papers=_PAPER),
    "sepconv": OptionNote("Depthwise convolution and a 1x1 convolution.", papers=_PAPER),
    "mbconv": OptionNote("Inverted residual block.", papers=("Sandler et al. 2018",)),
}


def _is_mbconv(operation: Value) -> bool:
    return operation == "mbconv"


class MnasNetSpace(SearchSpace):
    """Seven blocks of equal layers; each block has its operation, kernel, squeeze, skip, width and depth.

    The published MnasNet-A1 has 112 channels in its fifth block, which no filter ratio of this space gives:
    it is in the space ``published``. Departures: the skip is the identity or nothing (the paper also lists
    pooling), and a block of one layer has no layer to lose.

    Args:
        width: by how much all networks have more channels.
        depth: by how much their blocks have more layers.
    """

    name = "mobile/mnasnet"

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        self.parameters = {"width": width, "depth": depth}
        self.width, self.depth = width, depth
        self.choices = tuple(choice for block in range(1, len(BASE) + 1) for choice in _block_choices(block))

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The layers that are built: a skip that no shape lets be added makes no difference."""
        return self._layout(architecture).key()

    deployment_key = training_key

    def distinct(self) -> None:
        """Not counted: whether a skip matters depends on the widths of two blocks."""
        return

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """A chain of operations such as ``block 2:mbconv_5x5_e3_se``."""
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

    def covering(self) -> Iterator[Architecture]:
        """Blocks that are alike but for their widths: every layer behind every width of the block before.

        All have a layer more than MobileNetV2's, so that each has a first and a repeated one.
        """
        operations = (("mbconv", 3), ("mbconv", 6), ("sepconv", 3), ("conv", 3))
        alike = itertools.product(operations, (3, 5), (0.0, 0.25), ("identity", "none"))
        for (operation, expansion), kernel, squeeze, skip in alike:
            # For every pair of neighbours all nine pairs of widths: the first and the step run over three.
            for first, step in itertools.product(range(len(FILTERS)), repeat=2):
                values: dict[str, Value] = {}
                for block in range(1, len(BASE) + 1):
                    values |= {
                        f"block_{block}_operation": operation,
                        f"block_{block}_expansion": expansion,
                        f"block_{block}_kernel": kernel,
                        f"block_{block}_squeeze": squeeze,
                        f"block_{block}_skip": skip,
                        f"block_{block}_filters": FILTERS[(first + step * block) % len(FILTERS)],
                        f"block_{block}_layers": 1,
                    }
                yield self.architecture(values)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Its blocks, for ImageNet's images of 224 x 224 where no signature is given."""
        return self._layout(architecture).outline(signature)

    def _layout(self, architecture: Mapping[str, Value]) -> Layout:
        blocks: list[BlockShape] = []
        for number, (channels, layers, stride, small) in enumerate(BASE, start=1):
            values = {
                name: architecture.get(f"block_{number}_{name}")
                for name in ("operation", "expansion", "kernel", "squeeze", "skip", "filters", "layers")
            }
            stage = Stage(rounded_channels(channels * float(values["filters"] or 1)), stride, small)
            blocks += repeated(
                f"block {number}",
                str(values["operation"]),
                layers + int(values["layers"] or 0),
                stage,
                kernel_size=int(values["kernel"] or 3),
                expansion=int(values["expansion"] or 1),
                squeeze=float(values["squeeze"] or 0),
                skip=values["skip"] == "identity",
            )
        return Layout(_STEM, tuple(blocks), HEAD, "relu").scaled(self.width, self.depth)


def _block_choices(block: int) -> tuple[Choice, ...]:
    make = partial(_choice, block)
    layers = (0, 1) if BASE[block - 1][1] == 1 else (-1, 0, 1)
    expands = Condition((f"block_{block}_operation",), _is_mbconv, f"block_{block}_operation = mbconv")
    return (
        make("operation", tuple(_OPERATIONS), "mbconv", "what each of its layers is", notes=_OPERATIONS),
        make("expansion", (3, 6), 6, "inner channels per input channel", ordered=True, when=expands),
        make("kernel", (3, 5), 3, "size of the kernels", ordered=True),
        make("squeeze", (0.0, 0.25), 0.0, "squeeze-and-excitation, channels per input channel", ordered=True),
        make("skip", ("identity", "none"), "identity", "whether a layer's input is added"),
        make("filters", FILTERS, 1.0, "channels as a share of MobileNetV2's", ordered=True),
        make("layers", layers, 0, "layers more or less than MobileNetV2's", ordered=True),
    )


def _choice(
    block: int,
    name: str,
    options: tuple[Value, ...],
    default: Value,
    description: str,
    *,
    ordered: bool = False,
    when: Condition | None = None,
    notes: Mapping[str, OptionNote] | None = None,
) -> Choice:
    return Choice(
        f"block_{block}_{name}",
        options,
        ordered=ordered,
        default=default,
        when=when,
        description=f"block {block}: {description}",
        notes=notes or {},
    )
