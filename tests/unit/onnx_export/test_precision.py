"""Smaller files hold the same numbers, but for rounding."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.models.onnx_session import Session
from anymask.onnx_export.precision import _channel_axes, to_float16, to_int8


def make(rng, weight_shape, kind):
    from onnx import TensorProto, helper, numpy_helper

    weight = rng.normal(0, 1, weight_shape).astype(np.float32)
    # channels of very different scale: one scale for all of them would lose the small ones
    weight *= np.geomspace(1e-2, 1, weight_shape[0 if kind == "Conv" else -1]).reshape(
        (-1, *[1] * (len(weight_shape) - 1)) if kind == "Conv" else (1, -1)
    )
    shape = [1, weight_shape[1], 5, 5] if kind == "Conv" else [7, weight_shape[0]]
    graph = helper.make_graph(
        [helper.make_node(kind, ["x", "w"], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model, rng.normal(0, 1, shape).astype(np.float32)


def run(model, x, path):
    path.write_bytes(model.SerializeToString())
    return Session(path, count=1)({"x": x})["y"]


@pytest.mark.parametrize(("kind", "shape"), [("Conv", (16, 256, 1, 1)), ("MatMul", (256, 32))])
def test_each_channel_keeps_its_precision(rng, tmp_path, kind, shape):
    model, x = make(rng, shape, kind)
    wanted = run(model, x, tmp_path / "full.onnx")
    size = len(model.SerializeToString())
    axis = 1
    spread = np.abs(np.moveaxis(wanted, axis, 0)).reshape(wanted.shape[axis], -1).max(1)
    for smaller, limit, share in (
        (to_float16(model), 2e-3, 0.6),
        (to_int8(model, products=False), 2e-2, 0.4),
        (to_int8(model, products=True), 4e-2, 0.4),
    ):
        got = run(smaller, x, tmp_path / "small.onnx")
        error = np.abs(np.moveaxis(got - wanted, axis, 0)).reshape(len(spread), -1).max(1)
        assert 0 < (error / spread).max() < limit
        assert len(smaller.SerializeToString()) < share * size


def test_products_in_eight_bits_are_made_without_advice(rng, caplog):
    to_int8(make(rng, (256, 32), "MatMul")[0], products=True)
    assert not caplog.records


def test_channels_of_few_weights_stay_in_half_precision(rng, tmp_path):
    model, x = make(rng, (64, 9, 1, 1), "Conv")
    half, eight = to_float16(model), to_int8(model, products=False)
    assert half.SerializeToString() == eight.SerializeToString()
    assert np.abs(run(eight, x, tmp_path / "a.onnx") - run(model, x, tmp_path / "b.onnx")).max() < 1e-2


def test_products_in_a_branch_have_their_channels_last(exported):
    graph = exported("compact").graphs["decoder"]
    (branch,) = (node for node in graph.graph.node if node.op_type == "If")
    products = [node for entry in branch.attribute for node in entry.g.node if node.op_type == "MatMul"]
    axes = _channel_axes(graph)
    assert [axes[node.input[1]] for node in products] == [-1]
