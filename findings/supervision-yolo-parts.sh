#!/usr/bin/env bash
# supervision 0.31.2: an object of two parts becomes two objects in the YOLO and Pascal VOC files it writes.
# A cup behind a pole has two visible parts and is one object in memory and in COCO. Expected: one line (parts joined
# by a cut), or a message that the number of objects changes.
# Guessed before running: the second part is dropped. Result: missed; it is written as an object of its own.
# Seen: 1 object before, 2 after as_yolo and from_yolo, 2 after as_pascal_voc and from_pascal_voc; no warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check supervision==0.31.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import warnings
from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image

Path("images").mkdir()
Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save("images/a.png")
mask = np.zeros((1, 64, 64), bool)
mask[0, 10:40, 10:20] = mask[0, 10:40, 30:50] = True
found = sv.Detections(xyxy=np.array([[10.0, 10.0, 50.0, 40.0]]), mask=mask, class_id=np.array([0]))
data = sv.DetectionDataset(["cup"], ["images/a.png"], {"images/a.png": found})
with warnings.catch_warnings():
    warnings.simplefilter("error", UserWarning)
    data.as_yolo(annotations_directory_path="yolo", data_yaml_path="data.yaml")
    data.as_pascal_voc(annotations_directory_path="voc")
yolo = sv.DetectionDataset.from_yolo("images", "yolo", "data.yaml", force_masks=True)
voc = sv.DetectionDataset.from_pascal_voc("images", "voc", force_masks=True)
numbers = [sum(len(one) for one in back.annotations.values()) for back in (data, yolo, voc)]
print("supervision", sv.__version__, "objects in memory, after YOLO, after VOC:", numbers)
assert numbers == [1, 2, 2], "the behaviour has changed"
PY
