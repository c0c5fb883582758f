"""Mobile networks whose blocks are chosen one by one, in one network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sugata.nn.mobile import MobileNetwork
from sugata.oneshot.base import Supernet
from sugata.oneshot.mixed import MixedOperation, copy_weights
from sugata.space import Signature
from sugata.spaces.mobile import ProxylessSpace
from sugata.trial import Value


class ProxylessSupernet(Supernet):
    """Every block of ProxylessNAS' space with all its options side by side (Cai et al. 2019, section 3.1).

    A block that is left out passes its input on.

    Args:
        space: Whose blocks these are.
        signature: Of the image task.
    """

    space: ProxylessSpace

    def __init__(self, space: ProxylessSpace, signature: Signature) -> None:
        super().__init__(space, signature)
        self.decisions = {choice.name: choice.options for choice in space.choices}
        # The module of every option is that of the network in which all blocks take it.
        networks = [space.build(uniform(space, option), signature) for option in space.choices[0].options]
        shared = networks[0]
        self.stem, self.first = shared.stem, shared.layers[0]
        self.head, self.classifier = shared.head, shared.classifier
        self.blocks = nn.ModuleDict(
            {
                name: MixedOperation(
                    {
                        option: networks[i].layers[1 + position] if i < len(networks) else nn.Identity()
                        for i, option in enumerate(options)
                    }
                )
                for position, (name, options) in enumerate(self.decisions.items())
            }
        )
        self.activate(uniform(space, space.choices[0].options[0]))

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        images = images.contiguous(memory_format=torch.channels_last)  # twice as fast on a CPU
        x = self.first(self.stem(images))
        for name, block in self.blocks.items():
            x = block(x, self.selection[name])
        return self.classifier(self.head(x).mean((2, 3)))

    def extract(self, architecture: Mapping[str, Value]) -> MobileNetwork:
        """The network of these blocks, with copied weights."""
        network = self.space.build(architecture, self.signature)
        path = self.path(architecture)
        for part in ("stem", "head", "classifier"):
            copy_weights(getattr(self, part), getattr(network, part))
        kept = [
            self.blocks[name].option(options.index(path[name]))  # type: ignore[operator]
            for name, options in self.decisions.items()
            if path[name] != "skip"
        ]
        for source, target in zip([self.first, *kept], network.layers, strict=True):
            copy_weights(source, target)
        return network


def uniform(space: ProxylessSpace, option: Value) -> dict[str, Value]:
    """The architecture whose blocks are all alike."""
    return {choice.name: option for choice in space.choices}
