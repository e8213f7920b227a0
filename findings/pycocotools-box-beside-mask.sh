#!/usr/bin/env bash
# pycocotools 2.0.11: a "bbox" beside the mask in a result file changes AP small, medium and large of the masks.
# COCO.loadRes takes the area from the mask, unless the entry has a box too; then it takes the area of the box. The mask
# evaluation sorts detections into small, medium and large by that area, while objects go by the area of their mask.
# Expected: the same numbers for the same masks, since iouType "segm" does not look at boxes. Many exporters write both.
# Guessed before running: AP small changes for thin, slanting objects. Result: as guessed.
# Seen: a false slanting line of 240 pixels counts against AP small without its box (0.667), and not with it (1.0); the
# overall AP stays at 0.667.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import contextlib
import copy
import io
from importlib.metadata import version

import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

line, wrong, square = np.zeros((3, 200, 200), np.uint8)
for step in range(60):
    line[step : step + 4, step] = 1
    wrong[step : step + 4, 190 - step] = 1
square[100:120, 100:120] = 1


def entry(mask: np.ndarray, **more: object) -> dict[str, object]:
    run = masks.encode(np.asfortranarray(mask))
    return {"image_id": 1, "category_id": 1, "segmentation": {"size": run["size"], "counts": run["counts"].decode()}} | more


objects = [
    entry(mask, id=number, iscrowd=0, area=int(mask.sum()), bbox=masks.toBbox(entry(mask)["segmentation"]).tolist())
    for number, mask in enumerate((line, square), 1)
]
plain = [entry(wrong, score=0.95), entry(line, score=0.9), entry(square, score=0.8)]
boxed = [one | {"bbox": masks.toBbox(one["segmentation"]).tolist()} for one in plain]
found = {}
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "height": 200, "width": 200}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": objects,
    }
    truth.createIndex()
    for name, results in (("masks", plain), ("masks and boxes", boxed)):
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        found[name] = {"AP": round(float(evaluation.stats[0]), 3), "small": round(float(evaluation.stats[3]), 3)}
print("pycocotools", version("pycocotools"), found)
assert found["masks"] == {"AP": 0.667, "small": 0.667}, "the behaviour has changed"
assert found["masks and boxes"] == {"AP": 0.667, "small": 1.0}, "the behaviour has changed"
PY
