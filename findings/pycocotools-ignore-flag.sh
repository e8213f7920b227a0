#!/usr/bin/env bash
# pycocotools 2.0.11: "ignore": 1 on an object has no effect; it is overwritten with iscrowd in the next line.
# COCOeval reads the key, as other data sets use it (difficult objects of Pascal VOC, unclear ones of CrowdHuman), and the
# evaluation in MATLAB honours it. Expected: an object marked so neither counts as missed nor is a hit on it an error.
# Guessed before running: the mark is lost. Result: as guessed; it also makes a file with "ignore" look well handled,
# because no key is refused or reported.
# Seen: one object found, one with ignore 1 not found: AP 0.505, as without the mark; 1.0 with iscrowd 1 in its place.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import contextlib
import io
from importlib.metadata import version

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def precision(**mark: int) -> float:
    box = {"image_id": 1, "category_id": 1}
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "height": 100, "width": 100}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [
            box | {"id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0},
            box | {"id": 2, "bbox": [60, 60, 20, 20], "area": 400, "iscrowd": 0} | mark,
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([box | {"bbox": [10, 10, 20, 20], "score": 0.9}]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(float(evaluation.stats[0]), 3)


found = {"no mark": precision(), "ignore": precision(ignore=1), "iscrowd": precision(iscrowd=1)}
print("pycocotools", version("pycocotools"), "AP:", found)
assert found == {"no mark": 0.505, "ignore": 0.505, "iscrowd": 1.0}, "the behaviour has changed"
PY
