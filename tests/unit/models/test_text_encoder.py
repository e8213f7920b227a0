"""Texts to unit vectors, from the files of a CLIP."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import anymask
from anymask.errors import InputError, WeightsError
from anymask.models.checkpoints.load import build, save
from anymask.models.config import CLIP_DEBUG

VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small CLIP with random weights, and its vocabulary of bytes."""
    torch.manual_seed(0)
    save(build(CLIP_DEBUG), tmp_path / "model.safetensors")
    (tmp_path / VOCABULARY).write_bytes(gzip.compress(b"#version: 0.2\n"))
    return tmp_path


def test_texts_become_unit_vectors_alone_and_together(folder: Path) -> None:
    encoder = anymask.load_text_encoder(folder, device="cpu", dtype="float32")
    together = encoder.encode_texts(["cat", "A  CAT", "red cup"])
    assert together.shape == (3, encoder.width) == (3, CLIP_DEBUG.embed)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    alone = np.concatenate([encoder.encode_texts([text]) for text in ("cat", "a cat", "red cup")])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert encoder.encode_texts([]).shape == (0, CLIP_DEBUG.embed)


def test_the_fingerprint_is_that_of_the_weights(folder: Path) -> None:
    one = anymask.load_text_encoder(folder / "model.safetensors", device="cpu")
    again = anymask.load_text_encoder(folder, folder / VOCABULARY, device="cpu", dtype="bfloat16")
    assert one.fingerprint == again.fingerprint
    other = build(replace(CLIP_DEBUG, text_heads=1))
    save(other, folder / "model.safetensors")
    assert anymask.load_text_encoder(folder, device="cpu").fingerprint != one.fingerprint


def test_what_is_no_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsError, match="must be a name or an existing path"):
        anymask.load_text_encoder(folder / "missing.pt")
    with pytest.raises(InputError, match="device must be"):
        anymask.load_text_encoder(folder, device="nowhere")
    (folder / VOCABULARY).unlink()
    with pytest.raises(WeightsError, match="must lie beside the weights"):
        anymask.load_text_encoder(folder)
