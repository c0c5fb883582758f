"""Packed weights inside ONNX graphs: stored small, executed by onnxruntime's kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sugata.compression import GROUP_SIZE, PackedTensor, pack_nibbles
from sugata.errors import SugataError

Array = NDArray[Any]
Kernels = Literal["folded", "packed"]

_MICROSOFT = "com.microsoft"
_BITS = {"int8": 8, "int4": 4}
_ACCURACY = {8: 4, 4: 1}  # MatMulNBits: 1 computes in 32-bit floats, 4 rounds the inputs to 8 bits


def insert_weights(model: onnx.ModelProto, tensors: Mapping[str, PackedTensor], int8: Kernels) -> None:
    """Turn the inputs that are weights into initializers in their storage format, in place.

    - fp16: a 16-bit initializer and a cast, which onnxruntime folds when it loads the file.
    - int4: `MatMulNBits` and `GatherBlockQuantized` on packed codes. They compute in 32-bit floats, so the
      logits are those of the restored model; for one token they are faster than 32-bit weights.
    - int8, "folded": codes and scales are multiplied out when the file is loaded: exact, at the speed and
      with the memory of 32-bit weights. "packed": the same kernels as int4, which round their inputs to 8
      bits for every token and 32 channels.

    Why sequences fold int8 and single tokens do not (onnxruntime 1.32, one thread, 4 layers of width 128):
    packed kernels take a third less time for a token (at width 384 and a vocabulary of 50,000 less than half)
    but a fourth more for a sequence of 128, and three times as long for a token where they compute in 32-bit
    floats. `DynamicQuantizeMatMul` would save a fourth for sequences, but rounds all tokens of a call with
    one scale: logits would depend on later tokens, and on what else is in the batch.

    Args:
        model: a traced graph whose weights are inputs named as in `tensors`.
        tensors: the weights, every one once.
        int8: how int8 weights are executed.

    Raises:
        SugataError: a packed weight is used in a way for which there is no kernel.
    """
    graph = model.graph
    inputs = [value for value in graph.input if value.name not in tensors]
    weights = {value.name: value.name for value in graph.input if value.name in tensors}  # value -> weight
    constants = _Constants(tensors, packed={"int4"} if int8 == "folded" else {"int4", "int8"})
    transposed: dict[str, str] = {}
    nodes: list[NodeProto] = []
    for node in graph.node:
        name = weights.get(node.input[0]) if node.input else None
        if node.op_type == "Identity" and name:  # the tracer writes equal weights once
            weights[node.output[0]] = name
        elif node.op_type == "Transpose" and name and constants.is_packed(name):
            transposed[node.output[0]] = name
        elif node.op_type == "MatMul" and node.input[1] in transposed:
            nodes.append(constants.product(node, transposed[node.input[1]]))
        elif node.op_type == "Gather" and name and _looks_rows_up(node):
            nodes += constants.look_up(node, name)
        else:
            for index, value in enumerate(node.input):
                if value in transposed:
                    raise SugataError(f"{transposed[value]}: no packed kernel for its use in {node.op_type}")
                if value in weights:
                    node.input[index] = constants.as_float(weights[value])
            nodes.append(node)
    del graph.input[:], graph.node[:]
    graph.input.extend(inputs)
    graph.node.extend(constants.nodes + nodes)
    graph.initializer.extend(constants.initializers.values())
    if all(opset.domain != _MICROSOFT for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))


def _looks_rows_up(node: NodeProto) -> bool:
    return all(attribute.i == 0 for attribute in node.attribute if attribute.name == "axis")


class _Constants:
    """The initializers of a graph and the nodes that depend on nothing else, made when first asked for."""

    def __init__(self, tensors: Mapping[str, PackedTensor], packed: set[str]) -> None:
        self.tensors = tensors
        self.packed = packed
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self._made: set[str] = set()

    def is_packed(self, name: str) -> bool:
        """Whether the weight is executed by kernels that take its codes."""
        return self.tensors[name].layout.storage in self.packed

    def as_float(self, name: str) -> str:
        """The weight as a 32-bit float value of its own shape."""
        if self.is_packed(name):
            raise SugataError(f"{name}: packed weights are used in products and look-ups only")
        stored = self._initializer(name, self.tensors[name].values())
        if self.tensors[name].layout.storage == "fp16":
            return self._once("Cast", [stored], f"{name}.float", to=TensorProto.FLOAT)
        codes = self._once("Cast", [stored], f"{name}.codes", to=TensorProto.FLOAT)
        return self._once("Mul", [codes, self._scales(name)], f"{name}.float")

    def product(self, node: NodeProto, name: str) -> NodeProto:
        """`x @ weight.T` on codes."""
        rows, columns = self.tensors[name].shape
        bits = _BITS[self.tensors[name].layout.storage]
        return helper.make_node(
            "MatMulNBits",
            [node.input[0], self._blocks(name), self._block_scales(name)],
            list(node.output),
            domain=_MICROSOFT,
            K=columns,
            N=rows,
            bits=bits,
            block_size=GROUP_SIZE,
            accuracy_level=_ACCURACY[bits],
        )

    def look_up(self, node: NodeProto, name: str) -> list[NodeProto]:
        """Rows of a table: what is stored is fetched, then converted."""
        tokens, result = node.input[1], node.output[0]
        if self.is_packed(name):
            return self._look_up_codes(tokens, result, name)
        stored, rows = self._initializer(name, self.tensors[name].values()), f"{result}.rows"
        gather = helper.make_node("Gather", [stored, tokens], [rows])
        if self.tensors[name].layout.storage == "fp16":
            return [gather, helper.make_node("Cast", [rows], [result], to=TensorProto.FLOAT)]
        codes, scales = f"{result}.codes", f"{result}.scales"
        return [
            gather,
            helper.make_node("Cast", [rows], [codes], to=TensorProto.FLOAT),
            helper.make_node("Gather", [self._scales(name), tokens], [scales]),
            helper.make_node("Mul", [codes, scales], [result]),
        ]

    def _look_up_codes(self, tokens: str, result: str, name: str) -> list[NodeProto]:
        rows, columns = self.tensors[name].shape
        bits = _BITS[self.tensors[name].layout.storage]
        shape = self._initializer(f"{name}.table.shape", np.array([rows, -1]))
        table = self._once("Reshape", [self._blocks(name), shape], f"{name}.table")
        look_up = helper.make_node(
            "GatherBlockQuantized",
            [table, tokens, self._block_scales(name)],
            [result],
            domain=_MICROSOFT,
            bits=bits,
            gather_axis=0,
            quantize_axis=1,
            block_size=GROUP_SIZE,
        )
        if columns % GROUP_SIZE == 0:
            return [look_up]
        look_up.output[0] = f"{result}.padded"
        bounds = {"start": 0, "end": columns, "axis": -1}
        slice_ = [self._initializer(f"{name}.table.{key}", np.array([n])) for key, n in bounds.items()]
        return [look_up, helper.make_node("Slice", [f"{result}.padded", *slice_], [result])]

    def _blocks(self, name: str) -> str:
        """Codes as the kernels read them: unsigned, `(rows, groups, bytes of a group)`, the last one full."""
        if name in self.initializers:
            return name
        tensor = self.tensors[name]
        codes = np.pad(tensor.values(), ((0, 0), (0, -tensor.shape[1] % GROUP_SIZE)))
        if tensor.layout.storage == "int4":
            return self._initializer(name, pack_nibbles(codes).reshape(len(codes), -1, GROUP_SIZE // 2))
        unsigned = (codes.astype(np.int16) + 128).astype(np.uint8)
        return self._initializer(name, unsigned.reshape(len(codes), -1, GROUP_SIZE))

    def _block_scales(self, name: str) -> str:
        """A scale for every group, also where a row has one scale."""
        if self.tensors[name].layout.storage == "int4":
            return self._scales(name)
        rows, columns = self.tensors[name].shape
        shape = self._initializer(f"{name}.scale.shape", np.array([rows, -(-columns // GROUP_SIZE)]))
        return self._once("Expand", [self._scales(name), shape], f"{name}.scale.groups")

    def _scales(self, name: str) -> str:
        """The scales as 32-bit floats; they are stored in 16 bits."""
        stored = self._initializer(f"{name}.scale", self.tensors[name].parts["scale"])
        return self._once("Cast", [stored], f"{name}.scale.float", to=TensorProto.FLOAT)

    def _initializer(self, name: str, values: Array) -> str:
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def _once(self, operator: str, inputs: list[str], result: str, **attributes: Any) -> str:
        """A node of constants, unless it is there already; onnxruntime computes it when it loads the file."""
        if result not in self._made:
            self._made.add(result)
            self.nodes.append(helper.make_node(operator, inputs, [result], **attributes))
        return result
