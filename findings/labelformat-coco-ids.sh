#!/usr/bin/env bash
# labelformat 0.1.17: the COCO files it writes cannot be read by pycocotools, because annotations have no "id" and no "area".
# Both are in every annotation of COCO's format. Expected: a file in, the same file out (COCO to COCO, which changes nothing
# else), or at least one that the reference reader opens. An id of its own per object is also what results refer to.
# Guessed before running: ids are numbered anew. Result: missed; they are gone. The conversion ends with "Done!".
# Seen: the keys bbox, category_id, image_id, iscrowd and segmentation; COCO("file.json") then raises KeyError: 'id'.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check labelformat==0.1.17 pycocotools==2.0.11 pillow==12.3.0 numpy==2.4.6
cd "$work"
cat > before.json <<'JSON'
{"images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}],
 "categories": [{"id": 1, "name": "thing"}],
 "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 400, "bbox": [100, 10, 20, 20],
                  "segmentation": [[100, 10, 120, 10, 120, 30, 100, 30]]}]}
JSON
"$work/venv/bin/labelformat" convert --task instance-segmentation --input-format coco --input-file before.json \
  --output-format coco --output-file after.json
"$work/venv/bin/python" - <<'PY'
import json
from importlib.metadata import version

from pycocotools.coco import COCO

COCO("before.json")
with open("after.json") as file:
    keys = sorted(json.load(file)["annotations"][0])
try:
    COCO("after.json")
    answer = "read"
except KeyError as error:
    answer = f"KeyError: {error}"
print("labelformat", version("labelformat"), "keys of an annotation:", keys, "pycocotools:", answer)
assert keys == ["bbox", "category_id", "image_id", "iscrowd", "segmentation"], "the behaviour has changed"
assert answer == "KeyError: 'id'", "the behaviour has changed"
PY
