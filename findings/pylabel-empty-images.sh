#!/usr/bin/env bash
# pylabel 0.1.55: for every image without annotations, ExportToCoco writes the last annotation of another image once more.
# The copies have the same id and image_id as the first. Expected: as many annotations as went in; images without objects
# are usual in COCO. Each copy is one more object that no prediction can match.
# Guessed before running: empty images stay empty. Result: missed; found in a round trip of three objects.
# Seen: one annotation in the first of three images becomes three annotations of that image, all with id 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pylabel==0.1.55 pandas==2.3.3 numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
from importlib.metadata import version
from pathlib import Path

from PIL import Image
from pylabel import importer

folder = Path("images")
folder.mkdir()


def back(names: list[str]) -> list[tuple[int, int]]:
    """Pairs of image_id and id after reading and writing; the first image alone has an object."""
    for name in names:
        Image.new("RGB", (80, 60)).save(folder / name)
    images = [{"id": n, "file_name": name, "width": 80, "height": 60} for n, name in enumerate(names, 1)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 10], "area": 200, "iscrowd": 0}
    box["segmentation"] = [[10, 10, 30, 10, 30, 20, 10, 20]]
    record = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "cat"}]}
    Path("before.json").write_text(json.dumps(record))
    dataset = importer.ImportCoco("before.json", path_to_images="images")
    dataset.export.ExportToCoco("after.json", cat_id_index=None)
    annotations = json.loads(Path("after.json").read_text())["annotations"]
    return [(annotation["image_id"], annotation["id"]) for annotation in annotations]


one, three = back(["a.jpg"]), back(["a.jpg", "b.jpg", "c.jpg"])
print("pylabel", version("pylabel"), "image_id and id for one image:", one, "with two empty images:", three)
assert len(one) == 1, "one image has changed"
assert len(three) == 3 and len(set(three)) == 1, "the behaviour has changed"
PY
