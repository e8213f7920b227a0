"""Kept embeddings: computed once, the same from memory and disk, and a decoder that learns on them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from anymask.data.mixture import Mixture
from anymask.data.transforms.augment import Augment
from anymask.models.config import DEBUG
from anymask.models.sam import Sam
from anymask.train.embeddings import Embeddings
from anymask.train.losses import LossWeights
from anymask.train.sam import ClickTask, Rounds


@pytest.fixture
def task(make_task, tmp_path) -> ClickTask:
    data = make_task(count=3).mixture.datasets
    torch.manual_seed(0)
    model = Sam(DEBUG)
    model.image_encoder.requires_grad_(False)
    augment = Augment(size=64, most=3, min_area=16)
    weights = LossWeights(focal=0.0, bce=5.0)
    return ClickTask(
        model, Mixture(data, seed=0), augment, Rounds(1, 0), weights, embeddings=Embeddings(tmp_path / "kept")
    )


def test_images_come_unchanged_or_mirrored(task) -> None:
    seen: dict[int, torch.Tensor] = {}
    for i in range(30):
        item = task.item(i)
        first = seen.setdefault(int(item.key_B), item.image_BSS3)
        assert torch.equal(first, item.image_BSS3)
    assert sorted(seen) == [0, 1, 2, 3, 4, 5]
    assert torch.equal(seen[0].flip(2), seen[1])


def test_embeddings_are_those_of_the_encoder(task) -> None:
    batch = task.collate([task.item(i) for i in range(4)])
    features, skips = task.embeddings.of(task.model, batch)
    with torch.no_grad():
        expected, expected_skips = task.model.encode(task.model.normalise(batch.image_BSS3))
    torch.testing.assert_close(features, expected, rtol=2e-3, atol=2e-3)
    for skip, other in zip(skips, expected_skips, strict=True):
        torch.testing.assert_close(skip, other, rtol=2e-3, atol=2e-3)


def test_an_image_that_was_replaced_between_two_runs_is_encoded_again(task, tmp_path) -> None:
    batch = task.collate([task.item(0)])
    kept, again = (Embeddings(tmp_path / "run", most_bytes=0) for _ in range(2))
    before, _ = kept.of(task.model, batch)
    assert torch.equal(again.of(task.model, batch)[0], before)
    replaced = replace(batch, image_BSS3=255 - batch.image_BSS3)
    assert not torch.equal(again.of(task.model, replaced)[0], before)


def test_embeddings_under_autocast(task) -> None:
    batch = task.collate([task.item(0), task.item(1)])
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(2):  # made, then found
            features, _ = task.embeddings.of(task.model, batch)
            assert features.dtype == torch.float32


def test_each_image_is_encoded_once(task, monkeypatch) -> None:
    calls = []
    encode = Sam.encode
    monkeypatch.setattr(Sam, "encode", lambda self, images: calls.append(1) or encode(self, images))
    batch = task.collate([task.item(i) for i in range(20)])
    for _ in range(2):
        task.embeddings.of(task.model, batch)
    assert len(calls) == len(batch.key_B.unique())


def test_memory_and_disk_give_the_same(task, tmp_path) -> None:
    batch = task.collate([task.item(i) for i in range(6)])
    held = task.embeddings.of(task.model, batch)
    on_disk = Embeddings(tmp_path / "disk", most_bytes=0)
    for again in (on_disk, on_disk, Embeddings(tmp_path / "disk", most_bytes=0)):
        found = again.of(task.model, batch)
        assert all(torch.equal(a, b) for a, b in zip((held[0], *held[1]), (found[0], *found[1]), strict=True))
    assert len(list((tmp_path / "disk").iterdir())) == len(batch.key_B.unique())
    assert not (tmp_path / "kept").exists()
    assert not task.embeddings.memory.keys() - set(batch.key_B.tolist())


def test_a_step_moves_the_decoder_alone(task) -> None:
    batch = task.collate([task.item(i) for i in range(3)])
    task.step(batch, torch.Generator().manual_seed(0), 1.0)
    had = {name.split(".")[0] for name, p in task.model.named_parameters() if p.grad is not None}
    assert had >= {"prompt_encoder", "mask_decoder"}
    assert "image_encoder" not in had


def test_keys_tell_data_sets_apart(make_task, task) -> None:
    base = make_task(count=3).mixture.datasets[0]
    other = make_task(count=3).mixture.datasets[0]
    other.name = "other"
    task.mixture = Mixture([base, other], seed=0)
    task.augment = replace(task.augment, flip=0.0)
    keys = {(task.mixture[i].dataset, task.mixture[i].index): int(task.item(i).key_B) for i in range(40)}
    assert len(set(keys.values())) == len(keys) == 6
