"""Painter and SegGPT against the released code's way, written plainly, and their released files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from anymask.errors import InputError, WeightsError
from anymask.models import Painter, Sam, build, load, load_painter, load_sam, painter, save
from anymask.models.checkpoints.load import load_weights
from anymask.models.config import (
    DEBUG,
    PAINTER_DEBUG,
    PAINTER_VIT_L,
    SEGGPT_VIT_L,
    PainterConfig,
)
from anymask.models.vit import attend

WITHOUT_TYPES = replace(PAINTER_DEBUG, types=False)


def random_model(config: PainterConfig) -> Painter:
    torch.manual_seed(0)
    model = build(config).eval()
    for name, tensor in model.named_parameters():
        if "rel_pos" in name or "token" in name or "pos_embed" in name:
            torch.nn.init.normal_(tensor, std=0.5)
        elif tensor.ndim == 1 and "weight" not in name:
            torch.nn.init.normal_(tensor, std=0.1)
    return model


def draw(config: PainterConfig, examples: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = (examples, 3, config.size, config.size)
    images, targets = (torch.randn(shape, generator=generator) for _ in range(2))
    return images, targets, torch.randn(shape[1:], generator=generator)


def plain(model: Painter, examples: Tensor, targets: Tensor, query: Tensor, instance: bool) -> Tensor:
    """N whole canvases, each stream of each of them on its own; the first canvas's lower half."""
    config = model.config
    side = config.size // config.patch
    positions = model.pos_embed[:, 1:].view(1, config.positions, config.positions, -1).permute(0, 3, 1, 2)
    positions = F.interpolate(positions, (2 * side, side), mode="bicubic").permute(0, 2, 3, 1)[0]
    type_token = torch.zeros(())
    if config.types:
        type_token = (model.type_token_ins if instance else model.type_token_cls)[0, 0, 0]
    streams = []
    for uppers, lower, segment in (
        (examples, query, model.segment_token_x),
        (targets, None, model.segment_token_y),
    ):
        canvases = []
        for upper in uppers:
            canvas = torch.cat([upper, upper if lower is None else lower], 1)
            tokens = model.patch_embed(canvas[None])[0].clone()
            if lower is None:
                tokens[side:] = model.mask_token[0, 0, 0]
            canvases.append(tokens + segment[0, 0, 0] + positions + type_token)
        streams.append(canvases)
    taps = []
    for index, block in enumerate(model.blocks):
        streams = [_plain_block(block, canvases) for canvases in streams]
        if index == config.merge:
            streams = [[(x + y) * 0.5 for x, y in zip(*streams, strict=True)]]
        if index in config.taps:
            taps.append(model.norm(streams[0][0]))
    parts = model.decoder_embed(torch.cat(taps, -1))
    parts = parts.view(2 * side, side, config.patch, config.patch, config.head_channels)
    maps = torch.einsum("hwpqc->chpwq", parts).reshape(config.head_channels, 2 * config.size, config.size)
    return model.decoder_pred(maps[None])[0, :, config.size :]


def _plain_block(block: Any, canvases: list[Tensor]) -> list[Tensor]:
    mixed = [block.attn(block.norm1(canvas[None]))[0] for canvas in canvases]
    half = len(mixed[0]) // 2
    mean = sum(one[half:] for one in mixed) / len(mixed)
    out = []
    for canvas, one in zip(canvases, mixed, strict=True):
        x = canvas + torch.cat([one[:half], mean])
        out.append(x + block.mlp(block.norm2(x)))
    return out


@pytest.mark.parametrize("config", [PAINTER_DEBUG, WITHOUT_TYPES, replace(PAINTER_DEBUG, merge=0, size=96)])
@pytest.mark.parametrize("examples", [1, 3])
@pytest.mark.parametrize("instance", [False, True])
def test_shared_halves_change_nothing(config: PainterConfig, examples: int, instance: bool) -> None:
    model = random_model(config)
    given = draw(config, examples)
    with torch.inference_mode():
        expected = plain(model, *given, instance)
        found = model.inpaint(*given, instance=instance)
    assert found.shape == (3, config.size, config.size)
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("scores", [1, 50, 2**20])
def test_folded_positions_change_nothing(scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "SCORES", scores)
    q, k, v = torch.randn(3, 2, 2, 24, 8, generator=torch.Generator().manual_seed(0))
    table_h, table_w = torch.randn(6, 6, 8), torch.randn(4, 4, 8)
    with torch.inference_mode():
        ours = painter._attend_folded(q, k, v, table_h, table_w)
        torch.testing.assert_close(ours, attend(q, k, v, table_h, table_w), atol=1e-5, rtol=1e-4)


def test_bfloat16_is_near_float32() -> None:
    model = random_model(PAINTER_DEBUG)
    given = draw(PAINTER_DEBUG, 2)
    with torch.inference_mode():
        exact = model.inpaint(*given, instance=True)
        rounded = model.bfloat16().inpaint(*(one.bfloat16() for one in given), instance=True)
    assert rounded.dtype == torch.float32
    assert float((rounded - exact).abs().max() / exact.abs().max()) < 0.03


def test_one_example_is_a_whole_canvas() -> None:
    model = random_model(PAINTER_DEBUG)
    examples, targets, query = draw(PAINTER_DEBUG, 1)
    hidden = torch.zeros(1, 8, 4, dtype=torch.bool)
    hidden[:, 4:] = True
    with torch.inference_mode():
        canvas = model(
            torch.cat([examples, query[None]], 2),
            torch.cat([targets, targets], 2),
            hidden,
            torch.tensor([True]),
        )
        half = model.inpaint(examples, targets, query, instance=True)
    torch.testing.assert_close(canvas[0, :, 64:], half, atol=1e-5, rtol=1e-5)


def test_hidden_targets_are_not_seen() -> None:
    model = random_model(PAINTER_DEBUG)
    images, targets = torch.randn(2, 1, 3, 128, 64, generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(1, 8, 4, dtype=torch.bool)
    hidden[0, 5, 2] = True
    changed = targets.clone()
    changed[0, :, 80:96, 32:48] = 9.0
    instance = torch.tensor([False])
    with torch.inference_mode():
        first, second = (model(images, one, hidden, instance) for one in (targets, changed))
        seen = model(images, changed, ~hidden & False, instance)
    assert torch.equal(first, second)
    assert not torch.allclose(first, seen)


def test_the_order_of_the_examples_matters_only_at_the_seam() -> None:
    model = random_model(PAINTER_DEBUG)
    examples, targets, query = draw(PAINTER_DEBUG, 2)
    with torch.inference_mode():
        first = model.inpaint(examples, targets, query, instance=True)
        second = model.inpaint(examples.flip(0), targets.flip(0), query, instance=True)
    torch.testing.assert_close(first[:, 1:], second[:, 1:], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(first[:, :1], second[:, :1], atol=1e-5, rtol=1e-4)


def test_the_type_token_matters() -> None:
    model = random_model(PAINTER_DEBUG)
    given = draw(PAINTER_DEBUG, 1)
    with torch.inference_mode():
        semantic, instance = (model.inpaint(*given, instance=value) for value in (False, True))
    assert not torch.allclose(semantic, instance)


def test_gradients_reach_every_parameter() -> None:
    model = random_model(PAINTER_DEBUG).train()
    images, targets = torch.randn(2, 2, 3, 128, 64)
    hidden = torch.rand(2, 8, 4) < 0.5
    torch.manual_seed(3)  # keeps every path
    model(images, targets, hidden, torch.tensor([True, False])).square().sum().backward()
    idle = [name for name, tensor in model.named_parameters() if tensor.grad is None or not tensor.grad.any()]
    assert idle == []
    assert not model.pos_embed.grad[:, 0].any(), "nothing reads the class token's row"


@pytest.mark.parametrize(("config", "million"), [(SEGGPT_VIT_L, 371), (PAINTER_VIT_L, 371)])
def test_sizes_are_as_published(config: PainterConfig, million: int) -> None:
    with torch.device("meta"):
        model = build(config)
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6) == million


# Files


def authors_state(model: Painter) -> dict[str, Tensor]:
    """As released: `fc1` and `fc2` in the blocks."""
    return {name.replace("mlp.lin", "mlp.fc"): tensor for name, tensor in model.state_dict().items()}


def released_like(types: bool) -> PainterConfig:
    """Small, with what the shapes do not tell as released."""
    return PainterConfig(
        dim=32, depth=8, heads=2, size=64, positions=2, taps=(3, 7), head_channels=8, types=types
    )


@pytest.mark.parametrize("types", [True, False])
@pytest.mark.parametrize("wrap", [lambda state: {"model": state}, lambda state: state])
def test_the_authors_files_open(types: bool, wrap: Callable[[Any], Any], tmp_path: Path) -> None:
    model = random_model(released_like(types))
    torch.save(wrap(authors_state(model)), tmp_path / "seggpt.pth")
    loaded = load(tmp_path / "seggpt.pth", device="cpu", dtype="float32")
    assert isinstance(loaded, Painter)
    assert loaded.config == model.config
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("config", [SEGGPT_VIT_L, PAINTER_VIT_L])
def test_the_published_configurations_are_inferred(config: PainterConfig) -> None:
    from anymask.models.checkpoints import painter_layouts

    with torch.device("meta"):
        state = authors_state(build(config))
    assert painter_layouts.config_from_shapes(painter_layouts.from_authors(state)) == config


def test_own_files_open(tmp_path: Path) -> None:
    model = random_model(PAINTER_DEBUG)
    path = save(model, tmp_path / "model.safetensors")
    loaded = load_painter(path, device="cpu", dtype="float32")
    assert loaded.config == PAINTER_DEBUG
    assert loaded.fingerprint == model.fingerprint
    with torch.no_grad():
        loaded.mask_token += 1
    assert loaded.fingerprint != model.fingerprint


@pytest.mark.parametrize("fault", ["missing", "unexpected", "of another shape"])
def test_files_are_read_strictly(fault: str, tmp_path: Path) -> None:
    state = authors_state(random_model(released_like(True)))
    if fault == "missing":
        del state["segment_token_y"]
    elif fault == "unexpected":
        state["cls_token"] = torch.zeros(1)
    else:
        state["norm.weight"] = torch.zeros(3)
    torch.save({"model": state}, tmp_path / "seggpt.pth")
    with pytest.raises(
        WeightsError, match=rf"must fit its model exactly, got parameters 1 {fault}.*Painter or Seg"
    ):
        load_weights(tmp_path / "seggpt.pth")


def test_a_part_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {"segment_token_x": torch.zeros(1, 1, 1, 8)}}, tmp_path / "part.pth")
    with pytest.raises(WeightsError, match=r"got segment_token_x\. It seems to be a Painter or SegGPT"):
        load_weights(tmp_path / "part.pth")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act of config.json must be 'gelu', got 'relu'"),
        (
            {"image_size": [64, 64]},
            r"image_size of config.json must be 'twice as high as wide', got \[64, 64\]",
        ),
    ],
)
def test_settings_that_nobody_published_are_refused(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    import json

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "seggpt", **settings}))
    with pytest.raises(WeightsError, match=message):
        load_weights(tmp_path)


def test_the_two_kinds_of_models_are_told_apart(tmp_path: Path) -> None:
    painter = save(build(PAINTER_DEBUG), tmp_path / "painter.safetensors")
    sam = save(build(DEBUG), tmp_path / "sam.safetensors")
    assert isinstance(load_painter(painter), Painter)
    assert isinstance(load_sam(sam), Sam)
    with pytest.raises(InputError, match=r"model must answer prompts, got .*, which works by examples"):
        load_sam(painter)
    with pytest.raises(InputError, match=r"model must work by examples, got .*, which answers prompts"):
        load_painter(sam)
