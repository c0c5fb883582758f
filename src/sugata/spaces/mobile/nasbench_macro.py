"""NAS-Bench-Macro (Su et al. 2021, "Prioritized Architecture Sampling with Monto-Carlo Tree Search")."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sugata.errors import InvalidArchitecture
from sugata.space import (
    Architecture,
    Block,
    Choice,
    Graph,
    NetworkPart,
    OptionNote,
    SearchSpace,
    Signature,
    image_signature,
    image_sizes,
)
from sugata.spaces.mobile.parts import TimedLayer, network_parts
from sugata.trial import Value

if TYPE_CHECKING:
    from torch import nn

    from sugata.nn.mobile import MobileNetwork

#: Searched layers in each stage; the first of a stage halves the resolution and doubles the channels.
_SEARCHED = (2, 3, 3)
_FIRST = (0, 2, 5)
_OPERATIONS = ("identity", "mbconv_3x3_e3", "mbconv_5x5_e6")
_CIFAR = image_signature(3, 32, 32, 10)
_NOTES = {
    "0": OptionNote("Identity; a strided 1x1 convolution where the layer changes the shape."),
    "1": OptionNote(
        "Inverted residual block: 3x3 depthwise convolution, expansion 3.", papers=("Sandler et al. 2018",)
    ),
    "2": OptionNote(
        "Inverted residual block: 5x5 depthwise convolution, expansion 6.", papers=("Sandler et al. 2018",)
    ),
}


class NasBenchMacroSpace(SearchSpace):
    """Eight layers in three stages, each the identity or one of two inverted residual blocks: 3^8 networks.

    With the defaults and 3x32x32 images the network is the published one: its parameters and
    multiply-accumulates are those of the table.

    Args:
        channels: of the stem; every stage doubles them.
        stages: layers in each stage. Where a stage has more layers than are searched (2, 3 and 3), the
            searched ones are spread over it: each is repeated, the first of the stage keeping the stride.
        head_channels: features of the classifier.

    Raises:
        InvalidArchitecture: a parameter is not a positive whole number, or a stage has too few layers.
    """

    name = "mobile/nasbench_macro"

    def __init__(
        self, channels: int = 32, stages: Sequence[int] = _SEARCHED, head_channels: int = 1280
    ) -> None:
        if min(channels, head_channels) < 1:
            raise InvalidArchitecture(
                f"space {self.name}: channels={channels}, head_channels={head_channels}; give at least 1"
            )
        if len(stages) != 3 or any(n < least for n, least in zip(stages, _SEARCHED, strict=True)):
            raise InvalidArchitecture(
                f"space {self.name}: stages={list(stages)}; give three, at least {list(_SEARCHED)} layers"
            )
        self.channels, self.stages, self.head_channels = channels, tuple(stages), head_channels
        self.parameters = {"channels": channels, "stages": list(stages), "head_channels": head_channels}
        self.choices = tuple(
            Choice(f"layer_{layer}", (0, 1, 2), default=1, description=f"layer {layer} of 8", notes=_NOTES)
            for layer in range(1, sum(_SEARCHED) + 1)
        )

    def from_string(self, text: str) -> Architecture:
        """The architecture that the table calls ``02200010``: one digit a layer.

        Raises:
            InvalidArchitecture: not eight digits of 0, 1 and 2.
        """
        if len(text) != len(self.choices) or set(text) - set("012"):
            raise InvalidArchitecture(
                f"{text!r} is no architecture of {self.name}; give eight digits, each 0, 1 or 2"
            )
        return Architecture(self.name, {f"layer_{i}": int(digit) for i, digit in enumerate(text, start=1)})

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """What the table calls the architecture, such as ``02200010``."""
        return "".join(str(architecture[choice.name]) for choice in self.choices)

    # -- what is the same ---------------------------------------------------------------------------

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """Identities at the end of their stage, as in the published table's ``get_real_arch``.

        An identity that does not change the shape is nothing, so its place in the stage does not matter;
        the first layer of a stage stays where it is. The table repeats its results for all of them.
        """
        layers = iter(int(value) for value in self.to_string(architecture))
        digits = ""
        for count in _SEARCHED:
            first, *others = (next(layers) for _ in range(count))
            kept = [layer for layer in others if layer]
            digits += "".join(map(str, [first, *kept])).ljust(count, "0")
        return self.from_string(digits)

    def distinct(self) -> int:
        """Different networks: 9 x 21 x 21 = 3,969."""
        return math.prod(3 * sum(2**blocks for blocks in range(count)) for count in _SEARCHED)

    def enumerate(self) -> Iterator[Architecture]:
        """Every different network once, in canonical form."""
        for architecture in super().enumerate():
            if self.canonical(architecture) == architecture:
                yield architecture

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The canonical string."""
        return self.to_string(self.canonical(architecture))

    deployment_key = training_key

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """A chain of operations such as ``layer_2:mbconv_3x3_e3``, without identities that are nothing."""
        operations = ["input"]
        canonical = self.canonical(architecture)
        for layer, choice in enumerate(self.choices):
            option = int(canonical[choice.name])
            if option or layer in _FIRST:
                operations.append(f"{choice.name}:{_OPERATIONS[option] if option else 'projection'}")
        operations.append("output")
        return Graph(tuple(operations), tuple((i, i + 1) for i in range(len(operations) - 1)))

    # -- networks -----------------------------------------------------------------------------------

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "MobileNetwork":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        from sugata.nn.mobile import MobileNetwork

        sizes = image_sizes(signature)
        layers = [self._layer(*arguments) for arguments in self._layout(architecture)]
        last = self.channels * 2 ** len(_SEARCHED)
        return MobileNetwork(sizes.channels, self.channels, layers, last, self.head_channels, sizes.outputs)

    def parts(self, architecture: Mapping[str, Value], signature: Signature) -> tuple[NetworkPart, ...]:
        """Stem, layers and head; identities that are nothing are left out."""
        layers = []
        for option, inputs, outputs, stride in self._layout(architecture):
            same = stride == 1 and inputs == outputs
            operation = _OPERATIONS[option] if option else "" if same else "projection"
            layers.append(TimedLayer(operation, outputs, stride, same))
        stem = (self.channels, 1)
        return network_parts(
            lambda: self.build(architecture, signature), signature, stem, layers, self.head_channels
        )

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Stem, layers and head of the network, for CIFAR-10's images where no signature is given."""
        import torch

        from sugata.spaces.image_outline import Part, image_outline

        signature = signature or _CIFAR
        sizes = image_sizes(signature)
        with torch.device("meta"):
            network = self.build(architecture, signature)
        parts = [Part("stem", "conv_3x3", "3x3 convolution", network.stem)]
        for i, (option, inputs, outputs, stride) in enumerate(self._layout(architecture)):
            changed = stride > 1 or inputs != outputs
            kind = "projection" if changed and not option else _OPERATIONS[option]
            detail = f"{inputs} to {outputs} channels" + (f", stride {stride}" if stride > 1 else "")
            parts.append(Part(f"layer {i + 1}", kind, detail, network.layers[i]))
        parts.append(Part("last convolution", "conv_1x1", "1x1 convolution", network.head))
        parts.append(
            Part("classifier", "head", f"{self.head_channels} to {sizes.outputs}", network.classifier)
        )
        return image_outline(network, parts, sizes)

    def _layout(self, architecture: Mapping[str, Value]) -> list[tuple[int, int, int, int]]:
        """Option, input channels, output channels and stride of every layer that is built."""
        options = [int(architecture[choice.name]) for choice in self.choices]
        layout: list[tuple[int, int, int, int]] = []
        channels = self.channels
        for searched, built in zip(_SEARCHED, self.stages, strict=True):
            stage, options = options[:searched], options[searched:]
            for i in range(built):
                option = stage[i * searched // built]
                layout.append(
                    (option, channels, 2 * channels, 2) if i == 0 else (option, 2 * channels, 2 * channels, 1)
                )
            channels *= 2
        return layout

    @staticmethod
    def _layer(option: int, inputs: int, outputs: int, stride: int) -> "nn.Module":
        from torch import nn

        from sugata.nn.mobile import InvertedResidual, Projection

        if option == 1:
            return InvertedResidual(inputs, outputs, 3, 3, stride)
        if option == 2:
            return InvertedResidual(inputs, outputs, 5, 6, stride)
        return nn.Identity() if stride == 1 and inputs == outputs else Projection(inputs, outputs, stride)
