"""Depth by example: one synthetic room with its depth is the example, the depth of another room is painted.

python examples/depth.py [--model painter_vit_l] [-o FOLDER]

`context` is the quick default and was not trained on depth. Painter was; its weights are downloaded once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import anymask
from anymask.inference.in_context.depth_encoding import decode_depth, depth_scores, encode_depth
from anymask.inference.in_context.restoration_metrics import psnr
from anymask.types.context import normalise, squash

SIZE_HW = (240, 320)
NEAR, FAR = 1.0, 6.0  # metres: the lower edge of the floor, and the wall


def room(left: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A floor, a wall and a box 2 metres away at column `left`: RGB (H, W, 3) and depths (H, W) in metres."""
    height, width = SIZE_HW
    rows = np.linspace(0, 1, height)[:, None].repeat(width, 1)
    depth = np.where(rows < 0.4, FAR, NEAR + (FAR - NEAR) * (1 - rows) / 0.6)
    image = np.where(rows[..., None] < 0.4, (200, 190, 170), (120, 90, 60)) * (0.6 + 0.4 * rows[..., None])
    box = (slice(90, 200), slice(left, left + 80))
    depth[box], image[box] = 2.0, (40, 80, 160)
    return image.astype(np.uint8), depth


def main(model_name: str, folder: Path) -> None:
    """Paint the depth of a room as the example shows, print its errors and write it to `folder`."""
    model = anymask.load_painter(model_name)
    size = model.config.size
    (shown, shown_depth), (query, true_depth) = room(60), room(180)
    target = encode_depth(shown_depth)
    example = anymask.Context(normalise(squash(shown, size)), normalise(squash(target, size, nearest=True)))
    painted = anymask.paint(model, query, [example], kind="semantic")
    scores = depth_scores(decode_depth(painted), true_depth)
    print(f"A.Rel {scores.a_rel:.3f}, RMSE {scores.rmse:.2f} m, delta1 {scores.delta1:.3f}")
    print(f"PSNR to the true grey levels {psnr(painted, encode_depth(true_depth)):.1f} dB")

    folder.mkdir(parents=True, exist_ok=True)
    for name, image in (("image.png", query), ("depth.png", painted)):
        anymask.write_png(image, folder / name, force=True)
        print(f"wrote {folder / name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="context", help="context, painter_vit_l, seggpt_vit_l or a path")
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    options = parser.parse_args()
    main(options.model, options.folder)
