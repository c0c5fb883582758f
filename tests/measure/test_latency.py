"""Timings are quantiles of real repetitions within a budget."""

import time

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sugata.measure import decode_latency, latency, onnx_latency, onnx_session, peak_memory
from sugata.measure.latency import initial_state


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
def counter(tmp_path):
    """A decoding graph that appends its token to a cache."""
    axes = helper.make_node("Unsqueeze", ["token", "one"], ["column"])
    return save(
        tmp_path / "counter.onnx",
        [
            axes,
            helper.make_node("Concat", ["cache", "column"], ["cache.next"], axis=1),
            helper.make_node("ReduceSum", ["cache.next"], ["logits"]),
        ],
        [
            helper.make_tensor_value_info("token", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("cache", TensorProto.INT64, ["batch", "past"]),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.INT64, None),
            helper.make_tensor_value_info("cache.next", TensorProto.INT64, None),
        ],
        [("one", np.array([1]))],
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


def test_decoding_feeds_the_state_back(counter):
    assert initial_state(onnx_session(counter), 5)["cache"].shape == (1, 5)
    assert decode_latency(counter, context=3, repeats=10).repeats == 10


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
