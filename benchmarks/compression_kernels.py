"""Which kernels run quantized matrices fastest: onnxruntime's or torchao's, for one layer of width 256.

    python benchmarks/compression_kernels.py      # torchao>=0.18 is measured where it is installed

The four matrices of a layer of attention and feed-forward network (256 to 768, 256 to 256, 256 to 1024, 1024
to 256), one after another as a chain of their own, for one token and for 128, on one thread. All forms take
turns in every round; given is the median of the rounds in microseconds. A session of onnxruntime is called
once for all four matrices, as torch is.
"""

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from _common import statement, table, write_json
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from sugata.compression import GROUP_SIZE, pack_nibbles
from sugata.compression.quantization import quantize_columns

SHAPES = ((256, 768), (768, 256), (256, 1024), (1024, 256))  # (inputs, outputs), so that they form a chain
PACKAGES = ("torch", "onnxruntime", "torchao", "numpy")


def session(weights: list[np.ndarray], kind: str) -> Any:
    """onnxruntime with these matrices `(outputs, inputs)` as one chain."""
    import onnxruntime

    nodes, constants, value = [], [], "x"
    for number, weight in enumerate(weights):
        rows, columns = weight.shape
        name, result = f"w{number}", f"y{number}"
        if kind == "float":
            constants.append(numpy_helper.from_array(np.ascontiguousarray(weight.T), name))
            nodes.append(helper.make_node("MatMul", [value, name], [result]))
        elif kind == "dynamic":
            codes, scales = quantize_columns(weight, 8, columns)
            constants.append(numpy_helper.from_array(np.ascontiguousarray(codes.T), name))
            constants.append(numpy_helper.from_array(scales[:, 0].astype(np.float32), f"{name}.s"))
            nodes.append(
                helper.make_node(
                    "DynamicQuantizeMatMul", [value, name, f"{name}.s"], [result], domain="com.microsoft"
                )
            )
        else:
            bits, accuracy = int(kind[0]), int(kind[2])
            codes, scales = quantize_columns(weight, bits, GROUP_SIZE)
            packed = pack_nibbles(codes) if bits == 4 else (codes.astype(np.int16) + 128).astype(np.uint8)
            constants.append(numpy_helper.from_array(packed.reshape(rows, columns // GROUP_SIZE, -1), name))
            constants.append(numpy_helper.from_array(scales.astype(np.float32), f"{name}.s"))
            nodes.append(
                helper.make_node(
                    "MatMulNBits", [value, name, f"{name}.s"], [result], domain="com.microsoft",
                    K=columns, N=rows, bits=bits, block_size=GROUP_SIZE, accuracy_level=accuracy,
                )
            )  # fmt: skip
        value = result
    shapes = (["n", SHAPES[0][0]], ["n", SHAPES[-1][1]])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("x", value), shapes, strict=True)
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], constants)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx.ModelProto.SerializeToString(model), settings)


def torch_forms(chain: nn.Sequential, compiled: bool) -> dict[str, nn.Module]:
    """torch's own, and torchao's where it is installed."""
    forms: dict[str, nn.Module] = {"torch float32": chain}
    try:
        from torchao.quantization import (
            Int8DynamicActivationInt8WeightConfig,
            Int8WeightOnlyConfig,
            quantize_,
        )
    except ImportError:
        return forms
    for name, config in (
        ("torchao int8", Int8WeightOnlyConfig()),
        ("torchao int8 dynamic", Int8DynamicActivationInt8WeightConfig()),
        ("torchao int4, in bfloat16", _int4()),
    ):
        if config is None:
            continue
        form: nn.Module = copy.deepcopy(chain)
        if "bfloat16" in name:  # in float32 its kernel takes 0.7 s for 128 tokens
            form = InBfloat16(form.bfloat16())
        quantize_(form, config)
        forms[name] = form
        if compiled:
            forms[f"{name}, compiled"] = torch.compile(form)  # type: ignore[assignment]
    return forms


class InBfloat16(nn.Module):
    """A module that computes in bfloat16, for inputs and outputs in float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape."""
        return self.module(x.bfloat16()).float()


def _int4() -> Any:
    """torchao's weight-only int4 for CPUs, which has moved to its prototypes; None where it is not there."""
    try:
        from torchao.prototype.quantization.int4 import PrototypeInt4WeightOnlyConfig
    except ImportError:
        return None
    return PrototypeInt4WeightOnlyConfig(group_size=GROUP_SIZE, set_inductor_config=False)


def main() -> None:
    """Measure in turns, then print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--no-compile", dest="compiled", action="store_false")
    default = Path(__file__).parent / "results" / "compression_kernels.json"
    parser.add_argument("--to", type=Path, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    chain = nn.Sequential(*(nn.Linear(*shape, bias=False) for shape in SHAPES)).eval()
    with torch.no_grad():
        for layer in chain:
            layer.weight.normal_(0, layer.in_features**-0.5, generator=generator)  # type: ignore[operator]
    weights = [layer.weight.detach().numpy() for layer in chain]
    kinds = {
        "onnxruntime float32": "float",
        "onnxruntime int8 dynamic (DynamicQuantizeMatMul)": "dynamic",
        "onnxruntime int8 (MatMulNBits, inputs to 8 bits)": "8 4",
        "onnxruntime int4 (MatMulNBits, float32 inputs)": "4 1",
        "onnxruntime int4 (MatMulNBits, inputs to 8 bits)": "4 4",
    }
    sessions = {name: session(weights, kind) for name, kind in kinds.items()}
    modules = torch_forms(chain, options.compiled)
    results: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        for tokens in (1, 128):
            x = torch.randn(tokens, SHAPES[0][0], generator=generator)
            runs: dict[str, Callable[[], Any]] = {
                **{name: (lambda s=s, x=x: s.run(None, {"x": x.numpy()})) for name, s in sessions.items()},
                **{name: (lambda m=m, x=x: m(x)) for name, m in modules.items()},
            }
            exact = chain(x).numpy()
            for name, run in runs.items():
                found = run()
                found = found[0] if isinstance(found, list) else found.numpy()
                error = float(np.abs(found - exact).mean() / np.abs(exact).mean())
                results.setdefault(name, {})[f"error_{tokens}"] = error
            for name, times in timed(runs, options.rounds).items():
                results[name][f"us_{tokens}"] = 1e6 * float(np.median(times))
    write_json(options.to, {**statement(PACKAGES), "rounds": options.rounds, "results": results})
    rows = [
        (name, f"{one['us_1']:.0f}", f"{one['us_128']:.0f}", f"{one['error_128']:.2%}")
        for name, one in results.items()
    ]
    print(table(("kernels", "1 token, us", "128 tokens, us", "mean error"), rows))


def timed(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every call, all forms in turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 5):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if number >= 5:
                times[name].append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    main()
