#!/usr/bin/env bash
# onnx 1.23.2: Pad with a negative amount, which removes pixels, fails in onnx's reference evaluator.
# Documented in Pad: "number of padding elements to add or remove (if negative)". PyTorch exports F.pad with negative amounts
# (a crop) as such a node; ONNX Runtime runs it in each mode.
# Not guessed: it came up while other guesses were tried.
# Seen: 5 x 7 pixels, one removed on each side: 3 x 5 in ONNX Runtime; the reference raises a ValueError.
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
model = build(helper.make_node("Pad", ["x", "p"], ["y"]), [1, 1, 5, 7], 4, {"p": np.array([0, 0, -1, -1, 0, 0, -1, -1])}, 18)
assert np.array_equal(runtime(model, x), x[..., 1:-1, 1:-1]), "ONNX Runtime has changed"
try:
    answer = str(reference(model, x).shape)
except ValueError as error:
    answer = f"ValueError: {error}"
print("onnx", onnx.__version__, "reference:", answer)
assert answer.startswith("ValueError"), "the behaviour has changed"
PY
