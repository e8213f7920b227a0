#!/usr/bin/env bash
# onnx 1.23.2: MaxUnpool ignores its third input, output_shape, in onnx's reference evaluator, which then fails.
# Documented: the input is there because MaxPool maps several sizes to one; it says which of them comes back, and the
# indices count in that size. Segmentation networks of SegNet's kind unpool in this way.
# Not guessed: it came up while other guesses were tried.
# Seen: pooled by 2 from 5 x 7, unpooled to 5 x 7 in ONNX Runtime; the reference raises an IndexError.
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


x = np.arange(35, dtype=np.float32).reshape(1, 1, 5, 7)
nodes = [helper.make_node("MaxPool", ["x"], ["p", "i"], kernel_shape=[2, 2], strides=[2, 2]),
         helper.make_node("MaxUnpool", ["p", "i", "size"], ["y"], kernel_shape=[2, 2], strides=[2, 2])]
graph = helper.make_graph(
    nodes, "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 5, 7])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)],
    [numpy_helper.from_array(np.array([1, 1, 5, 7]), "size")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
kept = runtime(model, x)
assert kept.shape == (1, 1, 5, 7) and kept[0, 0, 1, 1] == x[0, 0, 1, 1], "ONNX Runtime has changed"
try:
    answer = str(reference(model, x).shape)
except IndexError as error:
    answer = type(error).__name__
print("onnx", onnx.__version__, "ONNX Runtime:", kept.shape, "reference:", answer)
assert answer == "IndexError", "the behaviour has changed"
PY
