"""The search space of a graph of blocks: what its fields leave open, and how its training is set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sugata.errors import InvalidArchitecture
from sugata.space import Architecture, Block, Graph, SearchSpace, Signature
from sugata.spaces.blocks.defaults import default_graph
from sugata.spaces.blocks.drawing import cell_graphs, operations, usual_signature
from sugata.spaces.blocks.fields import choices_of, values_of
from sugata.spaces.blocks.graph import TRAINING, read_graph
from sugata.spaces.blocks.training import fields_of, settled_training
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.block_network import BlockNetwork

_MOST_GOOD = 8  # configurations that a search begins with


class BlockSpace(SearchSpace):
    """Networks of blocks that a person connects, or that a task's default graph does.

    All parameters are plain JSON. In blocks and heads, a field with a list of values is searched, one with a
    single value is fixed, and one that is left out is searched over the options of its kind. Its choice is
    called ``BLOCK/FIELD``, that of a training setting ``training/SETTING``.

    Args:
        inputs: ``{"name": ..., "kind": ...}``, the kind one of image, text, table and array. Their order is
            that of the task's inputs.
        blocks: ``{"name": ..., "kind": ..., "inputs": [names], FIELD: value, ...}``; for kinds see `KINDS`.
        heads: the same with the kinds classification, multi_label and regression. Their names are those of
            the task's outputs.
        training: settings of the training loop: learning_rate, weight_decay, batch_size, optimizer.
        good: architectures to begin with: some choices of each, the others are at their defaults. None:
            what is known of the kinds of its blocks.

    Raises:
        InvalidArchitecture: names the block and the field that is wrong.
    """

    name = "blocks/graph"

    def __init__(
        self,
        inputs: Sequence[Mapping[str, Any]] | None = None,
        blocks: Sequence[Mapping[str, Any]] = (),
        heads: Sequence[Mapping[str, Any]] = (),
        training: Mapping[str, Any] | None = None,
        good: Sequence[Mapping[str, Value]] | None = None,
    ) -> None:
        if inputs is None:
            parameters = default_graph({"image": "image"}, {"label": "classification"})
            inputs, blocks, heads = (parameters[name] for name in ("inputs", "blocks", "heads"))
            training, good = parameters["training"], parameters["good"]
        self._graph = read_graph(inputs, blocks, heads)
        training = dict(training or {})
        self._fields = fields_of(training)
        self._training = settled_training(training)
        nodes = (*self._graph.blocks, *self._graph.heads)
        self.choices = (
            *(choice for node in nodes for choice in node.choices),
            *choices_of(TRAINING, self._fields, self._training),
        )
        self.parameters = {
            "inputs": [dict(one) for one in inputs],
            "blocks": [dict(one) for one in blocks],
            "heads": [dict(one) for one in heads],
            "training": training,
            "good": None if good is None else [dict(one) for one in good],
        }
        for one in good or ():
            self._completed(one)

    # -- what to begin with -----------------------------------------------------------------------------

    def known_good(self) -> tuple[Mapping[str, Value], ...]:
        """Architectures that are known to be good for such a task, the best first."""
        given = self.parameters["good"]
        found = [self._completed(one) for one in (given if given is not None else self._usual())]
        return tuple(dict.fromkeys(found))[:_MOST_GOOD]

    def _completed(self, some: Mapping[str, Value]) -> Architecture:
        """An architecture of some choices, the others at their defaults."""
        defaults = {choice.name: choice.default for choice in self.choices}
        return self.architecture({**defaults, **some})  # type: ignore[dict-item]

    def _usual(self) -> Iterator[dict[str, Value]]:
        """The good configurations of each kind, those of all blocks side by side; then all defaults."""
        options = {choice.name: choice.options for choice in self.choices}
        for i in range(max((len(node.kind.good) for node in self._graph.blocks if node.kind), default=0)):
            some: dict[str, Value] = {}
            for node in self._graph.blocks:
                if node.kind is not None and i < len(node.kind.good):
                    some |= {f"{node.name}/{name}": value for name, value in node.kind.good[i].items()}
            yield {name: value for name, value in some.items() if value in options.get(name, ())}
        yield {}

    # -- training ---------------------------------------------------------------------------------------

    def training(self, architecture: Mapping[str, Value]) -> dict[str, Value]:
        """The settings of the training loop that the graph fixes or the architecture chooses."""
        return values_of(TRAINING, self._fields, self._training, architecture)

    # -- networks ---------------------------------------------------------------------------------------

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "BlockNetwork":
        """The network, with the signature's inputs in the order of the graph's, and outputs likewise.

        Raises:
            InvalidArchitecture: a block does not take what comes to it; names the block and the shape.
        """
        from sugata.nn.block_network import BlockNetwork
        from sugata.spaces.blocks.building import built

        placed, outline, sequences = built(self._graph, self.architecture(architecture), signature)
        inputs = [one.name for one in self._graph.inputs]
        return BlockNetwork(inputs, placed, [head.name for head in self._graph.heads], outline, sequences)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Every block with the shape that leaves it; for tensors of a usual size where no signature is
        given.
        """
        import torch

        with torch.device("meta"):
            return self.build(architecture, signature or self.usual_signature()).outline

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """The blocks as operations, each named by its kind and what was chosen for it."""
        return operations(self._graph, self.architecture(architecture))

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """How the blocks are connected, where that is no chain."""
        return cell_graphs(self._graph, self.architecture(architecture))

    # -- what a task needs to know ----------------------------------------------------------------------

    def first_blocks(self) -> Mapping[str, str]:
        """The blocks that take an input alone, and which: facts on its training data can be filled in.

        Raises:
            InvalidArchitecture: a normalization is not among them.
        """
        inputs = {one.name for one in self._graph.inputs}
        found = {}
        for node in self._graph.blocks:
            source = node.sources[0]
            if len(node.sources) == 1 and source in inputs:
                found[node.name] = source
            elif node.kind is not None and node.kind.name == "normalization":
                raise InvalidArchitecture(
                    f"block {node.name!r}: normalization is of data that are known, not of {source!r};"
                    " put it directly after an input"
                )
        return found

    def policy(self, augmentation: str) -> str:
        """What a task is told of how images are changed: the policy of a block that fixes it, else the name.

        Args:
            augmentation: the name of a block, or of a policy, which stays as it is.
        """
        node = next((node for node in self._graph.blocks if node.name == augmentation), None)
        return augmentation if node is None else str(node.settled.fixed.get("policy", augmentation))

    def usual_signature(self) -> Signature:
        """Tensors of a usual size for the graph's inputs and heads, where there is no task."""
        return usual_signature(self._graph)

    def check(self, signature: Signature) -> None:
        """Compare the graph with a task.

        Raises:
            InvalidArchitecture: other inputs or outputs; names both.
        """
        for what, ours, theirs in (
            ("inputs", [one.name for one in self._graph.inputs], signature.inputs),
            ("outputs", [head.name for head in self._graph.heads], signature.outputs),
        ):
            names = [spec.name for spec in theirs]
            if ours != names:
                raise InvalidArchitecture(
                    f"the graph's {what} are {', '.join(ours)}, the task's {', '.join(names)};"
                    " name them alike"
                )
