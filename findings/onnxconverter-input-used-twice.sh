#!/usr/bin/env bash
# onnxconverter-common 1.16.0: convert_float_to_float16(keep_io_types=True) makes an invalid model of every model whose
# input feeds two nodes (a skip connection, x / sqrt(x + c)): the cast of the input is added once per use, under one name.
# Expected: a model that loads, as without keep_io_types, or with an Identity in front.
# Guessed before running: one cast is shared. Result: missed.
# Seen: onnx's checker: "must be in single static assignment (SSA) form, however 'x_cast_to_...' has been used as output
# names multiple times"; onnxruntime refuses it as well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check onnxconverter-common==1.16.0 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16


def state(*, identity: bool) -> str:
    name = "x0" if identity else "x"
    nodes = [helper.make_node("Identity", ["x"], ["x0"])] if identity else []
    nodes += [helper.make_node("Add", [name, "c"], ["sum"]), helper.make_node("Mul", [name, "sum"], ["y"])]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(np.ones(4, np.float32), "c")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    half = float16.convert_float_to_float16(model, keep_io_types=True)
    try:
        onnx.checker.check_model(half)
    except onnx.checker.ValidationError as error:
        reason = "SSA" if "single static assignment" in str(error) else "other"
        try:
            onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
        except Exception:
            return f"invalid ({reason}), refused by onnxruntime"
        return f"invalid ({reason})"
    session = onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
    return str(session.run(None, {"x": np.full(4, 2, np.float32)})[0].tolist())


direct, behind = state(identity=False), state(identity=True)
print("input used twice:", direct, "| behind an Identity:", behind)
assert behind == "[6.0, 6.0, 6.0, 6.0]", "the conversion has changed"
assert direct == "invalid (SSA), refused by onnxruntime", "the behaviour has changed"
PY
