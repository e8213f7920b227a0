#!/usr/bin/env bash
# onnx 1.23.2: AveragePool with ceil_mode=1 and no padding averages shifted windows in onnx's reference evaluator.
# The windows that ceil_mode adds stick out at the lower and right edges; every other window keeps its place.
# The reference shifts them all up and left, as if the missing pixels were padding shared between both sides.
# Not guessed: it came up while other guesses were tried.
# Seen: 1, 2, 3, ... in rows of 7, windows of 3 x 3: the first mean is 8.5 in place of 9.
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


node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1)
x = np.arange(1, 36, dtype=np.float32).reshape(1, 1, 5, 7)
model = build(node, [1, 1, 5, 7], 4, {}, 19)
found = {"first window by hand": float(x[0, 0, :3, :3].mean()), "ONNX Runtime": float(runtime(model, x)[0, 0, 0, 0]),
         "reference": float(reference(model, x)[0, 0, 0, 0])}
print("onnx", onnx.__version__, found)
assert found["ONNX Runtime"] == found["first window by hand"] == 9, "ONNX Runtime has changed"
assert found["reference"] == 8.5, "the behaviour has changed"
PY
