"""The same numbers as `transformers.SamModel`, from the folder it saves, for every kind of prompt.

The port's two-way blocks normalise with eps 1e-6 where the released model has 1e-5; its folder says so, and
we follow it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from anymask.models import load
from anymask.models.config import SamConfig, VitConfig
from anymask.models.sam import Sam

from .conftest import assert_close, randomise
from .prompts import KINDS, OBJECTS, Prompts, make

pytestmark = pytest.mark.parity


def build_peer(package: Any, size: int) -> Any:
    vision = {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "global_attn_indexes": [1],
        "window_size": 14,
        "output_channels": 64,
        "image_size": size,
        "num_pos_feats": 32,
        "mlp_dim": 128,
    }
    prompt = {"hidden_size": 64, "image_size": size, "mask_input_channels": 24}
    decoder = {"hidden_size": 64, "mlp_dim": 96, "num_attention_heads": 4, "iou_head_hidden_dim": 64}
    config = package.SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    peer = package.SamModel(config).eval()
    randomise(peer, seed=size)
    peer.tie_weights()
    return peer


def small(size: int) -> SamConfig:
    encoder = VitConfig(dim=32, depth=3, heads=2, global_blocks=(1,), out_channels=64, image_size=size)
    return SamConfig(
        encoder, size=size, dim=64, mask_channels=24, decoder_heads=4, decoder_mlp=96, decoder_eps=1e-6
    )


@pytest.fixture(scope="module", params=[1024, 480])
def pair(request: pytest.FixtureRequest, transformers: Any, tmp_path_factory: Any) -> tuple[Any, Sam]:
    """The port with random weights, and ours opened from the folder it saved."""
    peer = build_peer(transformers, request.param)
    folder = tmp_path_factory.mktemp("port")
    peer.save_pretrained(folder)
    return peer, load(folder, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def images(pair: tuple[Any, Sam]) -> torch.Tensor:
    side = pair[1].config.size
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    images[0, :, :, side // 2 :] = 0.0  # padding
    return images


@pytest.fixture(scope="module")
def features(pair: tuple[Any, Sam], images: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(pair[0].get_image_embeddings(images))


def ask(peer: Any, features: torch.Tensor, prompts: Prompts) -> tuple[torch.Tensor, torch.Tensor]:
    """The port's four masks and scores per object; with mask prompts it takes one object at a time."""
    rows = [_ask_one(peer, features, prompts, index) for index in range(OBJECTS)]
    logits, iou = (torch.cat(column) for column in zip(*rows, strict=True))
    return logits, iou


def _ask_one(
    peer: Any, features: torch.Tensor, prompts: Prompts, index: int
) -> tuple[torch.Tensor, torch.Tensor]:
    one = slice(index, index + 1)
    arguments = {
        "input_points": None if prompts.points is None else prompts.points[None, one],
        "input_labels": None if prompts.labels is None else prompts.labels[None, one],
        "input_boxes": None if prompts.boxes is None else prompts.boxes[None, one],
        "input_masks": None if prompts.masks is None else prompts.masks[one],
    }
    with torch.inference_mode():
        single, three = (
            peer(image_embeddings=features, multimask_output=multimask, **arguments)
            for multimask in (False, True)
        )
    logits = torch.cat([single.pred_masks, three.pred_masks], dim=2)[0]
    return logits, torch.cat([single.iou_scores, three.iou_scores], dim=2)[0]


def test_configuration_is_read(pair: tuple[Any, Sam]) -> None:
    assert pair[1].config == small(pair[1].config.size)


def test_encoder_gives_the_same_features(
    pair: tuple[Any, Sam], images: torch.Tensor, features: torch.Tensor
) -> None:
    with torch.inference_mode():
        assert_close(pair[1].encode(images)[0], features)


@pytest.mark.parametrize("kind", KINDS)
def test_decoder_gives_the_same_masks(kind: str, pair: tuple[Any, Sam], features: torch.Tensor) -> None:
    peer, model = pair
    prompts = make(kind, model.config.size)
    theirs = ask(peer, features[1:], prompts)
    coords, labels, masks = prompts.ours()
    with torch.inference_mode():
        ours = model.decode(features[1:], (), torch.zeros(OBJECTS, dtype=torch.long), coords, labels, masks)
    assert_close(ours[0], theirs[0])
    assert_close(ours[1], theirs[1])


def test_untouched_random_initialisation(transformers: Any, tmp_path: Path) -> None:
    """With the tiny values of the port's own initialisation even the eps of the norms shows."""
    torch.manual_seed(0)
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "image_size": 128}
    config = transformers.SamConfig(vision_config=vision, prompt_encoder_config={"image_size": 128})
    peer = transformers.SamModel(config).eval()
    peer.save_pretrained(tmp_path)
    model = load(tmp_path, device="cpu", dtype="float32")
    assert model.config.decoder_eps == 1e-6
    features = torch.randn(1, 256, 8, 8, generator=torch.Generator().manual_seed(4))
    prompts = make("box", 128)
    coords, labels, _ = prompts.ours()
    with torch.inference_mode():
        ours, _ = model.decode(features, (), torch.zeros(OBJECTS, dtype=torch.long), coords, labels)
    assert_close(ours, ask(peer, features, prompts)[0])


def test_shards_and_half_precision_load(transformers: Any, tmp_path: Path) -> None:
    peer = build_peer(transformers, 128)
    peer.half().save_pretrained(tmp_path, max_shard_size="100KB")
    assert (tmp_path / "model.safetensors.index.json").is_file()
    model = load(tmp_path, device="cpu", dtype="float32")
    images = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        assert_close(model.encode(images)[0], peer.float().get_image_embeddings(images))
