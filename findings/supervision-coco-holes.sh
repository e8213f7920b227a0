#!/usr/bin/env bash
# supervision 0.31.2: reading COCO run lengths of a mask with a hole and writing COCO again fills the hole.
# The mask is kept while in memory (force_masks=True); as_coco writes the outer ring alone as a polygon for iscrowd 0.
# Seen: IoU 0.79 between the mask in the first file and the mask in the second, no warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check supervision==0.31.2 pycocotools==2.0.11
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

ring = np.zeros((64, 64), np.uint8, order="F")
ring[8:56, 8:56] = 1
ring[22:42, 22:42] = 0
counts = coco_mask.encode(ring)
counts["counts"] = counts["counts"].decode()
Path("images").mkdir()
Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save("images/a.png")
annotation = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": counts,
              "area": int(ring.sum()), "bbox": [8, 8, 48, 48]}
Path("in.json").write_text(json.dumps({
    "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
    "annotations": [annotation], "categories": [{"id": 1, "name": "ring"}]}))

data = sv.DetectionDataset.from_coco("images", "in.json", force_masks=True)
held = next(iter(data.annotations.values())).mask[0]
data.as_coco(annotations_path="out.json")
api = COCO("out.json")
written = api.annToMask(next(iter(api.anns.values()))).astype(bool)
iou = float((written & held).sum() / (written | held).sum())
print("supervision", sv.__version__, "in memory exact:", bool((held == ring.astype(bool)).all()), "IoU after as_coco:", round(iou, 3))
assert (held == ring.astype(bool)).all(), "the mask in memory has changed"
assert 0.76 < iou < 0.82, "the behaviour has changed"
PY
