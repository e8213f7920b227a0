#!/usr/bin/env bash
# datumaro 1.13.12: two images with the same id in two subsets (train/a, val/a, as CVAT and COCO allow) are exported with
# save_media to one file in the formats "cvat" and "voc_segmentation"; the second replaces the first, without a word.
# Expected: two image files, as in the format "coco", which has a folder for each subset. Guessed before running: the
# formats with one folder of images number the second file or raise an error. Result: neither; one file is left, and
# annotations of both subsets point to it. Which one differs between runs of the same script.
# Seen: coco 2 files; cvat 1 and voc_segmentation 1, in four of five runs with the pixels of val, in one with those of train.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check datumaro==1.13.12 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
from pathlib import Path

import datumaro as dm
import numpy as np
from datumaro.components.annotation import Bbox
from PIL import Image

grey = {"train": 50, "val": 200}
items = [
    dm.DatasetItem(
        "a",
        subset=name,
        media=dm.Image.from_numpy(np.full((32, 32, 3), value, np.uint8)),
        annotations=[Bbox(2, 3, 10, 10, label=0)],
    )
    for name, value in grey.items()
]
found = {}
for form in ("coco", "cvat", "voc_segmentation"):
    data = dm.Dataset.from_iterable(items, categories=["thing"])
    data.export(form, form, save_media=True, image_ext=".png")
    images = sorted(Path(form).rglob("a.png"))
    if form == "voc_segmentation":
        images = [one for one in images if one.parent.name == "JPEGImages"]
    found[form] = [int(np.asarray(Image.open(one))[0, 0, 0]) for one in images]
print("datumaro", dm.__version__, found)
assert sorted(found["coco"]) == [50, 200], "the behaviour has changed"
assert [len(found[form]) for form in ("cvat", "voc_segmentation")] == [1, 1], "the behaviour has changed"
PY
