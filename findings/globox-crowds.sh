#!/usr/bin/env bash
# globox 2.9.0: its COCO evaluation counts crowds as ordinary objects, so a perfect result on a file with crowds fails.
# Reading a COCO file drops iscrowd. In pycocotools a detection inside a crowd is neither right nor wrong, and the crowd
# itself cannot be missed; with globox every such detection is false and every crowd is missed.
# Expected: the AP of pycocotools, as for files without crowds.
# Guessed before running: crowds are counted. Result: as guessed; they are also written back with iscrowd 0.
# Seen: one object found exactly, one detection inside a crowd: AP 1.0 by pycocotools, 0.25 by globox. No warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check globox==2.9.0 pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import contextlib
import io
import json
from importlib.metadata import version

from globox import AnnotationSet, COCOEvaluator
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

common = {"image_id": 1, "category_id": 1}
objects = [
    common | {"id": 1, "iscrowd": 0, "area": 400, "bbox": [10, 10, 20, 20], "segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]]},
    common | {"id": 2, "iscrowd": 1, "area": 0, "bbox": [60, 20, 60, 40], "segmentation": {"size": [100, 200], "counts": [20000]}},
]
results = [common | {"score": 0.9, "bbox": [62, 22, 20, 20]}, common | {"score": 0.8, "bbox": [10, 10, 20, 20]}]
data = {
    "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}],
    "categories": [{"id": 1, "name": "thing"}],
    "annotations": objects,
}
for name, content in (("objects.json", data), ("results.json", results)):
    with open(name, "w") as file:
        json.dump(content, file)
truth = AnnotationSet.from_coco("objects.json")
found = {"globox": COCOEvaluator(ground_truths=truth, predictions=truth.from_results("results.json")).ap()}
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO("objects.json")
    evaluation = COCOeval(coco, coco.loadRes("results.json"), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
found["pycocotools"] = evaluation.stats[0]
found = {name: round(float(value), 2) for name, value in found.items()}
print("globox", version("globox"), "AP:", found)
assert found["pycocotools"] == 1.0, "pycocotools has changed"
assert found["globox"] == 0.25, "the behaviour has changed"
PY
