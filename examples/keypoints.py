"""Keypoints by example: one synthetic figure with its joints is the example, those of another are painted.

python examples/keypoints.py [--model painter_vit_l] [-o FOLDER]

`context` is the quick default and was not trained on keypoints. Painter was; its weights are downloaded once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import anymask
from anymask.inference.in_context.keypoint_encoding import decode_keypoints, encode_keypoints, pck
from anymask.types.context import normalise, squash

SIZE_HW = (256, 192)
NAMES = ("head", "left hand", "right hand", "left foot", "right foot")
VISIBLE = np.ones(len(NAMES), np.bool_)
HIPS = (96, 150)


def figure(points_xy: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A stick figure with its joints at `points_xy` (5, 2): RGB (H, W, 3)."""
    image = np.full((*SIZE_HW, 3), 230, np.uint8)
    head, *ends = (tuple(map(int, point)) for point in points_xy)
    neck = (head[0], head[1] + 35)
    lines = [(neck, HIPS), *((neck, end) for end in ends[:2]), *((HIPS, end) for end in ends[2:])]
    for start, end in lines:
        cv2.line(image, start, end, (60, 60, 160), 9, cv2.LINE_AA)
    cv2.circle(image, head, 22, (210, 150, 110), -1, cv2.LINE_AA)
    return image


def main(model_name: str, folder: Path) -> None:
    """Paint the joints of a figure as the example shows, print what is found and write it to `folder`."""
    model = anymask.load_painter(model_name)
    size = model.config.size
    shown_xy = np.array([[96.5, 40.5], [40.5, 130.5], [152.5, 130.5], [60.5, 236.5], [132.5, 236.5]])
    query_xy = np.array([[96.5, 40.5], [36.5, 60.5], [160.5, 110.5], [50.5, 230.5], [140.5, 236.5]])
    target = encode_keypoints(shown_xy, VISIBLE, SIZE_HW)
    example = anymask.Context(
        normalise(squash(figure(shown_xy), size)), normalise(squash(target, size, nearest=True))
    )
    painted = anymask.paint(model, figure(query_xy), [example], kind="semantic")
    found_xy, scores = decode_keypoints(painted, len(NAMES))
    for name, (x, y), score in zip(NAMES, found_xy, scores, strict=True):
        print(f"{name:10} at ({x:.0f}, {y:.0f}), score {score:.2f}")
    print(f"PCK@0.2 {pck(found_xy, query_xy, VISIBLE, size=SIZE_HW[0]):.2f}")

    folder.mkdir(parents=True, exist_ok=True)
    for name, image in (("image.png", figure(query_xy)), ("keypoints.png", painted)):
        anymask.write_png(image, folder / name, force=True)
        print(f"wrote {folder / name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="context", help="context, painter_vit_l, seggpt_vit_l or a path")
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    options = parser.parse_args()
    main(options.model, options.folder)
