"""Graphs without weights: constants point into a safetensors file, and the results stay the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anymask.errors import ExportError
from anymask.models.onnx_runtime import graph_file
from anymask.models.onnx_session import Session

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

from anymask.onnx_export.linked_weights import link_weights  # noqa: E402
from anymask.onnx_export.shipped import shipped_graph, shipped_parts  # noqa: E402


@pytest.fixture
def stored(tmp_path: Path, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Two float16 tensors, saved as `weights.safetensors`."""
    tensors = {
        "plain": rng.normal(size=(40, 30)).astype(np.float16),
        "deep": rng.normal(size=(30, 20, 2, 2)).astype(np.float16),
    }
    save_file(tensors, tmp_path / "weights.safetensors")
    return tensors


def graph_of(constants: dict[str, np.ndarray]):
    """Each constant multiplied by the input, as an output of its name in capitals."""
    nodes = [helper.make_node("Mul", [name, "x"], [name.upper()]) for name in constants]
    outputs = [
        helper.make_tensor_value_info(name.upper(), TensorProto.FLOAT, values.shape)
        for name, values in constants.items()
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [])],
        outputs,
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def test_constants_are_read_from_the_weights(tmp_path: Path, stored, rng: np.random.Generator) -> None:
    wide = {name: values.astype(np.float32) for name, values in stored.items()}
    constants = {
        "same": wide["plain"],
        "turned": np.ascontiguousarray(wide["plain"].T),
        "flat": wide["plain"].reshape(4, 10, 30),
        "blocks": np.ascontiguousarray(wide["deep"].transpose(2, 3, 1, 0)).reshape(80, 30),
        "other": rng.normal(size=(20, 20)).astype(np.float32),  # of no weight, but small
    }
    linked = link_weights(graph_of(constants), tmp_path / "weights.safetensors")
    (tmp_path / "linked.onnx").write_bytes(linked.SerializeToString())
    assert (tmp_path / "linked.onnx").stat().st_size < constants["other"].nbytes + 2000
    found = Session(tmp_path / "linked.onnx", count=1)({"x": np.array(2, np.float32)})
    for name, values in constants.items():
        np.testing.assert_array_equal(found[name.upper()], 2 * values)


def test_large_constants_of_no_weight_are_refused(tmp_path: Path, stored, rng: np.random.Generator) -> None:
    with pytest.raises(ExportError, match=r"large constants must be weights, got lost \(200, 200\)"):
        link_weights(
            graph_of({"lost": rng.normal(size=(200, 200)).astype(np.float32)}),
            tmp_path / "weights.safetensors",
        )


@pytest.mark.slow
def test_a_shipped_graph_is_that_of_this_code() -> None:
    """One of them: tracing takes long, and the masks of all are compared with PyTorch's elsewhere."""
    (part,) = [part for part in shipped_parts("compact") if part.name == "masks"]
    assert shipped_graph("compact", part) == graph_file("compact", "masks").read_bytes()
