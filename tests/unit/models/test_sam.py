"""The promptable model: shapes, sharing, symmetries."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from anymask.models import sam, two_way
from anymask.models.config import COMPACT, DEBUG, DEBUG_VIT, SAM_VIT_B, SamConfig
from anymask.models.layers import LayerNorm2d, Upscale2x, from_blocks, to_blocks
from anymask.models.prompt_encoder import GRIDS, PositionEncoding
from anymask.models.sam import Sam, start_local
from anymask.models.two_way import HIDDEN, TwoWayBlock, TwoWayTransformer


@pytest.fixture(params=[DEBUG, DEBUG_VIT], ids=["compact", "vit"])
def model(request: pytest.FixtureRequest) -> Sam:
    torch.manual_seed(0)
    return Sam(request.param).eval()


def prompts(count: int, side: float, points: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    coords = torch.rand(count, points, 2, generator=generator) * side
    return coords, torch.randint(-1, 4, (count, points), generator=generator)


@torch.inference_mode()
def test_shapes_follow_the_frame(model: Sam) -> None:
    features, skips = model.encode(model.normalise(torch.randint(0, 256, (2, 96, 128, 3), dtype=torch.uint8)))
    assert features.shape == (2, model.config.dim, 6, 8)
    logits, iou = model.decode(features, skips, torch.tensor([0, 1, 1]), *prompts(3, 128))
    assert logits.shape == (3, 4, 24, 32)
    assert iou.shape == (3, 4)


@pytest.mark.parametrize("cells", [(24, 20), (9, 32), (1, 1)])
@torch.inference_mode()
def test_a_part_of_the_grid_is_drawn_as_in_the_whole(model: Sam, cells: tuple[int, int]) -> None:
    features, skips = model.encode(torch.randn(2, 3, 96, 128))
    decoded = model.decode_tokens(features, skips, torch.tensor([0, 1, 1]), *prompts(3, 128))
    whole, part = (
        model.mask_logits(decoded, slice(1, None)),
        model.mask_logits(decoded.within(cells), slice(1, None)),
    )
    rows, columns = (-(-side // 4) * 4 for side in cells)
    assert part.shape == (3, 3, rows, columns)
    assert_close(part, whole[:, :, :rows, :columns], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_objects_of_a_batch_do_not_mix(model: Sam) -> None:
    features, skips = model.encode(torch.randn(2, 3, 64, 64))
    coords, labels = prompts(5, 64)
    index = torch.tensor([0, 1, 0, 1, 1])
    together, scores = model.decode(features, skips, index, coords, labels)
    for n in range(5):
        b = int(index[n])
        alone = model.decode(
            features[b : b + 1],
            tuple(s[b : b + 1] for s in skips),
            torch.zeros(1, dtype=torch.long),
            coords[n : n + 1],
            labels[n : n + 1],
        )
        assert_close(alone[0][0], together[n], atol=1e-5, rtol=1e-4)
        assert_close(alone[1][0], scores[n], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_one_image_for_all_objects_equals_a_copy_for_each(model: Sam) -> None:
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    coords, labels = prompts(4, 64)
    shared = model.decode(features, skips, torch.zeros(4, dtype=torch.long), coords, labels)
    copies = model.decode(
        features.repeat(4, 1, 1, 1),
        tuple(s.repeat(4, 1, 1, 1) for s in skips),
        torch.arange(4),
        coords,
        labels,
    )
    assert_close(shared, copies, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_the_order_of_points_does_not_matter(model: Sam) -> None:
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    coords, labels = prompts(3, 64, points=5)
    order = torch.tensor([3, 1, 4, 0, 2])
    index = torch.zeros(3, dtype=torch.long)
    one = model.decode(features, skips, index, coords, labels)
    other = model.decode(features, skips, index, coords[:, order], labels[:, order])
    assert_close(one, other, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_padding_point_has_no_place(model: Sam) -> None:
    encode = model.prompt_encoder.points
    labels = torch.full((1, 1), -1)
    assert_close(encode(torch.zeros(1, 1, 2), labels, 64), encode(torch.full((1, 1, 2), 33.0), labels, 64))


@torch.inference_mode()
def test_the_flag_switches_the_mask_prompt_per_object(model: Sam) -> None:
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    coords, labels = prompts(2, 64)
    index, masks = torch.zeros(2, dtype=torch.long), torch.randn(2, 1, 16, 16)
    mixed, _ = model.decode(features, skips, index, coords, labels, masks, torch.tensor([True, False]))
    with_mask, _ = model.decode(features, skips, index, coords, labels, masks)
    without, _ = model.decode(features, skips, index, coords, labels)
    assert_close(mixed[0], with_mask[0], atol=1e-5, rtol=1e-4)
    assert_close(mixed[1], without[1], atol=1e-5, rtol=1e-4)
    assert (with_mask[1] - without[1]).abs().max() > 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("rows", [[0, 0, 3], [2, 1, 1, 1, 1, 2], [4], []], ids=len)
def test_chosen_masks_equal_those_of_all(model: Sam, rows: list[int]) -> None:
    features, skips = model.encode(torch.randn(2, 3, 64, 96))
    coords, labels = prompts(5, 96)
    arguments = (features, skips, torch.tensor([0, 1, 1, 0, 1]), coords, labels, torch.randn(5, 1, 16, 24))
    logits, iou = model.decode(*arguments)
    decoded = model.decode_tokens(*arguments)
    assert len(decoded) == 5
    assert_close(decoded.iou_N4, iou, atol=0, rtol=0)
    rows_R, outputs_R = torch.tensor(rows, dtype=torch.long), torch.arange(len(rows)) % 4
    drawn = model.mask_logits_of(decoded, rows_R, outputs_R)
    assert drawn.shape == (len(rows), 16, 24)
    assert_close(drawn, logits[rows_R, outputs_R], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_no_prompt_at_all_is_a_prompt(model: Sam) -> None:
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    empty = torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.long)
    logits, _ = model.decode(features, skips, torch.zeros(1, dtype=torch.long), *empty)
    assert logits.isfinite().all()


def test_the_code_of_a_grid_is_that_of_its_centres() -> None:
    torch.manual_seed(0)
    pe = PositionEncoding(16)
    rows, columns = torch.meshgrid(torch.arange(3) + 0.5, torch.arange(5) + 0.5, indexing="ij")
    centres = torch.stack([columns, rows], -1).view(1, 15, 2) / 5
    assert_close(pe.grid((3, 5), 5), pe(centres), atol=1e-5, rtol=0)


def test_position_code_of_a_grid_is_kept_until_its_matrix_changes() -> None:
    pe = PositionEncoding(8)
    first = pe.grid((3, 5), 5)
    assert pe.grid((3, 5), 5) is first
    with torch.inference_mode():
        other = pe.grid((2, 2), 2)
    assert not other.is_inference(), "training may ask for it next"
    with torch.no_grad():
        pe.positional_encoding_gaussian_matrix.mul_(2)
    assert not torch.equal(pe.grid((3, 5), 5), first)
    for side in range(1, 9):
        pe.grid((side, side), side)
    assert len(pe._grids) == GRIDS


def test_upscaling_is_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    ours, theirs = Upscale2x(6, 5), nn.ConvTranspose2d(6, 5, 2, 2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 6, 4, 7)
    blocks = ours(x.permute(0, 2, 3, 1)).flatten(1, 3)
    assert_close(from_blocks(blocks.transpose(1, 2).contiguous(), (4, 7), 1), theirs(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64])
@pytest.mark.parametrize("steps", [1, 2])
def test_blocks_of_a_map_and_back(steps: int, dtype: torch.dtype) -> None:
    x = torch.arange(2 * 8 * 12 * 3, dtype=dtype).view(2, 8, 12, 3)
    blocks = to_blocks(x, steps)
    side = 2**steps
    assert blocks.shape == (2, 96 // side**2, side**2, 3)
    channels_first = blocks.flatten(1, 2).transpose(1, 2).contiguous()
    assert_close(from_blocks(channels_first, (8 // side, 12 // side), steps), x.permute(0, 3, 1, 2))
    assert blocks[0, 0, :4].tolist() == x[0, :2, :2].flatten(0, 1).tolist()


def test_layer_norm_is_the_same_on_both_layouts() -> None:
    norm = LayerNorm2d(6)
    nn.init.normal_(norm.weight)
    x = torch.randn(2, 6, 3, 5)
    assert_close(norm(x), norm.tokens(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


@pytest.mark.parametrize("images", [2, 1])
@pytest.mark.parametrize("learning", [True, False])
def test_a_block_equals_its_attentions_one_by_one(learning: bool, images: int) -> None:
    """In training the image is projected once, in inference the products move to the tokens."""
    torch.manual_seed(0)
    block = TwoWayBlock(16, 2, 32, first=False)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.3)
    tokens, image, pe = torch.randn(2, 5, 16), torch.randn(images, 9, 16), torch.randn(1, 9, 16)
    q = block.norm1(tokens + block.self_attn(tokens + tokens, tokens + tokens, tokens))
    attended = block.cross_attn_token_to_image(q + tokens, image + pe, image)
    expected = block.norm3((x := block.norm2(q + attended)) + block.mlp(x))
    seen = block.cross_attn_image_to_token(image + pe, expected + tokens, expected)
    with torch.set_grad_enabled(learning):
        got_tokens, got_image = block(tokens.requires_grad_(learning), image, tokens, pe)
    assert_close(got_tokens, expected, atol=1e-5, rtol=1e-4)
    assert_close(got_image, block.norm4(image + seen), atol=1e-5, rtol=1e-4)
    if images == 1:
        hidden = torch.tensor([[0.0] * 5, [0.0, 0.0, HIDDEN, 0.0, HIDDEN]])
        with torch.no_grad():
            once = block(tokens, image, tokens, pe, hidden, block.share(image, pe))
            assert_close(once, block(tokens, image, tokens, pe, hidden), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("change", ["features", "embedding", "projection", "matrix", "shape"])
def test_what_is_kept_of_an_image_follows_every_change(change: str) -> None:
    torch.manual_seed(0)
    model = Sam(DEBUG_VIT).eval()
    coords, labels, index = *prompts(2, 64), torch.zeros(2, dtype=torch.long)
    block, pe_layer = model.mask_decoder.transformer.first, model.prompt_encoder.pe_layer

    @torch.no_grad()
    def ask(features: Tensor) -> Tensor:
        return model.decode(features, (), index, coords, labels)[0]

    features = torch.randn(1, model.config.dim, 4, 4)
    before = ask(features)
    assert_close(ask(features), before, atol=0, rtol=0)
    with torch.no_grad():
        if change == "features":
            features += 1
        elif change == "shape":
            features = features.view(1, -1, 2, 8)
        else:
            some = {
                "embedding": model.prompt_encoder.no_mask_embed.weight,
                "projection": block.cross_attn_token_to_image.k_proj.weight,
                "matrix": pe_layer.positional_encoding_gaussian_matrix,
            }
            some[change] += torch.randn_like(some[change])
    after = ask(features)
    model._shared = None
    assert_close(after, ask(features), atol=0, rtol=0)
    assert after.shape != before.shape or (after - before).abs().max() > 1e-4


class Busy(Sam):
    """A model of which another thread keeps nothing but its own image, as soon as anything is kept."""

    theirs: tuple[object, ...] | None = None

    @property
    def _shared(self) -> tuple[object, ...] | None:
        return self.theirs

    @_shared.setter
    def _shared(self, _ours: object) -> None:
        pass


@torch.inference_mode()
def test_what_another_thread_keeps_is_not_taken_for_ours() -> None:
    torch.manual_seed(0)
    plain, busy = Sam(DEBUG_VIT).eval(), Busy(DEBUG_VIT).eval()
    busy.load_state_dict(plain.state_dict())
    arguments = (), torch.zeros(2, dtype=torch.long), *prompts(2, 64)
    features, other = torch.randn(2, 1, plain.config.dim, 4, 4)
    plain.decode(other, *arguments)
    busy.theirs = plain._shared
    assert_close(busy.decode(features, *arguments), plain.decode(features, *arguments), atol=0, rtol=0)


def test_an_embedding_may_come_in_another_type(model: Sam) -> None:
    arguments = (torch.zeros(2, dtype=torch.long), *prompts(2, 64))
    with torch.no_grad():
        features, skips = model.encode(torch.randn(1, 3, 64, 64))
        small = features.half(), tuple(skip.half() for skip in skips)
        wide = small[0].float(), tuple(skip.float() for skip in small[1])
        assert_close(model.decode(*small, *arguments), model.decode(*wide, *arguments))


def test_in_training_autocast_chooses_the_type(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Sam(DEBUG)
    seen = []
    onto = model.prompt_encoder.onto
    monkeypatch.setattr(
        model.prompt_encoder, "onto", lambda image, *rest: seen.append(image) or onto(image, *rest)
    )
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    small = features.bfloat16(), tuple(skip.bfloat16() for skip in skips)
    with torch.autocast("cpu", torch.bfloat16):
        model.decode(*small, torch.zeros(2, dtype=torch.long), *prompts(2, 64))
    assert [image.dtype for image in seen] == [torch.bfloat16]


@pytest.mark.parametrize("config", [COMPACT, DEBUG, DEBUG_VIT, SAM_VIT_B], ids=lambda c: c.encoder.kind)
def test_a_configuration_survives_json(config: SamConfig) -> None:
    import json

    assert SamConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_compact_model_is_compact() -> None:
    with torch.device("meta"):
        model = Sam(COMPACT)
    assert 2 * sum(p.numel() for p in model.parameters()) < 30e6


def test_local_start_looks_at_the_click() -> None:
    """With the local start, the first cross-attention prefers the positions near the prompt."""
    torch.manual_seed(0)
    model = Sam(replace(COMPACT, size=256))
    start_local(model)
    attention = model.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    pe = model.prompt_encoder.pe_layer
    where = torch.tensor([[0.28, 0.66]])
    scores = attention.q_proj(pe(where)) @ attention.k_proj(pe.grid((16, 16), 16))[0].T
    best = int(scores.argmax())
    assert abs((best % 16 + 0.5) / 16 - 0.28) < 0.1
    assert abs((best // 16 + 0.5) / 16 - 0.66) < 0.1


def test_every_parameter_of_the_decoder_learns() -> None:
    torch.manual_seed(0)
    model = Sam(DEBUG)
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    index = torch.zeros(2, dtype=torch.long)
    coords, labels = torch.rand(2, 5, 2) * 64, torch.arange(-1, 4).expand(2, 5)
    masks, flag = torch.randn(2, 1, 16, 16), torch.tensor([True, False])
    logits, iou = model.decode(features, skips, index, coords, labels, masks, flag)
    (logits.square().mean() + iou.square().mean()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@torch.inference_mode()
@pytest.mark.parametrize("points", [1, two_way.FEW])
def test_few_and_many_tokens_meet(points: int, model: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    features, skips = model.encode(torch.randn(2, 3, 64, 64))
    arguments = (features, skips, torch.tensor([1, 0, 1]), *prompts(3, 64, points))
    ours = model.decode(*arguments)
    monkeypatch.setattr(two_way, "FEW", 0)
    assert_close(ours, model.decode(*arguments), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_drawing_few_objects_at_a_time_changes_nothing(model: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    features, skips = model.encode(torch.randn(2, 3, 64, 64))
    arguments = (features, skips, torch.tensor([1, 0, 1, 1, 0]), *prompts(5, 64))
    together = model.decode(*arguments)
    monkeypatch.setattr(sam, "CPU_CELLS", 2 * 4 * 4)
    assert_close(model.decode(*arguments), together, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_half_precision_and_autocast_are_near(model: Sam) -> None:
    images, (coords, labels), index = torch.randn(2, 3, 64, 64), prompts(3, 64), torch.tensor([0, 1, 1])
    logits, iou = model.decode(*model.encode(images), index, coords, labels)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.decode(*model.encode(images), index, coords, labels)
    half = model.to(torch.bfloat16)
    for found, scores in (mixed, half.decode(*half.encode(images.bfloat16()), index, coords, labels)):
        assert found.dtype == scores.dtype == torch.float32
        assert (found - logits).abs().max() < 0.1 * logits.abs().max()
        assert (scores - iou).abs().max() < 0.1 * iou.abs().max()


@torch.inference_mode()
def test_no_objects_are_no_masks(model: Sam) -> None:
    features, skips = model.encode(torch.randn(1, 3, 64, 64))
    logits, iou = model.decode(features, skips, torch.zeros(0, dtype=torch.long), *prompts(0, 64))
    assert logits.shape == (0, 4, 16, 16)
    assert iou.shape == (0, 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
@torch.inference_mode()
def test_half_precision_on_an_accelerator_is_near(model: Sam) -> None:
    images, (coords, labels), index = torch.randn(2, 3, 64, 64), prompts(3, 64), torch.tensor([0, 1, 1])
    logits, iou = model.decode(*model.encode(images), index, coords, labels)
    half = model.to("cuda", torch.float16)
    inputs = (tensor.cuda() for tensor in (index, coords, labels))
    found, scores = half.decode(*half.encode(images.half().cuda()), *inputs)
    assert (found.cpu() - logits).abs().max() < 0.05 * logits.abs().max()
    assert (scores.cpu() - iou).abs().max() < 0.05 * iou.abs().max()


def test_two_way_transformer_needs_a_divisible_width() -> None:
    with pytest.raises(AssertionError):
        TwoWayTransformer(1, 18, 4, 32)
