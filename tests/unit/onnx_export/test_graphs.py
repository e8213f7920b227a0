"""Graphs answer as their modules do, whatever the sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anymask.geometry.frame import Frame
from anymask.inference.promptable.predict import embed, predict
from anymask.onnx_export.decoding import decode
from anymask.onnx_export.graphs import counted
from anymask.types import Prompt

PROMPTS = [
    Prompt.point(20, 30),
    Prompt.point(9, 5, label=0),
    Prompt(box=(5, 6, 40, 44)),
    Prompt([(8, 9), (30, 31), (4, 4)], [1, 0, 1], box=(2, 2, 44, 40)),
]


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def answers(one, pixels, prompts):
    """Logits and scores of a model by its files."""
    config = one.model.config
    frame = Frame.fit(pixels.shape[:2], config.size, square=config.square, multiple=config.multiple)
    encoded = one.session("encoder")({"image": frame.resize(pixels)})
    return decode(one.session("decoder"), encoded, prompts, frame)


@pytest.mark.parametrize("kind", ["compact", "vit"])
@pytest.mark.parametrize("size", [(48, 64), (64, 20), (100, 100), (3, 90)], ids=str)
def test_masks_of_any_shape_of_image_and_ragged_prompts(exported, kind, size):
    one, pixels = exported(kind), image(*size)
    prompts = [p for p in PROMPTS if (p.box is None or size[0] > 40 < size[1]) and size[0] > 40 < size[1]]
    prompts = prompts or [Prompt.point(1, 1), Prompt([(1, 1), (2, 2)], [1, 0])]
    wanted = predict(one.model, pixels, prompts, logits=True, zoom=False)
    got = answers(one, pixels, prompts)[:, 1:].reshape(wanted.logits.shape)
    assert np.abs(wanted.logits).max() > 0.1
    assert np.abs(got - wanted.logits).max() <= 1e-4 * np.abs(wanted.logits).max()


@pytest.mark.parametrize("kind", ["compact", "vit"])
def test_masks_as_prompts_alone_and_among_others(exported, kind):
    one, pixels = exported(kind), image(48, 64)
    embedding = embed(one.model, pixels)
    grid = np.random.default_rng(1).normal(0, 5, embedding.frame.grid_hw).astype(np.float32)
    prompts = [Prompt(mask=grid), Prompt.point(20, 30), Prompt([(20, 30)], [1], mask=grid)]
    wanted = predict(one.model, embedding, prompts, multimask=False, logits=True, zoom=False)
    got = answers(one, pixels, prompts)
    alone = answers(one, pixels, prompts[:1])
    assert np.abs(got[[0, 2], 0] - wanted.logits[[0, 2]]).max() <= 1e-4 * np.abs(wanted.logits).max()
    assert np.abs(alone[0] - got[0]).max() <= 1e-4 * np.abs(got[0]).max()


@pytest.mark.parametrize("kind", ["compact", "vit"])
def test_pads_change_nothing(exported, kind):
    one, pixels = exported(kind), image(48, 64)
    for prompt in PROMPTS:
        alone, beside = answers(one, pixels, [prompt]), answers(one, pixels, [prompt, PROMPTS[-1]])
        assert np.abs(alone[0] - beside[0]).max() <= 1e-5 * np.abs(alone).max()


def test_only_the_pad_that_ends_points_counts():
    labels = torch.tensor([[1, -1, -1], [2, 3, -1], [-1, -1, -1], [0, 1, -1], [1, 2, 3]])
    wanted = [[1, 1, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]]
    assert counted(labels).int().tolist() == wanted


@pytest.mark.parametrize("kind", ["context", "seggpt"])
@pytest.mark.parametrize("examples", [1, 3])
def test_painted_canvases(exported, kind, examples):
    one = exported(kind)
    side, rng = one.model.config.size, np.random.default_rng(2)
    shown = rng.uniform(-20, 280, (2, examples, side, side, 3)).astype(np.float32)
    feed = {"examples": shown[0], "targets": shown[1], "query": image(side, side)}
    if kind == "seggpt":
        feed["instance"] = np.array(False)
    module = one.parts[0].module
    with torch.no_grad():
        wanted = module(*(torch.from_numpy(feed[name]) for name in one.parts[0].inputs)).numpy()
    got = one.session("painter")(feed)["painted"]
    assert wanted.std() > 1
    assert np.abs(got - wanted).max() < 0.05


def test_the_type_token_is_an_input(exported):
    one = exported("seggpt")
    side = one.model.config.size
    feed = {name: np.full((1, side, side, 3), 90, np.float32) for name in ("examples", "targets")}
    feed["query"] = image(side, side)
    a, b = (one.session("painter")({**feed, "instance": np.array(it)})["painted"] for it in (True, False))
    assert np.abs(a - b).max() > 1e-3


def test_operators_are_those_of_the_standard(exported):
    for kind in ("compact", "vit", "context", "seggpt"):
        for graph in exported(kind).graphs.values():
            assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx"}
            assert [entry.version for entry in graph.opset_import if entry.domain == ""] == [20]


@pytest.mark.parametrize("kind", ["compact", "vit"])
def test_the_layers_of_mask_prompts_are_in_a_branch(exported, kind):
    graph = exported(kind).graphs["decoder"].graph
    (branch,) = (node for node in graph.node if node.op_type == "If")
    masked, plain = ([node.op_type for node in entry.g.node] for entry in branch.attribute)
    assert (masked.count("Conv"), plain.count("Conv")) == (2, 0)
    assert "Conv" not in {node.op_type for node in graph.node}


def test_one_process_traces_models_of_different_sizes(exported):
    for kind in ("compact", "vit"):  # a branch cached for one must not serve another
        decoder = next(part for part in exported(kind).parts if part.name == "decoder")
        assert [value.name for value in exported(kind).graphs["decoder"].graph.input] == list(decoder.inputs)
