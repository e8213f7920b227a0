"""What other packages write of three masks, read; the version that wrote a file is in its name.

The masks: a rectangle with a hole, two rectangles, a disc. `benchmarks/round_trips.py` writes the files anew,
and says what the packages read of ours.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from anymask import formats
from anymask.geometry import rle
from anymask.images import write

PEERS = Path(__file__).parents[2] / "golden" / "peers"
SIZE = (60, 80)


def truth() -> np.ndarray:
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 5:30, 8:40] = True
    masks[0, 12:20, 15:25] = False
    masks[1, 35:50, 10:20] = masks[1, 40:55, 40:60] = True
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    masks[2] = np.hypot(x - 60, y - 20) < 12
    return masks


@pytest.mark.parametrize(
    ("name", "crowds"),
    [
        ("labelstudio_sdk_2.1.2.json", None),
        ("datumaro_1.13.12_coco.json", [True] * 3),
        ("datumaro_1.13.12_cvat.xml", None),
    ],
)
def test_masks_are_exact(name, crowds) -> None:
    (record,) = formats.read(PEERS / name)
    assert np.array_equal(record.masks.dense(), truth())
    assert (record.left_out, record.meta.get("crowds"), record.ignore) == ({}, crowds, None)


def test_supervision_draws_polygons_through_the_middles_of_pixels(tmp_path) -> None:
    (record,) = formats.read(PEERS / "supervision_0.31.2_coco.json")
    ious = [rle.iou([a], [rle.encode(b)])[0, 0] for a, b in zip(record.masks.rles, truth(), strict=True)]
    assert ious[:2] == [1, 1], "with a hole or parts it writes run lengths, marked as crowds"
    assert ious[2] > 0.85
    document = json.loads((PEERS / "supervision_0.31.2_coco.json").read_text())
    (polygons,) = [one for one in document["annotations"] if not one["iscrowd"]]
    (of_pycocotools,) = coco_masks.frPyObjects(polygons["segmentation"], *SIZE)
    assert of_pycocotools == rle.to_coco(record.masks.rles[2], SIZE) | {
        "counts": rle.to_string(record.masks.rles[2]).encode()
    }
    (tmp_path / "labels").mkdir()
    shutil.copy(PEERS / "supervision_0.31.2_yolo.txt", tmp_path / "labels" / "a.txt")
    write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / "a.png")
    (record,) = formats.read(tmp_path)
    assert (len(record.masks), record.left_out) == (4, {}), "each part is a line of its own"
    joined = rle.union(record.masks.rles, SIZE)
    assert rle.iou([joined], [rle.encode(truth().any(axis=0))])[0, 0] > 0.85
