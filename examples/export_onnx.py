"""Segment a photo without torch: exported ONNX files, NumPy, Pillow and onnxruntime.

python examples/export_onnx.py [PHOTO] [--point X,Y] [--files FOLDER] [-o FOLDER]

`--files` is a folder written by `anymask export compact -o FOLDER`; without it the export runs first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

PHOTO = Path(__file__).parents[1] / "src" / "anymask" / "images" / "photos" / "cat.jpg"


def main(photo: Path, point: tuple[float, float], files: Path, folder: Path) -> None:
    """Segment `photo` at `point` (x, y)."""
    manifest = json.loads((files / "model.json").read_text("utf-8"))
    encoder, decoder = (
        onnxruntime.InferenceSession(str(files / next(iter(manifest["files"][part].values()))["file"]))
        for part in ("encoder", "decoder")
    )
    image = Image.open(photo).convert("RGB")
    scale = manifest["frame"]["size"] / max(image.size)
    width, height = (max(1, int(side * scale + 0.5)) for side in image.size)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))

    maps = [output.name for output in encoder.get_outputs()]
    encoded = dict(zip(maps, encoder.run(None, {"image": resized}), strict=True))
    grid = tuple(4 * side for side in encoded["features"].shape[2:])
    x, y = point[0] * width / image.width + 0.5, point[1] * height / image.height + 0.5
    logits, iou = decoder.run(
        None,
        {
            **encoded,
            "points": np.array([[[x, y], [0, 0]]], np.float32),
            "labels": np.array([[1, -1]]),  # one click; points without a box end with -1
            "mask": np.zeros((1, 1, *grid), np.float32),
            "has_mask": np.zeros(1, bool),
        },
    )

    areas = [(logits[0, 1:] > bound).sum((1, 2)) for bound in (1, -1)]
    best = 1 + int((iou[0, 1:] * areas[0] / np.maximum(areas[1], 1)).argmax())
    content = Image.fromarray(logits[0, best]).resize(image.size, box=(0, 0, width / 4, height / 4))
    mask = np.asarray(content) > 0
    print(f"predicted IoU {iou[0, best]:.2f}, {mask.mean():.1%} of the photo")
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(folder / "mask.png")
    print(f"wrote {folder / 'mask.png'}")


def exported(folder: Path) -> Path:
    """The folder with the exported compact model; exports it first if needed."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = ["export", "compact", "-o", str(folder), "--precision", "float32"]
        subprocess.run([sys.executable, "-m", "anymask", *command], check=True)
    return folder


def read_point(text: str) -> tuple[float, float]:
    """Read "X,Y"."""
    x, y = (float(part) for part in text.split(","))
    return x, y


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?", default=PHOTO)
    parser.add_argument("--point", type=read_point, default=(210, 180), help="x,y in pixels of the photo")
    parser.add_argument("--files", type=Path)
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    options = parser.parse_args()
    files = options.files or exported(options.folder / "compact-onnx")
    main(options.photo, options.point, files, options.folder)
