#!/usr/bin/env bash
# label-studio-sdk 2.1.2 and pycocotools 2.0.11: a perfect result gets AP 0 on a COCO file exported by Label Studio.
# The export numbers annotations from 0. COCOeval keeps the id of the matched object per detection and reads 0 as
# "no match", so the first object of the file always counts as missed and its detection as false. Expected: AP 1.
# Each tool's behaviour is harmless alone. Guessed before running: the object with id 0 costs recall. Result: as guessed.
# Seen: one object, the same box as the detection: AP 0.0; with ids from 1: AP 1.0. No warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check label-studio-sdk==2.1.2 pycocotools==2.0.11
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import contextlib
import io
import json
from pathlib import Path

from label_studio_sdk.converter import Converter
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

config = """<View><Image name="image" value="$image"/>
<PolygonLabels name="shape" toName="image"><Label value="cat"/></PolygonLabels></View>"""
value = {"points": [[10, 10], [60, 10], [60, 50], [10, 50]], "polygonlabels": ["cat"]}
region = {"id": "r", "type": "polygonlabels", "from_name": "shape", "to_name": "image",
          "original_width": 200, "original_height": 100, "value": value}
task = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"id": 1, "completed_by": 1, "result": [region]}]}
Path("tasks.json").write_text(json.dumps([task]))
Converter(config, ".", download_resources=False).convert_to_coco("tasks.json", "out", is_dir=False)
exported = json.loads(Path("out/result.json").read_text())


def perfect_score(first_id: int) -> float:
    data = json.loads(json.dumps(exported))
    for number, annotation in enumerate(data["annotations"]):
        annotation["id"] = first_id + number
    Path("gt.json").write_text(json.dumps(data))
    truth = COCO("gt.json")
    results = [{k: a[k] for k in ("image_id", "category_id", "bbox")} | {"score": 0.9} for a in data["annotations"]]
    evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.summarize()
    return float(evaluation.stats[0])


ids = [annotation["id"] for annotation in exported["annotations"]]
scores = perfect_score(ids[0]), perfect_score(1)
print("exported ids:", ids, "AP of a perfect result:", scores[0], "with ids from 1:", round(scores[1], 6))
assert ids == [0] and scores[1] > 0.999, "the export or the evaluation has changed"
assert scores[0] == 0.0, "the behaviour has changed"
PY
