"""The compact in-context model: its two ways to paint agree, ensembles equal a plain reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import anymask
from anymask.models import FeaturePainter, build, save
from anymask.models.config import CONTEXT, CONTEXT_DEBUG
from anymask.models.feature_painter import PATCH, _targets


@pytest.fixture(scope="module")
def model() -> FeaturePainter:
    torch.manual_seed(0)
    made = build(CONTEXT_DEBUG).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def images(count: int, side: int = 64) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(count))


def half_hidden(side: int, count: int = 1) -> Tensor:
    cells = side // PATCH
    hidden = torch.zeros(count, 2 * cells, cells, dtype=torch.bool)
    hidden[:, cells:] = True
    return hidden


@pytest.mark.parametrize("side", [64, 96])
def test_one_example_equals_the_whole_canvas(model, side) -> None:
    example, target, query = images(3, side)
    canvas, targets = torch.cat([example, query], 1)[None], torch.cat([target, target], 1)[None]
    with torch.no_grad():
        whole = model(canvas, targets, half_hidden(side))
        part = model.inpaint(example[None], target[None], query, instance=False)
    assert part.shape == (3, side, side)
    torch.testing.assert_close(part, whole[0, :, side:], atol=1e-5, rtol=1e-5)


def plain_ensemble(model: FeaturePainter, examples: Tensor, targets: Tensor, query: Tensor) -> Tensor:
    """Whole canvases, one an example; after the attention of every block the lower halves are averaged."""
    seen_e, seen_q = model._features(examples), model._features(query[None])
    shown, colours = _targets(targets, torch.float32)
    alike = model._keys(seen_q.tokens) * model.temperature.exp().view(1, -1, 1, 1)
    keys = torch.cat([*model._keys(seen_e.tokens)[:, None]], 2)
    found = (alike @ keys.transpose(-1, -2)).softmax(-1) @ colours.reshape(1, 1, -1, 3)
    places, n = model.pos_embed.flatten(1, 2), seen_q.tokens.shape[1]
    upper = model.embed_x(seen_e.tokens) + places + model.segment[0] + model.embed_y(shown)
    blank = model.mask_token + model.embed_copy(found.permute(0, 2, 1, 3).flatten(2))
    lower = model.embed_x(seen_q.tokens) + places + model.segment[1] + blank
    z = torch.cat([upper, lower.expand(len(upper), -1, -1)], 1)
    for block in model.blocks:
        q, k, v = block.project(z)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        mixed = torch.cat([mixed[:, :n], mixed[:, n:].mean(0, keepdim=True).expand(len(mixed), -1, -1)], 1)
        z = block.feed(z + block.proj(mixed))
    return model._paint(z[:1, n:], found.mean(1), seen_q)[0]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_several_examples_equal_a_plain_reference(model, count) -> None:
    examples, targets, query = images(count), images(count + 10)[:count], images(1)[0]
    with torch.no_grad():
        ours = model.inpaint(examples, targets, query)
        expected = plain_ensemble(model, examples, targets, query)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_equal_examples_answer_as_one(model) -> None:
    example, target, query = images(3)
    with torch.no_grad():
        one = model.inpaint(example[None], target[None], query)
        three = model.inpaint(example.expand(3, -1, -1, -1), target.expand(3, -1, -1, -1), query)
    torch.testing.assert_close(one, three, atol=1e-5, rtol=1e-5)


def test_what_is_hidden_is_not_seen(model) -> None:
    canvas, targets, other = images(3, 128)[..., :64].split(1)
    hidden = half_hidden(64)
    hidden[0, 1, 2] = True
    cells = hidden.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)[:, None]
    with torch.no_grad():
        a = model(canvas, targets, hidden)
        b = model(canvas, torch.where(cells, other, targets), hidden)
        c = model(canvas, torch.where(cells, targets, other), hidden)
    assert torch.equal(a, b)
    assert not torch.allclose(a, c)


def test_colours_of_like_patches_are_copied(model) -> None:
    keys = torch.eye(8)[None, None].expand(1, 2, 8, 8)
    colours = images(1, 8)[:, :, 0].transpose(1, 2)
    order = torch.tensor([3, 1, 7])
    copied = model._copy(10 * keys[:, :, order], keys, colours)
    torch.testing.assert_close(copied, colours[:, None, order].expand(1, 2, 3, 3))
    hidden = torch.zeros(1, 8, dtype=torch.bool)
    hidden[0, 1] = True
    copied = model._copy(10 * keys[:, :, order], keys, colours, hidden)
    others = colours[0, ~hidden[0]].mean(0)
    torch.testing.assert_close(copied[0, :, 1], others.expand(2, 3))


def test_only_the_backbone_is_frozen(model) -> None:
    frozen = {name.split(".")[0] for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"backbone"}
    canvas = images(2, 128)[:, :, :, :64]
    model(canvas, canvas, half_hidden(64, 2)).sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    model.zero_grad()


def test_saved_and_loaded(model, tmp_path) -> None:
    loaded = anymask.load(save(model, tmp_path / "m.safetensors"), device="cpu", dtype="float32")
    assert isinstance(loaded, FeaturePainter)
    assert loaded.config == CONTEXT_DEBUG
    example, target, query = images(3)
    with torch.no_grad():
        before = model.inpaint(example[None], target[None], query)
        assert torch.equal(loaded.inpaint(example[None], target[None], query), before)


def test_the_shipped_size_fits_the_package() -> None:
    with torch.device("meta"):
        count = sum(p.numel() for p in FeaturePainter(CONTEXT).parameters())
    assert 2 * count < 30e6
