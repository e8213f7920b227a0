#!/usr/bin/env bash
# pycocotools 2.0.11: getCatIds(catNms="hot dog") also gives the id of "dog", because the name is searched for letters.
# All filters take one value or a list of values (catIds=1 or [1]); a single name is not put into a list, so every
# category whose name is part of it matches. Expected: the one category of that name.
# Guessed before running: "dog" is found in "hot dog". Result: as guessed. COCO's own 80 names have several such pairs:
# car in carrot, bear in teddy bear, dog in hot dog, and a lookup whose first element is taken gives the wrong class.
# Seen: "hot dog" gives 18 (dog) and 58, "carrot" 3 (car) and 57; in a list, ["hot dog"], 58 alone.
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

names = {3: "car", 18: "dog", 23: "bear", 57: "carrot", 58: "hot dog", 88: "teddy bear"}
data = COCO()
data.dataset = {
    "images": [],
    "annotations": [],
    "categories": [{"id": number, "name": name, "supercategory": "thing"} for number, name in names.items()],
}
with contextlib.redirect_stdout(io.StringIO()):
    data.createIndex()
found = {name: data.getCatIds(catNms=name) for name in names.values()}
print("pycocotools", version("pycocotools"), found)
assert all(data.getCatIds(catNms=[name]) == [number] for number, name in names.items()), "lists have changed"
assert data.getCatIds(catIds=18) == data.getCatIds(catIds=[18]) == [18], "single ids have changed"
assert found["hot dog"] == [18, 58] and found["carrot"] == [3, 57] and found["teddy bear"] == [23, 88], (
    "the behaviour has changed"
)
PY
