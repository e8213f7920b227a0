#!/usr/bin/env bash
# onnx 1.23.2: MaxPool with auto_pad="SAME_LOWER" loses a row and a column in onnx's reference evaluator.
# Documented: with SAME_UPPER and SAME_LOWER the output is ceil(input / stride) long; the two differ only in the side that
# gets the odd pixel of padding. SAME_UPPER has the documented shape; the shape inference of onnx has it for both.
# Not guessed: it came up while other guesses were tried.
# Seen: 5 x 7 pixels at stride 2 give 3 x 4 with SAME_UPPER, 2 x 3 with SAME_LOWER; ONNX Runtime gives 3 x 4 for both.
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
found = {}
for side in ("SAME_UPPER", "SAME_LOWER"):
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], auto_pad=side)
    model = build(node, [1, 1, 5, 7], 4, {}, 17)
    found[side] = runtime(model, x).shape[2:], reference(model, x).shape[2:]
print("onnx", onnx.__version__, "shapes in ONNX Runtime and in the reference:", found)
assert found["SAME_UPPER"] == ((3, 4), (3, 4)) and found["SAME_LOWER"][0] == (3, 4), "the others have changed"
assert found["SAME_LOWER"][1] == (2, 3), "the behaviour has changed"
PY
