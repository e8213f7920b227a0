"""Synthetic images with exact masks: for tests, examples and small training runs without data."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from anymask.errors import InputError
from anymask.types import Masks, Record

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

_LEAST_SHOWN = 0.4  # share of a shape that later ones must leave visible


def shapes(rng: np.random.Generator, size_hw: tuple[int, int], count: int) -> Record:
    """Ellipses and polygons of one colour each, some with a hole, on a textured background.

    size_hw: (H, W), at least 16 each. count: number of shapes to draw. Later shapes cover earlier ones, and
    a shape that is mostly hidden gets no mask, so there may be fewer masks than shapes. Raises InputError for
    smaller sizes.
    """
    if min(size_hw) < 16:
        raise InputError(f"size_hw must be at least 16 x 16, got {size_hw}. Make it larger.")
    image = _background(rng, size_hw)
    drawn: list[BoolArray] = []
    areas: list[int] = []
    for mask in (_shape(rng, size_hw) for _ in range(count)):
        image[mask] = _colour(rng, image, mask)
        drawn = [below & ~mask for below in drawn] + [mask]
        areas.append(int(np.count_nonzero(mask)))
    kept = [
        mask for mask, area in zip(drawn, areas, strict=True) if np.count_nonzero(mask) > _LEAST_SHOWN * area
    ]
    stack = np.stack(kept) if kept else np.zeros((0, *size_hw), dtype=np.bool_)
    meta = {"dataset": "shapes", "categories": ["shape"] * len(kept), "kinds": ["instance"] * len(kept)}
    name = f"shapes-{int(rng.integers(1 << 32)):08x}"
    return Record(id=name, image=image, masks=Masks.from_dense(stack), source="auto", meta=meta)


def _background(rng: np.random.Generator, size_hw: tuple[int, int]) -> ByteArray:
    """Two octaves of smooth colour noise."""
    out = np.zeros((*size_hw, 3), dtype=np.float32)
    for cells, strength in ((3, 40.0), (12, 20.0)):
        coarse = rng.uniform(-strength, strength, size=(cells, cells, 3)).astype(np.float32)
        out += cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(out + rng.uniform(60, 190), 0, 255), dtype=np.uint8)


def _shape(rng: np.random.Generator, size_hw: tuple[int, int]) -> BoolArray:
    """An ellipse or a polygon at a random position; one in three has a hole in the middle."""
    h, w = size_hw
    radius = float(rng.uniform(0.1, 0.28)) * min(h, w)
    centre = np.array([rng.uniform(0.1, 0.9) * w, rng.uniform(0.1, 0.9) * h])
    canvas = np.zeros(size_hw, dtype=np.uint8)
    outline = _polygon(rng, centre, radius) if rng.random() < 0.5 else _ellipse(rng, centre, radius)
    cv2.fillPoly(canvas, [outline], 1)
    if rng.random() < 1 / 3:
        cv2.fillPoly(canvas, [_ellipse(rng, centre, radius * 0.4)], 0)
    if not canvas.any():
        canvas[int(centre[1]), int(centre[0])] = 1
    return canvas.astype(np.bool_)


def _polygon(
    rng: np.random.Generator, centre: npt.NDArray[np.float64], radius: float
) -> npt.NDArray[np.int32]:
    """Vertices around a centre at random distances, (N, 2)."""
    corners = int(rng.integers(3, 9))
    angles = (np.arange(corners) + rng.uniform(0, 0.7, size=corners)) * 2 * np.pi / corners
    reach = radius * rng.uniform(0.6, 1.2, size=corners)
    return _outline(centre, angles, reach, reach)


def _ellipse(
    rng: np.random.Generator, centre: npt.NDArray[np.float64], radius: float
) -> npt.NDArray[np.int32]:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    wide, tall = radius * rng.uniform(0.6, 1.2, size=2)
    return _outline(centre, angles, np.full(40, wide), np.full(40, tall))


def _outline(
    centre: npt.NDArray[np.float64],
    angles: npt.NDArray[np.float64],
    wide: npt.NDArray[np.float64],
    tall: npt.NDArray[np.float64],
) -> npt.NDArray[np.int32]:
    points = centre + np.stack([np.cos(angles) * wide, np.sin(angles) * tall], axis=1)
    return np.rint(points).astype(np.int32)


def _colour(rng: np.random.Generator, image: ByteArray, mask: BoolArray) -> ByteArray:
    """The one of eight random colours that differs most from the pixels under the shape."""
    below = image[mask].mean(axis=0)
    colours = rng.integers(0, 256, size=(8, 3))
    return np.asarray(colours[np.argmax(np.abs(colours - below).sum(axis=1))], dtype=np.uint8)
