from __future__ import annotations

import numpy as np

from anymask.data.dataset import open_dataset
from anymask.data.summary import check, stats
from anymask.types import Masks, Record


def test_a_sound_set(shard, records):
    found = check(open_dataset(shard))
    assert found.sound
    assert (found.images, found.masks) == (6, sum(len(record.masks) for record in records))


def test_what_is_wrong_is_listed(tmp_path, records, pair, write_tar):
    empty, full = np.zeros((8, 8), bool), np.ones((8, 8), bool)
    odd = Record("odd", np.zeros((8, 8, 3), np.uint8), Masks.from_dense([full, empty, full]))
    files = pair("odd", odd) | pair("bad", records[0]) | {"bad.json": b"{"} | pair("good", records[1])
    found = check(open_dataset(write_tar(tmp_path / "odd.tar", files)))
    assert not found.sound
    assert found.images == 2
    text = [f"{item}: {problem}" for item, problem in found.problems]
    assert text[0].startswith("bad: item bad must be readable")
    assert text[1:] == ["odd: mask 1 is empty", "odd: masks 0 and 2 are the same"]


def test_a_thing_may_be_labelled_as_class_and_as_object(tmp_path, pair, write_tar):
    full = np.ones((8, 8), bool)
    meta = {"kinds": ["semantic", "instance"]}
    record = Record("a", np.zeros((8, 8, 3), np.uint8), Masks.from_dense([full, full]), meta=meta)
    assert check(open_dataset(write_tar(tmp_path / "two.tar", pair("a", record)))).sound


def test_counts(tmp_path, pair, write_tar):
    masks = np.zeros((4, 100, 100), bool)
    for mask, side in zip(masks, (4, 10, 20, 90), strict=True):
        mask[:side, :side] = True
    record = Record(
        "a",
        np.zeros((100, 100, 3), np.uint8),
        Masks.from_dense(masks),
        meta={"kinds": ["part", "part", "instance", "semantic"], "categories": ["x", "y", "y", ""]},
    )
    bare = Record("b", np.zeros((50, 80, 3), np.uint8), Masks((50, 80), ()))
    files = pair("a", record) | pair("b", bare) | {"c.jpg": b""}
    found = stats(open_dataset(write_tar(tmp_path / "set.tar", files)))
    assert (found.images, found.masks, found.without_masks, found.masks_per_image) == (2, 4, 1, 2.0)
    assert found.sizes == {"tiny": 1, "small": 1, "medium": 1, "large": 1}
    assert found.kinds == {"part": 2, "instance": 1, "semantic": 1}
    assert found.categories == {"y": 2, "x": 1}
    assert found.corrupt == 1
    assert found.longest_side == (80, 100)
