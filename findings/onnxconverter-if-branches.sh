#!/usr/bin/env bash
# onnxconverter-common 1.16.0: convert_float_to_float16(keep_io_types=True) breaks a model with an If over its input.
# The branches of an If read the outer input by its name. With keep_io_types that name keeps float32 and a cast to float16
# is put behind it, but the branches still read the name itself, together with constants that are float16 now.
# Guessed before running: an invalid model. Result: as guessed; without keep_io_types it is right.
# Seen: ONNX Runtime refuses the first and runs the second.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check onnxconverter-common==1.16.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16

FLOAT = TensorProto.FLOAT


def branch(name: str, node: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph([node], name, [], [helper.make_tensor_value_info(name, FLOAT, [4])])


def build() -> onnx.ModelProto:
    node = helper.make_node(
        "If", ["c"], ["y"],
        then_branch=branch("t", helper.make_node("Mul", ["x", "two"], ["t"])),
        else_branch=branch("e", helper.make_node("Neg", ["x"], ["e"])))
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info("x", FLOAT, [4]), helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", FLOAT, [4])], [numpy_helper.from_array(np.float32(2), "two")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


found = {}
for keep, kind in ((False, np.float16), (True, np.float32)):
    half = float16.convert_float_to_float16(build(), keep_io_types=keep)
    try:
        session = onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
        found[keep] = session.run(None, {"x": np.ones(4, kind), "c": np.array(True)})[0].tolist()
    except Exception as error:
        found[keep] = "refused"
print("onnxconverter-common 1.16.0, keep_io_types and result:", found)
assert found[False] == [2] * 4, "the conversion has changed"
assert found[True] == "refused", "the behaviour has changed"
PY
