"""Timings are quantiles of real repetitions within a budget."""

import time

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sugata.decoding import StepGraph
from sugata.measure import decode_latency, latency, onnx_latency, peak_memory


def save(path, nodes, inputs, outputs, weights=()):
    graph = helper.make_graph(
        nodes, "g", inputs, outputs, [numpy_helper.from_array(v, k) for k, v in weights]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def square(tmp_path):
    """`x` `(rows, 1500)` times a 9 MB matrix."""
    return save(
        tmp_path / "square.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 1500])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [("w", np.ones((1500, 1500), np.float32))],
    )


@pytest.fixture
def adder(tmp_path):
    """A step graph that appends its tokens to a cache and answers with the sum of all."""
    return save(
        tmp_path / "adder.onnx",
        [
            helper.make_node("Cast", ["tokens"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["numbers", "axes"], ["row"]),
            helper.make_node("Concat", ["cache", "row"], ["cache.next"], axis=2),
            helper.make_node("ReduceSum", ["cache.next"], ["logits"]),
        ],
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "length"]),
            helper.make_tensor_value_info("cache", TensorProto.FLOAT, ["batch", 1, "past", 1]),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, None),
            helper.make_tensor_value_info("cache.next", TensorProto.FLOAT, None),
        ],
        [("axes", np.array([1, 3]))],
    )


def test_a_pause_is_measured_in_milliseconds():
    measured = latency(lambda: time.sleep(0.01), warmup=1, repeats=5, seconds=1)
    assert measured.repeats == 5
    assert 10 <= measured.p10 <= measured.median <= measured.p90
    assert measured.spread == pytest.approx((measured.p90 - measured.p10) / measured.median)


def test_the_budget_ends_it_but_not_before_three_timings():
    assert latency(lambda: time.sleep(0.02), warmup=0, repeats=1000, seconds=0.01).repeats == 3
    assert latency(lambda: time.sleep(0.02), warmup=0, repeats=1000, seconds=0.1).repeats <= 5


def test_more_work_takes_longer_in_onnxruntime(square):
    short = onnx_latency(square, {"x": np.ones((1, 1500), np.float32)}, repeats=20)
    long = onnx_latency(square, {"x": np.ones((200, 1500), np.float32)}, repeats=20)
    assert short.p10 < long.p10


def test_decoding_feeds_the_state_back(adder):
    sequences = StepGraph(adder).start()
    sequences.skip(5)
    assert [float(sequences.feed(np.array([[token]])).item()) for token in (3, 4)] == [3.0, 7.0]
    assert sequences.length == 7
    assert decode_latency(adder, context=3, repeats=10).repeats == 10


def test_peak_memory_holds_the_weights_and_the_activations(square):
    few = peak_memory(square, {"x": ((1, 1500), "float32")})
    many = peak_memory(square, {"x": ((4000, 1500), "float32")})
    weights, outputs = 1500 * 1500 * 4, 4000 * 1500 * 4
    assert few > weights
    assert many > max(few, weights + outputs)


def test_a_file_that_cannot_be_run_is_an_error(tmp_path):
    from sugata.errors import SugataError

    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(SugataError, match=r"broken\.onnx"):
        peak_memory(tmp_path / "broken.onnx", {})
