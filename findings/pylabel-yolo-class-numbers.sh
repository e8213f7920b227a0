#!/usr/bin/env bash
# pylabel 0.1.55: ExportToYoloV5 writes class numbers that its own dataset.yaml does not have.
# The text files keep COCO's category ids (1-based, with gaps), while dataset.yaml counts the names from 0. Expected: numbers
# from 0 to nc - 1, as YOLO needs, or the ids in the yaml file as well; cat_id_index=0 has to be given. With ids 1 to n
# every class gets the next one's name, and the last one none.
# Guessed before running: text files and yaml file agree. Result: missed.
# Seen: categories 1 cat and 2 dog: the cat's line starts with 1, which dataset.yaml calls dog; the dog's with 2 of 2 names.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pylabel==0.1.55 pandas==2.3.3 numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93 pyyaml==6.0.4
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
from importlib.metadata import version
from pathlib import Path

import yaml
from PIL import Image
from pylabel import importer

Path("images").mkdir()
Image.new("RGB", (80, 60)).save("images/a.jpg")
shapes = {"id": 1, "image_id": 1, "area": 200, "iscrowd": 0, "segmentation": [[10, 10, 30, 10, 30, 20, 10, 20]]}
annotations = [{**shapes, "id": n, "category_id": n, "bbox": [10, 10, 20, 10]} for n in (1, 2)]
categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
images = [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}]
Path("c.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def written(**options: int) -> tuple[list[int], object]:
    dataset = importer.ImportCoco("c.json", path_to_images="images")
    dataset.export.ExportToYoloV5("yolo/labels", **options)
    lines = Path("yolo/labels/a.txt").read_text().split("\n")
    return [int(line.split()[0]) for line in lines if line.strip()], yaml.safe_load(Path("yolo/dataset.yaml").read_text())["names"]


plain, from_zero = written(), written(cat_id_index=0)
print("pylabel", version("pylabel"), "numbers and names:", plain, "with cat_id_index=0:", from_zero)
assert from_zero == ([0, 1], ["cat", "dog"]), "cat_id_index has changed"
assert plain == ([1, 2], ["cat", "dog"]), "the behaviour has changed"
PY
