#!/usr/bin/env bash
# label-studio-sdk 2.1.2: its COCO, YOLO and YOLO-OBB exports put the same rotated rectangle in three different places.
# A rectangle of 100 x 10 pixels at (500, 0), turned by 90 degrees about that corner, in an image of 1000 x 100, covers
# x 490 to 500, y 0 to 100. OBB says so. COCO turns it in per cent of width and height, as if the image were square;
# YOLO drops the angle. Expected: the bounding box of what was drawn, for both.
# Guessed before running: COCO is wrong if the image is not square. Result: as guessed; YOLO was not guessed.
# Seen: COCO [400, 0, 100, 10], YOLO [500, 0, 100, 10]; the first covers a tenth of the region, the second nothing. No warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check label-studio-sdk==2.1.2
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import json
from pathlib import Path

from label_studio_sdk.converter import Converter

width, height = 1000, 100
config = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="cat"/></RectangleLabels></View>"""
value = {"x": 50, "y": 0, "width": 10, "height": 10, "rotation": 90, "rectanglelabels": ["cat"]}
region = {"id": "r", "type": "rectanglelabels", "from_name": "box", "to_name": "image",
          "original_width": width, "original_height": height, "value": value}
task = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"id": 1, "completed_by": 1, "result": [region]}]}
Path("tasks.json").write_text(json.dumps([task]))
converter = Converter(config, ".", download_resources=False)
converter.convert_to_coco("tasks.json", "coco", is_dir=False)
converter.convert_to_yolo("tasks.json", "yolo", is_dir=False)
converter.convert_to_yolo("tasks.json", "obb", is_dir=False, is_obb=True)
coco = [round(v) for v in json.loads(Path("coco/result.json").read_text())["annotations"][0]["bbox"]]


def values(folder: str) -> list[float]:
    return [float(word) for word in next(Path(folder, "labels").glob("*.txt")).read_text().split()[1:]]


x, y, w, h = values("yolo")
yolo = [round((x - w / 2) * width), round((y - h / 2) * height), round(w * width), round(h * height)]
corners = values("obb")
xs, ys = [v * width for v in corners[::2]], [v * height for v in corners[1::2]]
obb = [round(min(xs)), round(min(ys)), round(max(xs) - min(xs)), round(max(ys) - min(ys))]
print("x, y, width, height | OBB:", obb, "COCO:", coco, "YOLO:", yolo)
assert obb == [490, 0, 10, 100], "the OBB export has changed"
assert coco == [400, 0, 100, 10] and yolo == [500, 0, 100, 10], "the behaviour has changed"
PY
