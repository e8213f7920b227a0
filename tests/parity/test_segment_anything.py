"""The same numbers as the package `segment-anything`, from its own files, for every kind of prompt."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from anymask.models import load
from anymask.models.config import SAM_VIT_B, SamConfig, VitConfig
from anymask.models.sam import Sam

from .conftest import assert_close, randomise
from .prompts import KINDS, OBJECTS, make

pytestmark = pytest.mark.parity


def small(size: int) -> SamConfig:
    encoder = VitConfig(
        dim=32, depth=3, heads=2, global_blocks=(1,), window=14, out_channels=64, image_size=size
    )
    return SamConfig(encoder, size=size, dim=64, decoder_mlp=96)


def build_peer(package: Any, config: SamConfig) -> Any:
    encoder = config.encoder
    assert isinstance(encoder, VitConfig)
    grid = encoder.image_size // encoder.patch
    return package.Sam(
        package.ImageEncoderViT(
            img_size=encoder.image_size,
            embed_dim=encoder.dim,
            depth=encoder.depth,
            num_heads=encoder.heads,
            out_chans=encoder.out_channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=encoder.window,
            global_attn_indexes=encoder.global_blocks,
        ),
        package.PromptEncoder(
            config.dim, (grid, grid), (encoder.image_size, encoder.image_size), config.mask_channels
        ),
        package.MaskDecoder(
            transformer_dim=config.dim,
            transformer=package.TwoWayTransformer(
                depth=config.decoder_depth,
                embedding_dim=config.dim,
                mlp_dim=config.decoder_mlp,
                num_heads=config.decoder_heads,
            ),
            iou_head_hidden_dim=config.dim,
        ),
    ).eval()


@pytest.fixture(scope="module", params=[1024, 480])
def pair(request: pytest.FixtureRequest, segment_anything: Any, tmp_path_factory: Any) -> tuple[Any, Sam]:
    """The authors' model with random weights, and ours opened from the file it saved."""
    peer = build_peer(segment_anything, small(request.param))
    randomise(peer, seed=request.param)
    path = tmp_path_factory.mktemp("weights") / "sam.pth"
    torch.save(peer.state_dict(), path)
    return peer, load(path, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def images(pair: tuple[Any, Sam]) -> torch.Tensor:
    """Photos of noise that leave padding at the right or the bottom, prepared by the peer."""
    side = pair[1].config.size
    generator = torch.Generator().manual_seed(1)
    photos = [
        torch.rand(3, h, w, generator=generator) * 255 for h, w in ((side, side // 2), (side - 37, side))
    ]
    return torch.stack([pair[0].preprocess(photo) for photo in photos])


@pytest.fixture(scope="module")
def features(pair: tuple[Any, Sam], images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(pair[0].image_encoder(images))


def test_configuration_is_inferred_from_the_file(pair: tuple[Any, Sam]) -> None:
    assert pair[1].config == small(pair[1].config.size)


def test_encoder_gives_the_same_features(
    pair: tuple[Any, Sam], images: torch.Tensor, features: torch.Tensor
) -> None:
    with torch.inference_mode():
        ours, skips = pair[1].encode(images)
    assert skips == ()
    assert_close(ours, features)


@pytest.mark.parametrize("kind", KINDS)
def test_decoder_gives_the_same_masks(kind: str, pair: tuple[Any, Sam], features: torch.Tensor) -> None:
    peer, model = pair
    prompts = make(kind, model.config.size)
    coords, labels, masks = prompts.ours()
    points = None if prompts.points is None else (prompts.points, prompts.labels)
    with torch.inference_mode():
        sparse, dense = peer.prompt_encoder(points, prompts.boxes, masks)
        image_pe = peer.prompt_encoder.get_dense_pe()
        theirs = peer.mask_decoder.predict_masks(features[1:], image_pe, sparse, dense)
        index = torch.ones(OBJECTS, dtype=torch.long)
        ours = model.decode(features, (), index, coords, labels, masks)
    if kind == "none":  # without any prompt the peer answers once
        ours = (ours[0][:1], ours[1][:1])
    assert_close(ours[0], theirs[0])
    assert_close(ours[1], theirs[1])
    assert_same_masks(ours[0], theirs[0], model.config.size)


def assert_same_masks(ours: torch.Tensor, theirs: torch.Tensor, side: int) -> None:
    """Masks at the size of the model frame agree wherever the logit is not zero within rounding."""
    a, b = (F.interpolate(x, (side, side), mode="bilinear", align_corners=False) for x in (ours, theirs))
    unsure = b.abs() < 1e-5 * b.abs().max()
    assert unsure.float().mean() < 1e-3
    assert torch.equal((a > 0) | unsure, (b > 0) | unsure)


def test_flags_mix_objects_with_and_without_mask(pair: tuple[Any, Sam], features: torch.Tensor) -> None:
    model, side = pair[1], pair[1].config.size
    prompts = make("point_mask", side)
    coords, labels, masks = prompts.ours()
    index = torch.tensor([0, 1, 1])
    with torch.inference_mode():
        mixed = model.decode(features, (), index, coords, labels, masks, torch.tensor([True, False, True]))
        with_mask = model.decode(features, (), index, coords, labels, masks)
        without = model.decode(features, (), index, coords, labels)
    expected = torch.stack([with_mask[0][0], without[0][1], with_mask[0][2]])
    assert_close(mixed[0], expected)


def test_vit_b_gives_the_same_features(segment_anything: Any, tmp_path: Path) -> None:
    """The published width and depth, on an input small enough for a test."""
    side = 256
    encoder = VitConfig(image_size=side)
    peer = build_peer(segment_anything, SamConfig(encoder, size=side))
    randomise(peer, seed=0)
    torch.save(peer.state_dict(), tmp_path / "sam_vit_b.pth")
    model = load(tmp_path / "sam_vit_b.pth", device="cpu", dtype="float32")
    assert model.config.encoder == encoder
    assert model.config.with_size(1024).decoder_mlp == SAM_VIT_B.decoder_mlp
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        assert_close(model.encode(images)[0], peer.image_encoder(images))
