#!/usr/bin/env bash
# labelme2coco 0.2.6: an object of two polygons (one group_id in labelme) becomes two objects in COCO.
# labelme's group_id says which shapes make up one object, as of a cat behind a pole, and labelme's own converter joins them.
# Expected: one annotation with two polygons, or a message. Counts go up, every part is a target of its own in
# training, and no annotation says what was one.
# Guessed before running: one annotation per group. Result: missed.
# Seen: shapes of groups 1, 1 and 2 become three annotations with one polygon each.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check labelme2coco==0.2.6 sahi==0.12.8 numpy==2.4.6 pillow==13.0.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
from importlib.metadata import version
from pathlib import Path

import labelme2coco
from PIL import Image


def polygon(x: int, group: int) -> dict[str, object]:
    points = [[x, 10], [x + 10, 10], [x + 10, 30], [x, 30]]
    return {"label": "cat", "points": points, "group_id": group, "shape_type": "polygon", "flags": {}}


folder = Path("labels")
folder.mkdir()
Image.new("RGB", (80, 60)).save(folder / "a.jpg")
record = {"version": "5.5.0", "flags": {}, "imagePath": "a.jpg", "imageData": None, "imageHeight": 60, "imageWidth": 80}
shapes = [polygon(10, 1), polygon(25, 1), polygon(60, 2)]
(folder / "a.json").write_text(json.dumps({**record, "shapes": shapes}))
labelme2coco.convert(str(folder), "out")
annotations = json.loads(Path("out/dataset.json").read_text())["annotations"]
polygons = [len(annotation["segmentation"]) for annotation in annotations]
print("labelme2coco", version("labelme2coco"), "groups:", {s["group_id"] for s in shapes}, "polygons per annotation:", polygons)
assert not any(str(value) == "group_id" for annotation in annotations for value in annotation), "groups are kept now"
assert polygons == [1, 1, 1], "the behaviour has changed"
PY
