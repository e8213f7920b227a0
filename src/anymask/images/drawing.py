"""Drawing on images, visible on any background: tints, outlines with a halo, texts with a rim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "deepest_pixels",
    "draw_outline",
    "draw_texts",
    "mean_colours",
    "text_heights",
    "tint",
    "write_title",
]

Pixels: TypeAlias = NDArray[np.uint8]

_DARK, _LIGHT = (16, 16, 16), (255, 255, 255)
_DIGIT = 0.62  # width of a digit by the height of its text


def tint(image: Pixels, numbers: NDArray[np.int32], colours: Pixels, alpha: float) -> Pixels:
    """Colour the pixels with a number: those numbered k become `colours[k - 1]` to the share `alpha`."""
    table = np.concatenate([np.zeros((1, 3), np.uint8), colours])
    tinted = cv2.addWeighted(table[numbers], alpha, image, 1 - alpha, 0)
    out = image.copy()
    cv2.copyTo(tinted, (numbers > 0).view(np.uint8), out)
    return out


def mean_colours(image: Pixels, numbers: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """The mean of the pixels of each number 1 ... count, (count, 3) in 0..255; 0 for none."""
    place = numbers.ravel()
    pixels = np.bincount(place, minlength=count + 1)[1:]
    sums = [np.bincount(place, channel.ravel(), count + 1)[1:] for channel in cv2.split(image)]
    return np.stack(sums, axis=1) / np.maximum(pixels, 1)[:, None]


def draw_outline(
    image: Pixels, mask: NDArray[np.bool_], xy: tuple[int, int], colour: Sequence[int], thickness: int
) -> None:
    """Draw the outline of a mask (h, w) with its corner at `xy` into `image`: a light line in a dark rim.

    The line, `colour` made lighter, shows on dark ground, the rim on light ground.
    """
    framed = np.pad(mask, 1).view(np.uint8)
    contours, _ = cv2.findContours(
        framed, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE, offset=(xy[0] - 1, xy[1] - 1)
    )
    bright = [int(part) + (255 - int(part)) * 2 // 5 for part in colour]
    for tone, width in ((_DARK, thickness + 2), (bright, thickness)):
        cv2.drawContours(image, contours, -1, [int(part) for part in tone], width, cv2.LINE_AA)


def deepest_pixels(numbers: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """The pixel of each number 1 ... count that is farthest from any other: (count, 3) x, y, distance.

    Its centre, and the distance to the edge in pixels; a number that is nowhere has distance 0. One pass over
    the image, however many numbers there are.
    """
    framed = np.pad(numbers, 1)
    apart = np.zeros(framed.shape, np.bool_)
    apart[1:] |= framed[1:] != framed[:-1]
    apart[:-1] |= framed[1:] != framed[:-1]
    apart[:, 1:] |= framed[:, 1:] != framed[:, :-1]
    apart[:, :-1] |= framed[:, 1:] != framed[:, :-1]
    inside = (~apart & (framed > 0)).view(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) + np.float32(0.5)
    found = np.zeros((count, 3))
    where = np.flatnonzero(framed)
    owner, value = framed.ravel()[where], depth.ravel()[where]
    order = np.lexsort((-value, owner))
    owner = owner[order]
    first = np.flatnonzero(np.diff(owner, prepend=0))
    y, x = np.divmod(where[order[first]], framed.shape[1])
    found[owner[first] - 1] = np.stack([x - 0.5, y - 0.5, value[order[first]]], axis=1)
    return found


def text_heights(texts: Sequence[str], radii: NDArray[np.float64], most: float, least: float) -> list[int]:
    """Heights in pixels at which texts fit into circles of `radii`, at most `most`; 0 below `least`."""
    shape = np.array([np.hypot(_DIGIT * max(len(text), 1), 1) for text in texts])
    heights = np.minimum(2 * radii / shape, most)
    return [int(height) if height >= least else 0 for height in heights]


def draw_texts(
    image: Pixels, texts: Sequence[str], centres: NDArray[np.float64], heights: Sequence[int]
) -> Pixels:
    """Write texts around their centres (N, 2) in white with a dark rim; those of height 0 are left out."""
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    fonts = {height: ImageFont.load_default(height) for height in set(heights) if height}
    for text, (x, y), height in zip(texts, centres, heights, strict=True):
        if height:
            rim = max(1, round(height / 9))
            draw.text((x, y), text, _LIGHT, fonts[height], anchor="mm", stroke_width=rim, stroke_fill=_DARK)
    return np.asarray(canvas).copy()


def write_title(image: Pixels, text: str, height: int) -> Pixels:
    """Write a text into the lower left corner, shortened to the image width."""
    canvas = Image.fromarray(image)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(height)
    room = canvas.width - height
    shown = text
    while len(shown) > 1 and draw.textlength(shown, font) > room:
        shown = shown[:-2].rstrip("…") + "…"
    place = (height / 2, canvas.height - height / 2)
    draw.text(place, shown, _LIGHT, font, anchor="ls", stroke_width=max(1, height // 9), stroke_fill=_DARK)
    return np.asarray(canvas).copy()
