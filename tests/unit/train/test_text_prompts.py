"""Text prompts are learned from crops alone: scenes of coloured shapes, a tiny CLIP that knows the names."""

from __future__ import annotations

import gzip
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import anymask
from anymask import InputError, Masks, Prompt, Record
from anymask.data.dataset import Faults
from anymask.data.mixture import Mixture
from anymask.data.transforms.augment import Augment, plain
from anymask.models.checkpoints.load import build, load_clip, save
from anymask.models.clip import Clip
from anymask.models.clip_tokenizer import read_tokenizer
from anymask.models.config import CLIP_DEBUG, COMPACT_DEBUG, DEBUG
from anymask.models.sam import Sam, start_local
from anymask.train.build import make_task, open_model
from anymask.train.config import TrainConfig
from anymask.train.loop import Loop, fit
from anymask.train.losses import LossWeights
from anymask.train.optim import Optim
from anymask.train.sam import Rounds
from anymask.train.text_prompts import ObjectCrops, TextTask, object_crop, with_text

SIZE = 64
WIDE = replace(COMPACT_DEBUG, out_channels=64, skip_channels=(8, 16))
MODEL = replace(DEBUG, encoder=WIDE, dim=64)
"""Twice as wide as DEBUG, whose four channels before the last product cannot tell four colours apart."""
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 70, 230), "yellow": (230, 220, 50)}
VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"


def scene(rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray], list[str]]:
    """A disc or square in each of two colours on grey."""
    image = rng.integers(90, 120, (SIZE, SIZE, 3)).astype(np.uint8)
    names = [str(name) for name in rng.permutation(list(COLOURS))[:2]]
    quarters = rng.permutation(4)[:2]
    y, x = np.mgrid[:SIZE, :SIZE]
    masks = []
    for name, quarter in zip(names, quarters, strict=True):
        radius = rng.uniform(8, 13)
        cx, cy = (16 + 32 * side + rng.uniform(-2, 2) for side in divmod(int(quarter), 2))
        far = np.hypot(x - cx, y - cy) if rng.random() < 0.5 else np.maximum(abs(x - cx), abs(y - cy))
        masks.append(far <= radius)
        image[masks[-1]] = np.clip(np.array(COLOURS[name]) + rng.integers(-15, 15, 3), 0, 255)
    return image, masks, names


class Scenes:
    """A data set of scenes."""

    name, faults = "scenes", Faults()

    def __len__(self) -> int:
        return 500

    def __getitem__(self, index: int) -> Record:
        image, masks, _ = scene(np.random.default_rng(index))
        return Record(str(index), image, Masks.from_dense(np.stack(masks)))


def named_crops(rng: np.random.Generator, side: int) -> tuple[torch.Tensor, list[str]]:
    """A crop of each colour."""
    found: dict[str, np.ndarray] = {}
    while len(found) < len(COLOURS):
        image, masks, names = scene(rng)
        for mask, name in zip(masks, names, strict=True):
            zeroed, grow = bool(rng.random() < 0.5), float(rng.uniform(1, 2))
            found[name] = object_crop(image, mask, grow, side, zeroed=zeroed)[0]
    return torch.from_numpy(np.stack(list(found.values()))), list(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    """A tiny CLIP that has learned the names of colours from crops, as CLIP learns from captions."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / VOCABULARY).write_bytes(gzip.compress(b"#version: 0.2\n"))
    tokenizer = read_tokenizer(folder, CLIP_DEBUG.vocabulary, CLIP_DEBUG.context)
    torch.manual_seed(0)
    clip, rng = build(CLIP_DEBUG), np.random.default_rng(0)
    adam = torch.optim.AdamW(clip.parameters(), lr=2e-3)
    for _ in range(45):
        crops, names = named_crops(rng, CLIP_DEBUG.image_size)
        images = F.normalize(clip.encode_images(clip.normalise(crops)))
        texts = F.normalize(clip.encode_texts(torch.from_numpy(tokenizer(names))))
        logits = 10 * images @ texts.T
        right = torch.arange(len(names))
        loss = F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)
        adam.zero_grad()
        (loss + (1 - (images * texts).sum(1)).mean()).backward()
        adam.step()
    save(clip, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return load_clip(folder)


def make(clip: Clip, **rounds: Any) -> TextTask:
    torch.manual_seed(0)
    model = build(MODEL)
    start_local(model)
    return TextTask(
        clip,
        ObjectCrops(),
        with_text(model, clip),
        Mixture([Scenes()], [1.0], seed=0),
        plain(Augment(size=SIZE, most=2)),
        Rounds(**{"clicks": 0, "idle": 0, **rounds}),
        LossWeights(focal=0.0, dice=5.0, bce=5.0),
    )


def overlaps(model: Sam, encoder: Any) -> tuple[float, float, float]:
    """Mean IoU over unseen scenes: by the name of an object, by that of the other one, and of both together.

    The last is what an answer without a name can reach.
    """
    values = []
    for number in range(20):
        image, masks, names = scene(np.random.default_rng(10_000 + number))
        prompts = [Prompt(text=name) for name in names]
        found = anymask.predict(model, image, prompts, multimask=False, text_encoder=encoder).dense()
        answers = found, found[::-1], [masks[0] | masks[1]] * 2
        values.append([np.mean([iou(*pair) for pair in zip(some, masks, strict=True)]) for some in answers])
    right, wrong, both = np.mean(values, axis=0)
    return right, wrong, both


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.slow
def test_names_find_objects_after_training_on_crops_alone(clip: Clip, folder: Path, tmp_path: Path) -> None:
    """Embeddings of images in training, of texts in prediction, as in appendix D.5.

    For 300 steps the answer to every embedding is both objects; then the model begins to choose.
    """
    loop = Loop(steps=400, batch=4, workers=0, precision="float32", every_log=25, every_save=0, device="cpu")
    lines: list[dict[str, float]] = []
    optim = Optim(lr=2e-3, warmup=10, layer_decay=1.0, schedule="constant")
    fit(make(clip), loop, optim, tmp_path, lines.append)
    assert lines[0]["iou_text_0"] < 0.2
    assert lines[-1]["iou_text_0"] > 0.6
    model = anymask.load_sam(tmp_path, runtime="torch", device="cpu", dtype="float32")
    right, wrong, both = overlaps(model, anymask.load_text_encoder(folder, device="cpu", dtype="float32"))
    assert right > both + 0.1
    assert wrong < both - 0.1


def test_a_crop_is_square_centred_and_black_beyond_the_image() -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    mask = np.zeros((20, 30), np.bool_)
    mask[0:4, 10:18] = True
    crop, cover = object_crop(image, mask, 2.0, 32, zeroed=False)
    assert crop.shape == (32, 32, 3)
    rows = crop[:, 16, 0]
    assert (rows[:10] == 0).all()  # 16 pixels around row 2: six of them lie above the image
    assert (rows[14:] == 200).all()
    assert cover.sum() / 4 == pytest.approx(mask.sum(), rel=0.2)
    assert abs(np.average(np.arange(32), weights=cover.sum(0)) - 15.5) < 0.6


def test_a_zeroed_crop_shows_the_object_alone() -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    mask = np.zeros((20, 30), np.bool_)
    mask[5:15, 10:12] = True
    crop, cover = object_crop(image, mask, 1.0, 10, zeroed=True)
    assert (crop[cover == 0] == 0).all()
    assert (crop[cover == 1] == 200).all()
    assert (cover == 1).sum() == 20


def test_the_items_are_the_same_in_a_worker_and_hold_a_crop_of_each_object(clip: Clip) -> None:
    task = make(clip, repeat=2)
    there = pickle.loads(pickle.dumps(task))
    assert there.clip is None
    one, again = task.item(3), there.item(3)
    assert len(one.crop_NSS3) == len(one.index_N) == 4
    assert one.inside_Nhw.shape == (4, 4, 4)
    assert one.inside_Nhw.flatten(1).any(1).all()
    assert torch.equal(one.crop_NSS3, again.crop_NSS3)
    both = task.collate([one, again])
    assert torch.equal(both.inside_Nhw, torch.cat([one.inside_Nhw, again.inside_Nhw]))


def test_clicks_follow_a_text_with_the_tokens_of_prediction(clip: Clip) -> None:
    task = make(clip, clicks=2)
    seen: list[tuple[Any, Any]] = []
    decode = task.model.decode

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append((arguments[4][0].tolist(), options["texts_ND"].shape[1]))
        return decode(*arguments, **options)

    task.model.decode = watched  # type: ignore[method-assign]
    metrics = task.step(task.collate([task.item(0)]), torch.Generator().manual_seed(0), 1.0)
    assert [len(labels) for labels, _ in seen] == [1, 2, 3]
    assert all(labels[0] == -1 and -1 not in labels[1:] for labels, _ in seen)
    assert {width for _, width in seen} == {CLIP_DEBUG.embed}
    assert {"iou_text_0", "iou_text_2", "loss_2", "damaged"} <= metrics.keys()
    assert all(p.grad is None for p in clip.parameters())


def test_a_text_projection_is_added_once(clip: Clip) -> None:
    plain_model = build(DEBUG)
    model = with_text(plain_model, clip)
    assert with_text(model, clip) is model
    for name, tensor in plain_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    other = build(replace(CLIP_DEBUG, embed=8))
    changed = with_text(model, other)
    assert (changed.config.text, changed.config.text_encoder) == (8, other.fingerprint)


def test_the_settings_build_the_task(folder: Path, tmp_path: Path) -> None:
    config = TrainConfig(model="debug", size=SIZE, clip=str(folder))
    model = open_model(config)
    assert isinstance(model, Sam)
    assert model.config.text == CLIP_DEBUG.embed
    source = type("Source", (), {"train": Scenes(), "weight": 1.0})()
    assert isinstance(make_task(config, model, [source], tmp_path), TextTask)
    assert TrainConfig.from_dict(json.loads(config.to_json())) == config
    with pytest.raises(InputError, match="clip must be empty for an in-context model"):
        open_model(replace(config, model="context_debug"))


@pytest.mark.parametrize("values", [{"grow": (0.5, 2.0)}, {"grow": (2.0, 1.0)}, {"zeroed": 1.5}])
def test_impossible_crops_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="crops must have grow within 1 to 10"):
        ObjectCrops(**values)
