"""A space of one's own blocks: what is to be defined for its networks to be built, shared and searched."""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from sugata.errors import InvalidArchitecture
from sugata.oneshot.base import Supernet
from sugata.oneshot.mixed import MixedOperation
from sugata.space import SearchSpace, Signature
from sugata.trial import Value


class BlockSpace(SearchSpace):
    """Base of a space whose choices are blocks of a network.

    A subclass sets ``name`` and ``choices`` and defines :meth:`block` and :meth:`network`. All options of a
    choice take the same input and give the same shape, since a supernet adds them up.
    """

    @abstractmethod
    def block(self, choice: str, option: Value, signature: Signature) -> nn.Module:
        """The module of an option."""

    @abstractmethod
    def network(self, blocks: Mapping[str, nn.Module], signature: Signature) -> nn.Module:
        """The network around the blocks, which are given by the names of their choices."""

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> nn.Module:
        """The network of an architecture."""
        blocks = {name: self.block(name, option, signature) for name, option in architecture.items()}
        return self.network(blocks, signature)

    def supernet(self, signature: Signature) -> "BlockSupernet":
        """The network in which every block has all its options."""
        return BlockSupernet(self, signature)


class BlockSupernet(Supernet):
    """The network of a space of blocks, each of them with all its options side by side.

    Raises:
        InvalidArchitecture: a choice does not always apply.
    """

    space: BlockSpace

    def __init__(self, space: BlockSpace, signature: Signature) -> None:
        super().__init__(space, signature)
        for choice in space.choices:
            if choice.when is not None:
                raise InvalidArchitecture(
                    f"choice {choice.name!r} of {space.name} has a condition; blocks of a supernet are always"
                    " there: give it an option that passes its input on"
                )
        self.decisions = {choice.name: choice.options for choice in space.choices}
        self.of_data = ()  # not known: what does not fit other data differs in shape
        self.slots = {
            name: _Slot({option: space.block(name, option, signature) for option in options})
            for name, options in self.decisions.items()
        }
        self.network = space.network(self.slots, signature)
        self.activate({choice.name: choice.options[0] for choice in space.choices})

    def forward(self, x: Tensor) -> Tensor:
        """As the network."""
        for name, slot in self.slots.items():
            slot.selected = self.selection[name]
        return self.network(x)

    def extract(self, architecture: Mapping[str, Value]) -> nn.Module:
        """The network of these blocks, with copied weights."""
        network = self.space.build(architecture, self.signature)
        path = self.path(architecture)
        names = {id(slot): name for name, slot in self.slots.items()}
        kept = {}  # the beginning of a tensor's name in the supernet, and what it is without the slot
        for prefix, module in self.network.named_modules(remove_duplicate=False):
            if id(module) in names:
                name = names[id(module)]
                position = self.decisions[name].index(path[name])
                kept[f"{prefix}."] = f"{prefix}.mixed.options.{position}."
        state = {}
        for name, tensor in self.network.state_dict().items():
            slot = next((prefix for prefix in kept if name.startswith(prefix)), None)
            if slot is None:
                state[name] = tensor
            elif name.startswith(kept[slot]):
                state[slot + name.removeprefix(kept[slot])] = tensor
        network.load_state_dict(state)
        return network


class _Slot(nn.Module):
    """A block with all its options, of which it computes what was selected."""

    def __init__(self, options: Mapping[Value, nn.Module]) -> None:
        super().__init__()
        self.mixed = MixedOperation(options)
        self.selected: int | Tensor = 0

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor | None = self.mixed(x, self.selected)
        assert y is not None, "some option has a weight"
        return y
