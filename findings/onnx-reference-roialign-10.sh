#!/usr/bin/env bash
# onnx 1.23.2: the reference evaluator computes RoiAlign of opset 10 as if it were that of opset 16.
# Version 16 brought coordinate_transformation_mode with a shift of half a pixel as its default; version 10 has no shift
# (its text and "output_half_pixel" in version 16 say so). Expected: what onnxruntime 1.32.0 gives, at least from the
# reference of the standard. Whoever checks an exported Mask R-CNN against the reference is sent after a fault that is
# not there.
# Guessed before running: reference and runtime agree. Result: missed for opset 10; they agree for 16.
# Seen on a ramp of 8 x 8: 18, 20, 34, 36 from onnxruntime and 13.5, 15.5, 29.5, 31.5 from the reference.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

feeds = {
    "image": np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8),
    "boxes": np.array([[1, 1, 5, 5]], np.float32),
    "batch": np.array([0]),
}


def results(opset: int, **options: str) -> tuple[list[float], list[float]]:
    kinds = {"image": TensorProto.FLOAT, "boxes": TensorProto.FLOAT, "batch": TensorProto.INT64}
    inputs = [helper.make_tensor_value_info(name, kind, feeds[name].shape) for name, kind in kinds.items()]
    output = helper.make_tensor_value_info("result", TensorProto.FLOAT, (1, 1, 2, 2))
    node = helper.make_node("RoiAlign", list(feeds), ["result"], output_height=2, output_width=2, **options)
    graph = helper.make_graph([node], "graph", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(model)
    runtime = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0]
    reference = ReferenceEvaluator(model).run(None, feeds)[0]
    return runtime.ravel().round(3).tolist(), reference.ravel().round(3).tolist()


old, new = results(10), results(16)
unshifted = results(16, coordinate_transformation_mode="output_half_pixel")
print("onnx", onnx.__version__, "onnxruntime and reference, opset 10:", old, "opset 16:", new, "without shift:", unshifted)
assert new[0] == new[1] == [13.5, 15.5, 29.5, 31.5], "opset 16 has changed"
assert unshifted[0] == unshifted[1] == [18, 20, 34, 36], "opset 16 without the shift has changed"
assert old == ([18, 20, 34, 36], new[1]), "the behaviour has changed"
PY
