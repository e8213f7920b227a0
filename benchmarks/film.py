"""Video segmentation for several memory lengths, on clips made from still images: J, F and drift.

    python benchmarks/film.py --data sets/endangered_animals sets/work_tools --memory 0 1 2 4 8 16

A clip is a crop that moves over an image of the val split with its masks, and changes its angle, zoom and
brightness. The largest mask is given in the first frame and tracked in the others. J is the IoU of a frame; F
compares the boundaries within 0.008 of the image diagonal (DAVIS 2017's measure). "J late" is J over the last
quarter of the frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

import anymask
from anymask.geometry import rle
from anymask.inference.in_context.tracking import segment_video
from anymask.models import InContext, load_painter
from anymask.types import Masks, Record

SIZE = (288, 384)
TOLERANCE = 0.008
Frame = tuple[NDArray[np.uint8], NDArray[np.bool_]]


def clip(record: Record, count: int, rng: np.random.Generator) -> list[Frame]:
    """Frames and the largest mask; the crop's centre, zoom, angle and brightness follow slow sine waves."""
    image = record.read()
    largest = int(record.masks.areas.argmax())
    mask = rle.decode(record.masks.rles[largest], record.masks.size).astype(np.uint8)
    height, width = mask.shape
    phases, speeds = rng.uniform(0, 2 * np.pi, 5), rng.uniform(0.5, 1.5, 5)
    middle = np.array([np.nonzero(mask)[1].mean(), np.nonzero(mask)[0].mean()])
    frames = []
    for number in range(count):
        wave = np.sin(phases + speeds * 2 * np.pi * number / 24) - np.sin(phases)
        zoom = SIZE[0] / height * 1.25 * np.exp(0.25 * wave[0])
        centre = (middle + np.array([width, height]) / 2) / 2 + 0.1 * wave[1:3] * (width, height)
        turn = cv2.getRotationMatrix2D(tuple(map(float, centre)), 12 * float(wave[3]), zoom)
        turn[:, 2] += np.array(SIZE[::-1]) / 2 - centre
        light = np.float32(1 + 0.2 * wave[4])
        shown = cv2.warpAffine(image, turn, SIZE[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        noisy = shown.astype(np.float32) * light + rng.normal(0, 4, shown.shape)
        seen = cv2.warpAffine(mask, turn, SIZE[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
        frames.append((np.clip(noisy, 0, 255).astype(np.uint8), seen > 0))
    return frames


def clips(folders: list[str], most: int, count: int, rng: np.random.Generator) -> Iterator[list[Frame]]:
    """At most `most` clips per data set whose object covers 1 to 60 % of the first frame."""
    for folder in folders:
        found = 0
        for record in anymask.open_dataset(folder, split="val"):
            if found == most or not len(record.masks):
                continue
            frames = clip(record, count, rng)
            if 0.01 < frames[0][1].mean() < 0.6:
                found += 1
                yield frames


def boundary_f(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Boundary F: harmonic mean of the shares of each boundary near the other; 1 if both are empty."""
    reach = max(1, round(TOLERANCE * float(np.hypot(*truth.shape))))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    edges = [_boundary(mask) for mask in (found, truth)]
    near = [cv2.dilate(edge.view(np.uint8), disk) > 0 for edge in edges]
    if not edges[0].any() or not edges[1].any():
        return float(not edges[0].any() and not edges[1].any())
    precision, recall = near[1][edges[0]].mean(), near[0][edges[1]].mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    inner = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    return np.asarray(mask & (inner == 0))


def follow(model: InContext, frames: list[Frame], memory: int) -> NDArray[np.float64]:
    """J, F and drift of every frame after the first: (frames - 1, 3)."""
    image, mask = frames[0]
    first = anymask.context(Record("first", image, Masks.from_dense(mask[None])), size=model.config.size)
    given = {0: Masks.from_dense(mask[None], labels=[0])}
    rows = []
    images = (pixels for pixels, _ in frames)
    for tracked in segment_video(model, images, [first], memory=memory, known=given):
        truth = frames[tracked.index][1]
        found = tracked.masks.dense()[0] if len(tracked.masks) else np.zeros_like(truth)
        either = (found | truth).sum()
        j = (found & truth).sum() / either if either else 1.0
        rows.append((j, boundary_f(found, truth), tracked.drift))
    return np.array(rows[1:])


def main() -> None:
    """Print one row per memory length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--model", default="context")
    parser.add_argument("--memory", type=int, nargs="+", default=[0, 1, 2, 4, 8, 16])
    parser.add_argument("--clips", type=int, default=3, help="clips per data set")
    parser.add_argument("--frames", type=int, default=32)
    options = parser.parse_args()
    model = load_painter(options.model, device="cpu")
    made = list(clips(options.data, options.clips, options.frames, np.random.default_rng(0)))
    print(f"{len(made)} clips of {options.frames} frames\n")
    print("| memory | J&F | J | F | J late | drift | ms per frame |\n|---|---:|---:|---:|---:|---:|---:|")
    for memory in options.memory:
        start = time.perf_counter()
        figures = np.stack([follow(model, frames, memory) for frames in made])
        spent = 1e3 * (time.perf_counter() - start) / len(made) / (options.frames - 1)
        j, f, drift = figures.mean((0, 1))
        late = figures[:, -(options.frames // 4) :, 0].mean()
        print(
            f"| {memory} | {(j + f) / 2:.3f} | {j:.3f} | {f:.3f} | {late:.3f} | {drift:.3f} | {spent:.0f} |"
        )


if __name__ == "__main__":
    main()
