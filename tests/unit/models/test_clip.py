"""CLIP's encoders: what an embedding depends on."""

from __future__ import annotations

import pytest
import torch

from anymask.models.checkpoints.load import build
from anymask.models.clip import Clip
from anymask.models.config import CLIP_DEBUG, ClipConfig

END = CLIP_DEBUG.vocabulary - 1


@pytest.fixture(scope="module")
def model() -> Clip:
    torch.manual_seed(0)
    return build(CLIP_DEBUG).eval()


@torch.no_grad()
def test_what_follows_the_end_of_a_text_has_no_effect(model: Clip) -> None:
    tokens = torch.tensor([[5, 6, END, 0, 0], [5, 6, END, 7, END], [5, 9, END, 0, 0]])
    same, again, other = model.encode_texts(tokens)
    torch.testing.assert_close(same, again)
    assert not torch.allclose(same, other, atol=1e-3)


@torch.no_grad()
def test_a_mask_restricts_what_the_class_token_sees_in_the_last_block(model: Clip) -> None:
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    everywhere = torch.ones(2, 4, 4, dtype=torch.bool)
    torch.testing.assert_close(model.encode_images(images, everywhere), model.encode_images(images))
    inside = everywhere.clone()
    inside[0, :2] = False
    found = model.encode_images(images, inside)
    assert not torch.allclose(found[0], model.encode_images(images)[0], atol=1e-3)
    torch.testing.assert_close(found[1], model.encode_images(images)[1])


@torch.no_grad()
def test_an_empty_mask_leaves_the_class_token_itself(model: Clip) -> None:
    images = torch.randn(1, 3, 32, 32)
    assert model.encode_images(images, torch.zeros(1, 4, 4, dtype=torch.bool)).isfinite().all()


def test_images_are_normalised_as_clip_was_trained(model: Clip) -> None:
    grey = model.normalise(torch.full((1, 1, 1, 3), 255.0))
    expected = [(1 - 0.48145466) / 0.26862954, (1 - 0.4578275) / 0.26130258, (1 - 0.40821073) / 0.27577711]
    torch.testing.assert_close(grey.flatten(), torch.tensor(expected))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="a width of 32 for 5 heads"):
        build(ClipConfig(**{**CLIP_DEBUG.to_dict(), "text_heads": 5}))
