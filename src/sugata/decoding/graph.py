"""Step graphs in onnxruntime: a few tokens and a state in, logits and the next state out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import SugataError

Array = NDArray[Any]

STEP_GRAPH = "decode.onnx"  # in an exported folder
NEXT = ".next"  # outputs of step graphs that replace the state of the same name
CACHE = "sugata.cache"  # metadata of the file: how caches may be handed over
IN_PLACE = "in place"
BLOCK = "sugata.block"  # metadata of the file: tokens that are best read at a time
_PAST = "past"  # the axis along which caches grow


def onnx_session(path: str | Path, threads: int = 1) -> Any:
    """An onnxruntime session on the CPU that uses `threads` threads and does not spin while it waits."""
    import onnxruntime  # heavy, and not needed by everybody who imports this package

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class StepGraph:
    """A step graph, loaded.

    Args:
        path: the file, usually `decode.onnx` of an exported folder.
        threads: threads of onnxruntime.

    Attributes:
        session: the onnxruntime session.
        states: names of the state's tensors.
        caches: those of them that grow with every token.
        in_place: caches may be buffers longer than what is in them, which the graph writes into.
        block: tokens that are best read at a time.

    Raises:
        SugataError: the file cannot be read, or is no step graph.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        try:
            self.session = onnx_session(path, threads)
        except Exception as error:  # onnxruntime raises classes of its own, all below Exception
            raise SugataError(f"{path}: onnxruntime cannot load it ({error})") from None
        inputs = {value.name: value for value in self.session.get_inputs()}
        if "tokens" not in inputs or len(inputs) == 1:
            raise SugataError(f"{path}: not a step graph of this version of sugata; export the model again")
        self.states = [name for name in inputs if name != "tokens"]
        self.caches = [name for name in self.states if _PAST in inputs[name].shape]
        self._shapes = {name: inputs[name].shape for name in self.states}
        self._types = {name: _type(inputs[name].type) for name in self.states}
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.in_place = metadata.get(CACHE) == IN_PLACE
        self.block = int(metadata.get(BLOCK, 1))

    def initial_state(self, batch: int = 1, past: int = 0) -> dict[str, Array]:
        """The state before the first token: zeros, with caches of length `past`."""
        lengths = {"batch": batch, _PAST: past}
        return {
            name: np.zeros([lengths.get(axis, axis) for axis in self._shapes[name]], self._types[name])
            for name in self.states
        }

    def start(self, batch: int = 1, capacity: int = 256) -> Sequences:
        """New sequences, with room for `capacity` tokens each; more is made when it is needed."""
        return Sequences(self, batch, capacity)


class Sequences:
    """Sequences of equal length that are read and continued together.

    Where the graph allows it, caches are buffers allocated once, bound as input and as output: a token is
    written into its place and nothing is copied. States of constant size change places between two buffers.

    Args:
        graph: the model.
        batch: number of sequences.
        capacity: tokens of each that fit before buffers are made larger.

    Attributes:
        length: tokens read so far.
    """

    def __init__(self, graph: StepGraph, batch: int, capacity: int) -> None:
        self.graph = graph
        self.batch = batch
        self.capacity = capacity
        self.length = 0
        self._state = graph.initial_state(batch, capacity if graph.in_place else 0)
        self._turn = 0
        self._bindings: list[Any] = []
        self._logits: Any = None
        if graph.in_place or not graph.caches:
            self._bind()

    def feed(self, tokens: Array) -> Array:
        """Read tokens `(batch, n)` int64; returns the logits after the last, `(batch, vocabulary)`."""
        if tokens.ndim != 2 or len(tokens) != self.batch or not tokens.shape[1]:
            raise SugataError(f"tokens of shape {tokens.shape}: give ({self.batch}, at least 1)")
        needed = self.length + tokens.shape[1]
        if self._bindings and self.graph.caches and needed > self.capacity:
            self._hold(self._current(), max(needed, 2 * self.capacity))
        logits = np.empty((0,))
        start = 0
        while start < tokens.shape[1]:
            piece = np.ascontiguousarray(tokens[:, start : start + self._block()])
            logits = self._run_bound(piece) if self._bindings else self._run(piece)
            start += piece.shape[1]
            self.length += piece.shape[1]
        return logits

    def skip(self, count: int) -> None:
        """Pretend that `count` more tokens had been read; what caches hold does not change the time."""
        state = self._current()
        self.length += count
        for name, values in state.items():
            if values.dtype == np.int64:
                state[name] = values + count
            elif name in self.graph.caches and not self._bindings:
                state[name] = _longer(values, self.length)
        self._hold(state, max(self.capacity, self.length))

    def _block(self) -> int:
        # onnxruntime's attention reads several tokens after a cache for one sequence only.
        alone = self.batch == 1 or not self.length or not self.graph.caches
        return self.graph.block if alone else 1

    def _run(self, tokens: Array) -> Array:
        names = ["logits", *(name + NEXT for name in self.graph.states)]
        logits, *state = self.graph.session.run(names, {"tokens": tokens, **self._state})
        self._state = dict(zip(self.graph.states, state, strict=True))
        return logits  # type: ignore[no-any-return]

    def _run_bound(self, tokens: Array) -> Array:
        binding = self._bindings[self._turn]
        binding.bind_cpu_input("tokens", tokens)
        self.graph.session.run_with_iobinding(binding)
        self._turn = 1 - self._turn
        return self._logits.numpy().copy()  # type: ignore[no-any-return]

    def _bind(self) -> None:
        """Two bindings that are used in turn: what one writes, the other reads."""
        from onnxruntime import OrtValue

        place = OrtValue.ortvalue_from_numpy
        vocabulary = self.graph.session.get_outputs()[0].shape[-1]
        self._logits = place(np.zeros((self.batch, vocabulary), np.float32))
        self._pairs = {}
        for name, values in self._state.items():
            first = place(values)
            self._pairs[name] = (first, first if name in self.graph.caches else place(values.copy()))
        self._turn = 0
        self._bindings = [self.graph.session.io_binding() for _ in range(2)]
        for turn, binding in enumerate(self._bindings):
            for name, pair in self._pairs.items():
                binding.bind_ortvalue_input(name, pair[turn])
                binding.bind_ortvalue_output(name + NEXT, pair[1 - turn])
            binding.bind_ortvalue_output("logits", self._logits)

    def _current(self) -> dict[str, Array]:
        if not self._bindings:
            return self._state
        return {name: pair[self._turn].numpy().copy() for name, pair in self._pairs.items()}

    def _hold(self, state: dict[str, Array], capacity: int) -> None:
        """Go on from this state, with room for so many tokens."""
        self.capacity = capacity
        if self._bindings:
            state |= {name: _longer(state[name], capacity) for name in self.graph.caches}
        self._state = state
        if self._bindings:
            self._bind()


def _longer(cache: Array, length: int) -> Array:
    """A cache with zeros behind it, up to this length."""
    longer = np.zeros((*cache.shape[:2], length, cache.shape[3]), cache.dtype)
    longer[:, :, : cache.shape[2]] = cache
    return longer


def _type(name: str) -> type[np.generic]:
    return np.int64 if "int64" in name else np.float32
