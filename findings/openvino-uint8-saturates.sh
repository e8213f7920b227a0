#!/usr/bin/env bash
# openvino 2026.4.1: sums, differences and products of uint8 stop at 0 and 255 on the CPU; onnxruntime's wrap around.
# The same ONNX model gives two different results. Expected: the wrapped numbers, as from onnxruntime 1.32.0, onnx's
# reference evaluator, NumPy and PyTorch. Models that pack or compare class numbers in bytes (a - b != 0, a * 16 + b) change
# their result when the runtime changes: with labels 10 and 20 the difference is 0, as if both were the same.
# Guessed before running: the runtimes agree on integers. Result: missed.
# Seen: 250 + 10 is 4 and 255, 10 - 20 is 246 and 0, 250 * 10 is 196 and 255.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

first, second = np.array([250, 10], np.uint8), np.array([10, 20], np.uint8)


def results(operator: str) -> dict[str, list[int]]:
    inputs = [helper.make_tensor_value_info(name, TensorProto.UINT8, [2]) for name in ("a", "b")]
    output = helper.make_tensor_value_info("c", TensorProto.UINT8, [2])
    graph = helper.make_graph([helper.make_node(operator, ["a", "b"], ["c"])], "graph", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, "model.onnx")
    feeds = {"a": first, "b": second}
    compiled = openvino.Core().compile_model("model.onnx", "CPU")
    return {
        "reference": ReferenceEvaluator(model).run(None, feeds)[0].tolist(),
        "onnxruntime": onnxruntime.InferenceSession("model.onnx").run(None, feeds)[0].tolist(),
        "openvino": compiled(feeds)[0].tolist(),
    }


expected = {"Add": [4, 30], "Sub": [240, 246], "Mul": [196, 200]}
seen = {"Add": [255, 30], "Sub": [240, 0], "Mul": [255, 200]}
for operator in expected:
    found = results(operator)
    print("openvino", openvino.__version__, operator, found)
    assert found["reference"] == found["onnxruntime"] == expected[operator], "the others have changed"
    assert found["openvino"] == seen[operator], "the behaviour has changed"
PY
