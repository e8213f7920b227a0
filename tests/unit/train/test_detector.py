"""The object detector: which cells learn what; a tiny one learns, resumes and is refused elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask.data.dataset import open_dataset
from anymask.data.transforms.augment import Augment, Sample, plain
from anymask.errors import InputError, WeightsError
from anymask.evaluate import detections
from anymask.models import build, load, save
from anymask.models.config import DEBUG, OBJECT_DEBUG
from anymask.models.detector import STRIDES, cell_centres
from anymask.models.loading import load_detector
from anymask.train import recipes
from anymask.train.config import TrainConfig
from anymask.train.detector import (
    DetectorLoss,
    Scenes,
    assign,
    detector_loss,
    generalised_iou,
    pairwise_iou,
    scene,
)
from anymask.train.loop import Loop
from anymask.train.optim import Optim
from anymask.types import Masks, Record

WEIGHTS = DetectorLoss(cells=3)


def boxes(*rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def test_cells_cover_the_image_at_each_stride() -> None:
    centres, strides = cell_centres((4, 6))
    assert [int((strides == stride).sum()) for stride in STRIDES] == [8 * 12, 4 * 6, 2 * 3]
    assert centres[0].tolist() == [4, 4]
    assert centres[-1].tolist() == [80, 48]


def test_ious_of_boxes() -> None:
    a, b = boxes((0, 0, 10, 10), (0, 0, 10, 10)), boxes((0, 0, 10, 5), (20, 0, 30, 10))
    assert pairwise_iou(a[:1], b).tolist() == [[0.5, 0.0]]
    generalised, iou = generalised_iou(a, b)
    assert iou.tolist() == [0.5, 0.0]
    assert generalised.tolist() == pytest.approx([0.5, -1 / 3])


def test_an_object_is_learned_by_the_cells_inside_that_fit_it_best() -> None:
    centres = torch.tensor([[5.0, 5], [8, 8], [12, 5], [50, 50]])
    truth = boxes((0, 0, 10, 10), (0, 0, 14, 10))
    given = boxes((0, 0, 10, 10), (0, 0, 10, 8), (0, 0, 14, 10), (0, 0, 10, 10))
    owner, target = assign(torch.full((4,), 0.5), given, truth, centres, WEIGHTS)
    assert owner.tolist() == [0, 0, 1, -1]
    assert target[0] == 1
    assert target[2] == 1
    assert 0 < target[1] < 0.8  # its IoU is 0.8, and it fits less well than the best
    assert target[3] == 0


def test_without_objects_no_cell_learns_one() -> None:
    owner, target = assign(
        torch.ones(2), boxes((0, 0, 1, 1), (0, 0, 2, 2)), boxes(), torch.ones(2, 2), WEIGHTS
    )
    assert owner.tolist() == [-1, -1]
    assert not target.any()


def test_unlabelled_cells_do_not_count_as_background() -> None:
    cells = len(cell_centres((2, 2))[0])
    image = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    given = torch.full((1, cells), 2.0), torch.zeros(1, cells, 4)
    losses = [
        detector_loss(*given, Scenes(image, [boxes()], torch.full((1, cells), ignored)), WEIGHTS)["loss"]
        for ignored in (False, True)
    ]
    assert losses[0].item() > 1
    assert losses[1].item() == 0


def sample(kinds) -> Sample:
    masks = np.zeros((len(kinds), 64, 64), np.bool_)
    for number, mask in enumerate(masks):
        mask[8:24, 4 * number : 4 * number + 20] = True
    return Sample(np.zeros((64, 64, 3), np.uint8), masks, np.zeros((64, 64), np.bool_), tuple(kinds))


@pytest.mark.parametrize(
    ("kinds", "count"),
    [(("instance", "semantic", "part"), 2), (("semantic", "semantic"), 2), (("semantic", "component"), 2)],
)
def test_class_masks_are_objects_only_where_nothing_else_is(kinds, count) -> None:
    given = sample(kinds)
    record = Record("a", given.image, Masks.from_dense(given.masks), meta={"kinds": list(kinds)})
    found = scene(given, record)
    assert len(found.boxes[0]) == count
    assert found.boxes[0][0].tolist() == [0, 8, 20, 24]
    assert found.ignore_BL.shape == (1, len(cell_centres((4, 4))[0]))


@pytest.fixture
def tiny_detector(tmp_path) -> TrainConfig:
    """A few steps of a tiny detector on a tiny encoder with random weights."""
    torch.manual_seed(0)
    folder = tmp_path / "encoder"
    folder.mkdir()
    save(build(DEBUG), folder / "model.safetensors")
    return TrainConfig(
        model="detector_debug",
        encoder=str(folder),
        size=64,
        val_images=4,
        augment=plain(Augment(most=20, min_area=16)),
        loop=Loop(steps=4, batch=4, workers=0, precision="float32", every_log=2, every_save=2, device="cpu"),
        optim=Optim(lr=1e-2, warmup=5, schedule="constant", layer_decay=1.0, weight_decay=0.0),
    )


def test_a_tiny_detector_learns(tiny_detector, write_data, tmp_path) -> None:
    data = write_data(train=2, val=2)
    config = replace(tiny_detector, loop=replace(tiny_detector.loop, steps=80, batch=2, every_save=0))
    recipes.run(config, [data], tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.6 * lines[0]["loss"]
    encoder = load(config.encoder, device="cpu", dtype="float32")
    new = build(replace(OBJECT_DEBUG, features=32, skip=8, encoder=encoder.fingerprint)).eval()
    records = {"sheets": open_dataset(data, split="train")}
    before, after = (detections.run(encoder, it, records) for it in (new, load_detector(tmp_path / "run")))
    assert before["mean"]["ap_50"] < 0.2
    assert after["mean"]["ap_50"] > 0.5
    assert after["sheets"] == after["mean"]
    assert after["mean"]["ap"] <= after["mean"]["ap_50"] <= after["mean"]["recall_50"]


def test_a_stopped_run_resumes_exactly(tiny_detector, write_data, tmp_path) -> None:
    data = write_data(val=2)
    config = replace(tiny_detector, loop=replace(tiny_detector.loop, every_validation=4))
    recipes.run(config, [data], tmp_path / "whole")
    recipes.run(replace(config, loop=replace(config.loop, steps=2)), [data], tmp_path / "halves")
    recipes.resume(tmp_path / "halves", ["loop.steps=4"])
    whole, halves = (load_detector(tmp_path / name).state_dict() for name in ("whole", "halves"))
    assert all(torch.equal(whole[name], halves[name]) for name in whole)
    last = json.loads((tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()[-1])
    assert {f"val_{name}" for name in detections.FIGURES} <= last.keys()
    with pytest.raises(WeightsError, match="must be of a model that gives masks, got a detector"):
        load(tmp_path / "whole")
    with pytest.raises(WeightsError, match="must be of an object detector"):
        load_detector(config.encoder)


def test_a_detector_of_another_encoder_is_refused(tiny_detector, write_data, tmp_path) -> None:
    data = write_data()
    recipes.run(tiny_detector, [data], tmp_path / "run")
    other = tmp_path / "other.safetensors"
    save(build(DEBUG), other)
    config = replace(tiny_detector, init=str(tmp_path / "run"), encoder=str(other))
    with pytest.raises(InputError, match="encoder must be the model whose features the detector"):
        recipes.run(config, [data], tmp_path / "again")
