#!/usr/bin/env bash
# onnx 1.23.2: Resize to a single pixel with "pytorch_half_pixel" reads half a pixel outside in onnx's reference evaluator.
# Documented: "x_original = length_resized > 1 ? (x_resized + 0.5) / scale - 0.5 : 0", so the first pixel. The reference
# takes -0.5 in place of 0. With mode="linear" the edge hides it, with mode="cubic" it does not.
# Not guessed: it came up while other guesses were tried.
# Seen: 5 x 7 pixels to 1 x 1, first pixel 8, all others 0: ONNX Runtime gives 8, the reference another number.
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


x = np.zeros((1, 1, 5, 7), np.float32)
x[..., 0, 0] = 8
found = {}
for mode in ("linear", "cubic"):
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode=mode, coordinate_transformation_mode="pytorch_half_pixel")
    model = build(node, [1, 1, 5, 7], 4, {"size": np.array([1, 1, 1, 1])}, 19)
    found[mode] = [round(float(run(model, x).item()), 3) for run in (runtime, reference)]
print("onnx", onnx.__version__, "ONNX Runtime and the reference:", found)
assert found["linear"] == [8, 8] and found["cubic"][0] == 8, "the others have changed"
assert found["cubic"][1] != 8, "the behaviour has changed"
PY
