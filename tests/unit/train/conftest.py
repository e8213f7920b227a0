"""What the tests of training share: images of shapes in memory and on disk, a tiny model, a tiny run."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymask.data.dataset import Faults
from anymask.data.mixture import Mixture
from anymask.data.synthetic import shapes
from anymask.data.transforms.augment import Augment, plain
from anymask.geometry import rle
from anymask.images.write import encode_png
from anymask.models.config import DEBUG
from anymask.models.sam import Sam, start_local
from anymask.train.config import TrainConfig
from anymask.train.loop import Loop
from anymask.train.losses import LossWeights
from anymask.train.optim import Optim
from anymask.train.sam import ClickTask, Rounds
from anymask.types import Record

SIZE = 64


class Shapes:
    """A data set of synthetic images, the same each time."""

    def __init__(self, count: int, name: str = "shapes") -> None:
        self.name, self.count, self.faults = name, count, Faults()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Record:
        return shapes(np.random.default_rng(index), (SIZE, SIZE), 4)


def write_shard(path: Path, records: list[Record], broken: tuple[int, ...] = ()) -> None:
    """A tar of PNG and JSON pairs; the images numbered in `broken` are cut off."""
    with tarfile.open(path, "w") as tar:
        for number, record in enumerate(records):
            annotations = [
                {"id": i, "segmentation": rle.to_coco(runs, record.masks.size), "category": "shape"}
                for i, runs in enumerate(record.masks.rles)
            ]
            image = encode_png(record.read())
            if number in broken:
                image = image[: len(image) // 2]
            _add(tar, f"{number:04d}.png", image)
            h, w = record.masks.size
            head = {"image_id": number, "width": w, "height": h, "file_name": f"{number:04d}.png"}
            text = json.dumps({"image": head, "annotations": annotations})
            _add(tar, f"{number:04d}.json", text.encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


WriteData = Callable[..., Path]


@pytest.fixture
def write_data(tmp_path: Path) -> WriteData:
    """A function that writes a folder of shards: write_data(name, train=8, val=0, broken=())."""

    def write(name: str = "sheets", train: int = 8, val: int = 0, broken: tuple[int, ...] = ()) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        records = Shapes(train + val)
        if train:
            write_shard(folder / "train-000000.tar", [records[i] for i in range(train)], broken)
        if val:
            write_shard(folder / "val-000000.tar", [records[train + i] for i in range(val)])
        return folder

    return write


@pytest.fixture
def tiny() -> TrainConfig:
    """Four steps of the debug model on crops of 64 px."""
    return TrainConfig(
        model="debug",
        size=SIZE,
        val_images=2,
        val_masks=2,
        rounds=Rounds(clicks=1, idle=0, box=0.5),
        loss=LossWeights(focal=0.0, dice=1.0, bce=5.0, iou=1.0, other=0.5),
        augment=Augment(scale=(0.8, 1.25), most=3, min_area=16),
        loop=Loop(steps=4, batch=4, workers=0, precision="float32", every_log=2, every_save=2, device="cpu"),
        optim=Optim(lr=1e-3, warmup=2, schedule="constant", weight_decay=0.05),
    )


def click_task(
    clicks: int = 1, idle: int = 0, box: float = 0.5, count: int = 16, most: int = 3, flip: float = 0.5
) -> ClickTask:
    """A task on synthetic images with a tiny model, the same each time."""
    torch.manual_seed(0)
    model = Sam(DEBUG)
    start_local(model)
    augment = replace(plain(Augment(size=SIZE, most=most, min_area=16)), flip=flip)
    weights = LossWeights(focal=0.0, dice=2.0, bce=2.0, iou=1.0, other=0.25)
    return ClickTask(model, Mixture([Shapes(count)], seed=0), augment, Rounds(clicks, idle, box), weights)


@pytest.fixture
def make_task() -> Callable[..., ClickTask]:
    """`click_task`, for tests that cannot import it."""
    return click_task
