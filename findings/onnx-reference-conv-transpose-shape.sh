#!/usr/bin/env bash
# onnx 1.23.2: ConvTranspose with output_shape at stride 1 fails in onnx's reference evaluator.
# Documented: output_shape may be given, then the padding follows from it (total padding = stride * (input - 1) + kernel
# - output). ONNX Runtime computes it so.
# Not guessed: it came up while other guesses were tried.
# Seen: 5 x 7 pixels, kernel 3 x 3, asked for 6 x 8: ONNX Runtime gives 6 x 8, the reference raises an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def build(node: onnx.NodeProto, shape: list[int], rank: int, constants: dict[str, np.ndarray], opset: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def runtime(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def reference(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return ReferenceEvaluator(model).run(None, {"x": x})[0]


x = np.ones((1, 2, 5, 7), np.float32)
weights = {"w": np.ones((2, 2, 3, 3), np.float32)}
found = {}
for stride, size in ((1, [6, 8]), (2, [11, 15])):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[stride, stride], output_shape=size)
    model = build(node, [1, 2, 5, 7], 4, weights, 17)
    assert list(runtime(model, x).shape[2:]) == size, "ONNX Runtime has changed"
    try:
        found[stride] = list(reference(model, x).shape[2:])
    except Exception as error:
        found[stride] = type(error).__name__
print("onnx", onnx.__version__, "reference, stride and shape:", found)
assert found[2] == [11, 15], "stride 2 has changed"
assert isinstance(found[1], str), "the behaviour has changed"
PY
