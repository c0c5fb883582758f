"""From a list of blocks to a network, its drawing, its graph and its key: what mobile spaces share."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from sugata.space import Block, Graph, NetworkPart, Signature, image_signature, image_sizes
from sugata.spaces.mobile.parts import TimedLayer, network_parts
from sugata.spaces.scaling import rounded_channels, rounded_layers

if TYPE_CHECKING:
    from sugata.nn.mobile import MobileNetwork

#: Images of fewer pixels a side are small: the network then halves them three times, not five.
SMALL_IMAGE = 96
_IMAGENET = image_signature(3, 224, 224, 1000)


@dataclass(frozen=True)
class Stage:
    """Consecutive blocks of one width.

    Attributes:
        channels: that leave every block.
        stride: of the first block on images of ImageNet's size.
        small_stride: of the first block on small images, such as CIFAR-10's.
    """

    channels: int
    stride: int
    small_stride: int


@dataclass(frozen=True)
class BlockShape:
    """A block before it is a module; see :class:`sugata.nn.MobileBlock` for its fields.

    Attributes:
        name: of the stage or layer that it belongs to, for drawings and graphs.
        small_stride: the stride on small images.
    """

    name: str
    kind: str
    outputs: int
    kernel_size: int
    stride: int
    small_stride: int
    expansion: int = 1
    squeeze: float = 0.0
    skip: bool = True

    @property
    def operation(self) -> str:
        """Such as ``mbconv_5x5_e6_se``."""
        parts = [self.kind, f"{self.kernel_size}x{self.kernel_size}"]
        parts += [f"e{self.expansion}"] if self.kind == "mbconv" else []
        parts += ["se"] if self.squeeze else []
        return "_".join(parts)


@dataclass(frozen=True)
class Layout:
    """A whole mobile network.

    Attributes:
        stem: channels of the first convolution; its stride is 2, or 1 on small images.
        head: features of the classifier.
        activation: ``relu``, ``relu6`` or ``swish``.
    """

    stem: int
    blocks: tuple[BlockShape, ...]
    head: int
    activation: str

    def scaled(self, width: float, depth: float) -> "Layout":
        """More channels, and more blocks in each stage (Tan & Le 2019).

        Channels are rounded to multiples of 8, blocks up. The blocks of a stage are spread over the larger
        number: where they are equal, as in EfficientNet, that is the published rule.
        """
        if width == depth == 1:
            return self
        blocks: list[BlockShape] = []
        for _, group in itertools.groupby(self.blocks, key=lambda block: block.name):
            stage = list(group)
            count = rounded_layers(len(stage) * depth)
            for i in range(count):
                block = stage[i * len(stage) // count]
                first = stage[0] if i == 0 else replace(block, stride=1, small_stride=1)
                blocks.append(replace(first, outputs=rounded_channels(block.outputs * width)))
        return Layout(
            rounded_channels(self.stem * width),
            tuple(blocks),
            rounded_channels(self.head * width),
            self.activation,
        )

    def build(self, signature: Signature) -> "MobileNetwork":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        from sugata.nn.mobile import MobileBlock, MobileNetwork, make_block

        sizes = image_sizes(signature)
        small = max(sizes.height, sizes.width) < SMALL_IMAGE
        layers, channels = [], self.stem
        for shape in self.blocks:
            block = MobileBlock(
                shape.kind,
                shape.outputs,
                shape.kernel_size,
                shape.small_stride if small else shape.stride,
                shape.expansion,
                shape.squeeze,
                shape.skip,
            )
            layers.append(make_block(block, channels, self.activation))
            channels = shape.outputs
        return MobileNetwork(
            sizes.channels,
            self.stem,
            layers,
            channels,
            self.head,
            sizes.outputs,
            stem_stride=1 if small else 2,
            activation=self.activation,
        )

    def outline(self, signature: Signature | None = None) -> tuple[Block, ...]:
        """Stem, blocks and head; for images of 224 x 224 where no signature is given."""
        import torch

        from sugata.spaces.image_outline import Part, image_outline

        signature = signature or _IMAGENET
        with torch.device("meta"):
            network = self.build(signature)
        sizes, channels = image_sizes(signature), self.stem
        parts = [Part("stem", "conv_3x3", "3x3 convolution", network.stem)]
        for shape, layer in zip(self.blocks, network.layers, strict=True):
            detail = f"{channels} to {shape.outputs} channels"
            parts.append(Part(shape.name, shape.operation, detail, layer))
            channels = shape.outputs
        parts.append(Part("last convolution", "conv_1x1", "1x1 convolution", network.head))
        parts.append(Part("classifier", "head", f"{self.head} to {sizes.outputs}", network.classifier))
        return image_outline(network, parts, sizes)

    def parts(self, signature: Signature) -> tuple[NetworkPart, ...]:
        """Stem, every block, and the head with its classifier, to be timed one by one.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        sizes = image_sizes(signature)
        small = max(sizes.height, sizes.width) < SMALL_IMAGE
        layers, channels = [], self.stem
        for block in self.blocks:
            stride = block.small_stride if small else block.stride
            added = block.skip and stride == 1 and block.outputs == channels
            layers.append(TimedLayer(block.operation, block.outputs, stride, added))
            channels = block.outputs
        stem = (self.stem, 1 if small else 2)
        return network_parts(lambda: self.build(signature), signature, stem, layers, self.head)

    def graph(self) -> Graph:
        """A chain of operations such as ``stage 2:mbconv_3x3_e3``."""
        operations = ("input", *(f"{block.name}:{block.operation}" for block in self.blocks), "output")
        return Graph(operations, tuple((i, i + 1) for i in range(len(operations) - 1)))

    def key(self) -> str:
        """Equal for equal networks; a skip that no shape lets be added does not count."""
        parts: list[object] = [self.stem, self.head, self.activation]
        channels = self.stem
        for block in self.blocks:
            kept = channels == block.outputs and 1 in (block.stride, block.small_stride)
            parts.append([*astuple(block)[1:-1], block.skip and kept])
            channels = block.outputs
        return json.dumps(parts)


def repeated(
    name: str, kind: str, count: int, stage: Stage, *, kernel_size: int, **more: float
) -> Sequence[BlockShape]:
    """``count`` equal blocks, the first of them with the stage's stride."""
    return [
        BlockShape(
            name,
            kind,
            stage.channels,
            kernel_size,
            stage.stride if i == 0 else 1,
            stage.small_stride if i == 0 else 1,
            **more,  # type: ignore[arg-type]
        )
        for i in range(count)
    ]
