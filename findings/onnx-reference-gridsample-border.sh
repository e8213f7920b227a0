#!/usr/bin/env bash
# onnx 1.23.2: the reference evaluator's GridSample (cubic, padding_mode "border") differs from onnxruntime and PyTorch.
# For points near or outside the border the reference moves the point onto the border before it weighs its neighbours;
# onnxruntime 1.32.0 and PyTorch 2.13.0 keep the weights and repeat the border's pixels. Expected: one result for one model,
# at least between a runtime and the reference of its standard; with "linear" and "nearest", and all other paddings, it is.
# Guessed before running: the three agree in all modes. Result: missed for this one of nine.
# Seen: off by up to 0.09 for values of 0 to 1; 0.0000 between onnxruntime and PyTorch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 torch==2.13.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(0)
image = random.random((1, 2, 7, 9), np.float32)
grid = (random.random((1, 50, 6, 2), np.float32) * 3 - 1.5).astype(np.float32)


def differences(mode: str, padding: str) -> tuple[float, float]:
    """Largest difference to PyTorch of onnxruntime and of the reference evaluator."""
    node = helper.make_node("GridSample", ["image", "grid"], ["result"], mode=mode, padding_mode=padding, align_corners=0)
    sides = {"image": image.shape, "grid": grid.shape}
    inputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in sides.items()]
    output = helper.make_tensor_value_info("result", onnx.TensorProto.FLOAT, (1, 2, 50, 6))
    graph = helper.make_graph([node], "graph", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    feeds = {"image": image, "grid": grid}
    runtime = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0]
    reference = ReferenceEvaluator(model).run(None, feeds)[0]
    name = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    sample = torch.nn.functional.grid_sample
    truth = sample(torch.from_numpy(image), torch.from_numpy(grid), name, padding, align_corners=False).numpy()
    return float(abs(runtime - truth).max()), float(abs(reference - truth).max())


for mode in ("linear", "nearest", "cubic"):
    for padding in ("zeros", "border", "reflection"):
        runtime, reference = differences(mode, padding)
        print("onnx", onnx.__version__, mode, padding, f"onnxruntime {runtime:.4f}, reference {reference:.4f}")
        assert runtime < 1e-4, "onnxruntime has changed"
        changed = (reference > 0.01) != (mode == "cubic" and padding == "border")
        assert not changed, "the behaviour has changed"
PY
