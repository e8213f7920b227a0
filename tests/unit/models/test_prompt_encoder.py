"""Text prompts: the embedding reaches the decoder as one token; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import anymask
from anymask import InputError, Prompt, PromptError, Sam
from anymask.models.checkpoints.load import build, save
from anymask.models.config import DEBUG, DEBUG_VIT
from anymask.models.protocol import Floats

WIDTH = 5


class Words:
    """A text encoder: each letter moves one component."""

    width, fingerprint = WIDTH, "0123456789abcdef"

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        out = np.zeros((len(texts), WIDTH), np.float32)
        for row, text in zip(out, texts, strict=True):
            for letter in text:
                row[ord(letter) % WIDTH] += 1
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def with_text(config: anymask.models.SamConfig) -> Sam:
    torch.manual_seed(0)
    return build(replace(config, text=WIDTH, text_encoder=Words.fingerprint)).eval()


@pytest.fixture(scope="module", params=[DEBUG, DEBUG_VIT], ids=["compact", "vit"])
def model(request: pytest.FixtureRequest) -> Sam:
    return with_text(request.param)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (60, 40, 3), np.uint8)


def logits(model: Sam, image: np.ndarray, prompts: list[Prompt]) -> Floats:
    found = anymask.predict(model, image, prompts, multimask=False, logits=True, text_encoder=Words()).logits
    assert found is not None
    return found


def test_texts_alone_and_with_other_prompts_are_batched_without_effect(model: Sam, image: np.ndarray) -> None:
    prompts = [
        Prompt(text="cat"),
        Prompt(text="dog"),
        Prompt.point(5, 5),
        Prompt(points=[(5, 5)], text="cat"),
        Prompt(box=(3, 4, 20, 30), text="dog"),
        Prompt(box=(3, 4, 20, 30)),
    ]
    together = logits(model, image, prompts)
    alone = np.concatenate([logits(model, image, [prompt]) for prompt in prompts])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    for i, j in ((0, 1), (2, 3), (4, 5)):
        assert np.abs(together[i] - together[j]).max() > 1e-3


def test_the_length_of_an_embedding_has_no_effect(model: Sam) -> None:
    texts = torch.from_numpy(Words().encode_texts(["cat", "horse"]))
    encoder = model.prompt_encoder
    assert encoder.texts(texts).shape == (2, 1, model.config.dim)
    torch.testing.assert_close(encoder.texts(7 * texts), encoder.texts(texts))


def test_a_text_with_a_click_is_not_ambiguous(model: Sam, image: np.ndarray) -> None:
    prompt = Prompt(points=[(5, 5)], text="cat")
    assert not prompt.ambiguous
    assert len(anymask.predict(model, image, [prompt], text_encoder=Words())) == 3
    assert len(anymask.predict(model, image, [prompt], multimask=False, text_encoder=Words())) == 1


def test_a_small_mask_is_refined_with_its_text(image: np.ndarray) -> None:
    model = with_text(DEBUG)
    seen: list[Floats | None] = []
    decode = model.decode_prompts

    def watched(encoded, batch):  # type: ignore[no-untyped-def]
        seen.append(batch.texts_ND)
        return decode(encoded, batch)

    model.decode_prompts = watched  # type: ignore[method-assign]
    large = np.tile(image, (4, 4, 1))
    prompt = Prompt(points=[(5, 5)], box=(2, 2, 14, 14), text="cat")
    anymask.predict(model, large, [prompt], multimask=False, zoom=True, text_encoder=Words())
    assert all(texts is not None and texts.shape == (1, WIDTH) for texts in seen)


def test_a_model_without_text_says_so(image: np.ndarray) -> None:
    with pytest.raises(PromptError, match="text must be None for this model, got 'cat'"):
        anymask.predict(build(DEBUG).eval(), image, [Prompt(text="cat")], text_encoder=Words())


def test_the_encoder_must_be_that_of_the_training(model: Sam, image: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"text_encoder must be that of the CLIP .*, got none\. Load it"):
        anymask.predict(model, image, [Prompt(text="cat")])
    other = Words()
    other.fingerprint = "ffffffffffffffff"
    with pytest.raises(InputError, match=r"got another \(ffffffffffffffff\)"):
        anymask.predict(model, image, [Prompt(text="cat")], text_encoder=other)


@pytest.mark.parametrize("text", ["", "  ", 5])
def test_an_empty_text_is_refused(text: object) -> None:
    with pytest.raises(PromptError, match="text must be a non-empty string"):
        Prompt(text=text)  # type: ignore[arg-type]


def test_a_saved_model_keeps_its_text_and_others_say_nothing_of_it(model: Sam, tmp_path: Path) -> None:
    again = anymask.load(save(model, tmp_path / "text.safetensors"), device="cpu", dtype="float32")
    assert again.config == model.config
    assert "text" not in DEBUG.to_dict()
    assert not any("text" in name for name in build(DEBUG).state_dict())
