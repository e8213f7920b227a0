"""Norms for WebAssembly give the same numbers, GELUs by tanh nearly the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from anymask.geometry.frame import Frame
from anymask.models.onnx_session import Session
from anymask.onnx_export.decoding import decode
from anymask.onnx_export.webassembly import for_webassembly, with_instance_norms
from anymask.onnx_export.write import _converted
from anymask.types import Prompt


def make(rng, shape, width):
    """One layer norm with sizes that the graph does not know."""
    from onnx import TensorProto, helper, numpy_helper

    axes = [f"axis{number}" for number in range(len(shape))]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, axes)
    inner = helper.make_tensor_value_info("double", TensorProto.FLOAT, axes)
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["x", "x"], ["double"]),
            helper.make_node("LayerNormalization", ["double", "w", "b"], ["y"], axis=-1, epsilon=1e-6),
        ],
        "one",
        [source],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, axes)],
        [numpy_helper.from_array(rng.normal(1, 1, width).astype(np.float32), name) for name in "wb"],
        value_info=[inner],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def kinds(graph):
    return Counter(node.op_type for node in graph.graph.node)


@pytest.mark.parametrize("shape", [(1, 32), (50, 32), (2, 5, 7, 32)], ids=str)
def test_maps_and_matrices(rng, tmp_path, shape):
    model, x = make(rng, shape, 32), rng.normal(3, 2, shape).astype(np.float32)
    before = model.SerializeToString()
    spelled = with_instance_norms(model)
    assert model.SerializeToString() == before
    assert (kinds(spelled)["LayerNormalization"], kinds(spelled)["InstanceNormalization"]) == (0, 1)
    answers = []
    for name, graph in (("a", model), ("b", spelled)):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(graph.SerializeToString())
        answers.append(Session(path, count=1)({"x": x})["y"])
    assert answers[0].shape == answers[1].shape == shape
    assert np.abs(answers[0] - answers[1]).max() < 1e-5 < answers[0].std()


def test_tokens_are_left_alone(rng):
    model = make(rng, (2, 7, 32), 32)
    assert kinds(with_instance_norms(model)) == kinds(model)


def test_three_norms_of_a_decoder_are_of_the_image(exported):
    for kind in ("compact", "vit"):
        spelled = kinds(with_instance_norms(exported(kind).graphs["decoder"]))
        assert (
            spelled["InstanceNormalization"] == len(exported(kind).model.mask_decoder.transformer.layers) + 1
        )


@pytest.mark.parametrize("kind", ["compact", "vit"])
def test_only_decoders_of_float16_are_approximate(exported, kind):
    one = exported(kind)
    for part in one.parts:
        assert _converted(one.graphs[part.name], "float32", part) is one.graphs[part.name]
        for precision in ("float16", "int8"):
            wanted = b"tanh" if (part.name, precision) == ("decoder", "float16") else b"none"
            assert gelus(_converted(one.graphs[part.name], precision, part)) <= {wanted}
    assert gelus(one.graphs["decoder"]) == {b"none"}


@pytest.mark.parametrize("kind", ["compact", "vit"])
def test_a_decoder_answers_nearly_the_same(rng, exported, tmp_path, kind):
    one, path = exported(kind), tmp_path / "decoder.onnx"
    frame = Frame.fit((48, 64), one.model.config.size, square=one.model.config.square)
    encoded = one.session("encoder")({"image": rng.integers(0, 256, (48, 64, 3), np.uint8)})
    path.write_bytes(for_webassembly(one.graphs["decoder"]).SerializeToString())
    prompts = [Prompt.point(20, 30), Prompt(box=(5, 6, 40, 44))]
    exact, near = (
        decode(session, encoded, prompts, frame)
        for session in (one.session("decoder"), Session(path, count=1))
    )
    assert 0 < np.abs(near - exact).max() < 2e-3 * np.abs(exact).max()


def gelus(graph):
    """The kinds of GELU outside of branches."""
    entries = [node.attribute for node in graph.graph.node if node.op_type == "Gelu"]
    return {entry.s for some in entries for entry in some if entry.name == "approximate"}
