#!/usr/bin/env bash
# onnxruntime 1.32.0: ArgMax over classes skips NaN unless class 0 is NaN, so a broken pixel looks like a sound one.
# NumPy and PyTorch give the index of the NaN (it is passed on by every maximum), and so does onnx's reference.
# A network that overflows in half precision therefore gives different label maps in PyTorch and ONNX Runtime.
# Not guessed: it came up while other guesses were tried.
# Seen: scores (1, NaN, 0) give class 0, (0, NaN, 1) class 2, (NaN, 0, 1) class 0; NumPy gives 1, 1, 0.
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
from onnx import TensorProto, helper

graph = helper.make_graph(
    [helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)], "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 3])],
    [helper.make_tensor_value_info("y", TensorProto.INT64, [3])])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
scores = np.array([[1, np.nan, 0], [0, np.nan, 1], [np.nan, 0, 1]], np.float32)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
found = session.run(None, {"x": scores})[0].tolist()
print("onnxruntime", onnxruntime.__version__, "classes:", found, "NumPy:", scores.argmax(axis=1).tolist())
assert scores.argmax(axis=1).tolist() == [1, 1, 0], "NumPy has changed"
assert found == [0, 2, 0], "the behaviour has changed"
PY
