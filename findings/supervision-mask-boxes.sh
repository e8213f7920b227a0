#!/usr/bin/env bash
# supervision 0.31.2: boxes of masks are one pixel short, and as_coco writes them beside the right area.
# mask_to_xyxy gives the last pixel inside as the right and lower side, while every other part (COCO's width, box_area,
# IoU) takes sides as edges. Expected: pycocotools' toBbox of the same mask, (50, 2, 10, 6).
# Guessed before running: width and height are one less in the COCO file. Result: as guessed.
# Seen: bbox (50, 2, 9, 5) with area 60; a line of 35 x 1 pixels gets a box of height 0, which can match nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check supervision==0.31.2 pycocotools==2.0.11
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
import warnings
from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image
from pycocotools import mask as coco_mask

warnings.simplefilter("ignore")
Path("images").mkdir()
Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save("images/a.png")
masks = np.zeros((2, 64, 64), bool)
masks[0, 2:8, 50:60] = True
masks[1, 30, 5:40] = True
found = sv.Detections(xyxy=sv.mask_to_xyxy(masks).astype(float), mask=masks, class_id=np.zeros(2, int))
sv.DetectionDataset(["thing"], ["images/a.png"], {"images/a.png": found}).as_coco(annotations_path="out.json")
written = [(a["bbox"], a["area"]) for a in json.loads(Path("out.json").read_text())["annotations"]]
right = [coco_mask.toBbox(coco_mask.encode(np.asfortranarray(mask, np.uint8))).tolist() for mask in masks]
print("supervision", sv.__version__, "bbox and area written:", written, "pycocotools:", right)
assert right == [[50, 2, 10, 6], [5, 30, 35, 1]] and [area for _, area in written] == [60, 35], "the masks have changed"
assert [box for box, _ in written] == [[50, 2, 9, 5], [5, 30, 34, 0]], "the behaviour has changed"
PY
