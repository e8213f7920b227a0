"""The same embeddings as `transformers.CLIPModel`, from the folder it saves.

Also compared, once, with the original implementation in the package clip-anytorch 2.6.0, with PyTorch 2.13:
both encoders with random weights of ViT-B/32 and ViT-L/14@336px differ by 0, from a state dict and from a
traced archive in half precision. With the vocabulary of that package, 1,003 captions have the same tokens as
transformers 5.24 gives them; the original differs where it decodes HTML entities first ("&amp;").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from anymask.models.checkpoints.load import load_clip
from anymask.models.clip import Clip

from .conftest import randomise

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def pair(transformers: Any, tmp_path_factory: Any) -> tuple[Any, Clip]:
    """The port with random weights, and ours opened from the folder it saved."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 128}
    text = {"vocab_size": 100, "max_position_embeddings": 12, "eos_token_id": 99, "bos_token_id": 98}
    config = transformers.CLIPConfig(
        text_config={**sizes, **text, "hidden_size": 48, "intermediate_size": 192, "num_attention_heads": 3},
        vision_config={**sizes, "image_size": 24, "patch_size": 8},
        projection_dim=20,
    )
    peer = transformers.CLIPModel(config).eval()
    randomise(peer, seed=1)
    folder = tmp_path_factory.mktemp("clip")
    peer.save_pretrained(folder)
    return peer, load_clip(folder)


def features(output: Any) -> torch.Tensor:
    """The projected embeddings; from transformers 5 on, a field of the output."""
    return output if isinstance(output, torch.Tensor) else output.pooler_output


@torch.no_grad()
def test_the_image_embeddings(pair: tuple[Any, Clip]) -> None:
    peer, ours = pair
    images = torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    theirs = features(peer.get_image_features(pixel_values=images))
    torch.testing.assert_close(ours.encode_images(images), theirs, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_text_embeddings_of_every_length(pair: tuple[Any, Clip]) -> None:
    peer, ours = pair
    tokens = torch.tensor([[98, 5, 7, 99] + [99] * 8, [98, *range(10), 99], [98, 99] + [99] * 10])
    theirs = features(peer.get_text_features(input_ids=tokens, attention_mask=torch.ones_like(tokens)))
    torch.testing.assert_close(ours.encode_texts(tokens), theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.encode_texts(tokens[:1, :4]), theirs[:1], rtol=1e-5, atol=1e-5)


def test_the_temperature(pair: tuple[Any, Clip]) -> None:
    peer, ours = pair
    assert ours.logit_scale.item() == peer.logit_scale.item()


def test_a_single_file_of_the_folder_opens_too(pair: tuple[Any, Clip], tmp_path: Path) -> None:
    pair[0].save_pretrained(tmp_path)
    again = load_clip(tmp_path / "model.safetensors")
    assert again.fingerprint == pair[1].fingerprint
