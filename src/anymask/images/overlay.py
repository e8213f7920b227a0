"""Overlays of masks on images, and contact sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.geometry.label_map import by_area, label_map
from anymask.images.colours import contrasting
from anymask.images.drawing import (
    deepest_pixels,
    draw_outline,
    draw_texts,
    mean_colours,
    text_heights,
    tint,
    write_title,
)
from anymask.images.read import ImageSource, Pixels, read_image

__all__ = ["Cell", "contact_sheet", "draw_sheet", "overlay"]

_LEAST_TEXT = 11  # pixels in height, below it nobody reads a number


_GAP, _LEAST_CELL, _GROUND = 8, 32, 24  # of contact sheets: pixels, pixels, grey


def overlay(
    image: Pixels,
    masks: Iterable[NDArray[np.bool_]],
    *,
    alpha: float = 0.45,
    ids: bool = True,
    colours: NDArray[np.uint8] | None = None,
    hidden: NDArray[np.bool_] | None = None,
    numbers: Sequence[int] | None = None,
) -> Pixels:
    """Tint each mask (H, W) in a colour of its own and draw its outline and number: (H, W, 3) uint8.

    Smaller masks hide larger ones.

    image: (H, W, 3) uint8.
    masks: may be an iterator: only one is held unpacked.
    alpha: the strength of the tint, 0 to 1.
    ids: whether two or more masks are numbered, in the middle of what shows of them, where there is room.
    colours: one (3,) for each mask; without them they are chosen to show on what they cover, which may differ
        from one frame of a film to the next.
    hidden: (N,) masks that are not drawn, but keep their number.
    numbers: those of the masks, by default from 1 on.
    """
    size = (image.shape[0], image.shape[1])
    runs = [rle.encode(np.asarray(mask, np.bool_)) for mask in masks]
    order = [i for i in by_area(runs) if hidden is None or not hidden[i]]
    labels = label_map(runs, size, order)
    if colours is None:
        colours = contrasting(mean_colours(image, labels, len(runs)))
    out = tint(image, labels, colours, alpha)
    thickness = max(1, round(max(size) / 600))
    for i in order:
        x0, y0, x1, y1 = (int(side) for side in rle.box(runs[i], size))
        if x1 > x0:
            draw_outline(out, labels[y0:y1, x0:x1] == i + 1, (x0, y0), colours[i], thickness)
    if not ids or len(runs) < 2:
        return out
    texts = [str(number) for number in numbers or range(1, len(runs) + 1)]
    places = deepest_pixels(labels, len(runs))
    most = max(_LEAST_TEXT, max(size) / 28)
    heights = text_heights(texts, places[:, 2], most, _LEAST_TEXT)
    return draw_texts(out, texts, places[:, :2], heights)


def contact_sheet(
    images: Iterable[ImageSource],
    masks: Iterable[Iterable[NDArray[np.bool_]]],
    columns: int = 4,
    width: int = 1600,
    *,
    names: Iterable[str] | None = None,
    hidden: Iterable[NDArray[np.bool_]] | None = None,
) -> Pixels:
    """Overlays of many images in a grid, `width` pixels wide: (H, width, 3) uint8.

    images: the images; they are shrunk to fit, so one at a time is held in full.
    masks: those (H, W) of each image.
    columns: images in a row.
    width: of the sheet, in pixels.
    names: a text for the corner of each.
    hidden: for each image (N,), the masks that are not drawn, see `overlay`.

    Raises InputError where there are more images than masks, or no room.
    """
    titles = repeat("") if names is None else names
    unseen = repeat(None) if hidden is None else hidden
    items = zip(images, masks, titles, strict=names is not None)
    return draw_sheet((Cell(*item, out) for item, out in zip(items, unseen, strict=False)), columns, width)


class Cell(NamedTuple):
    """An image of a contact sheet with its masks (H, W), a text and which masks are not drawn."""

    image: ImageSource
    masks: Iterable[NDArray[np.bool_]]
    title: str = ""
    hidden: NDArray[np.bool_] | None = None


def draw_sheet(cells: Iterable[Cell], columns: int, width: int) -> Pixels:
    """As `contact_sheet`, from images that each come with what belongs to them."""
    cell = (width - _GAP * (columns + 1)) // max(columns, 1)
    if columns < 1 or cell < _LEAST_CELL:
        raise InputError(
            f"columns must be 1 or more with {_LEAST_CELL} pixels each, got {columns} in a width of {width}. "
            "Make the sheet wider."
        )
    tiles = [_tile(one, cell) for one in cells]
    rows = [tiles[at : at + columns] for at in range(0, len(tiles), columns)]
    heights = [max(tile.shape[0] for tile in row) for row in rows]
    sheet = np.full((sum(heights) + _GAP * (len(rows) + 1), width, 3), _GROUND, np.uint8)
    y = _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            h, w = tile.shape[:2]
            top = y + (height - h) // 2
            left = _GAP + column * (cell + _GAP) + (cell - w) // 2
            sheet[top : top + h, left : left + w] = tile
        y += height + _GAP
    return sheet


def _tile(cell: Cell, side: int) -> Pixels:
    """An image with its masks, scaled down into a square of `side` pixels, its title in the corner."""
    image = read_image(cell.image)
    h, w = image.shape[:2]
    scale = min(1.0, side / max(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    layers = (
        cv2.resize(
            np.asarray(mask, np.bool_).view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA
        )
        > 127
        for mask in cell.masks
    )
    drawn = overlay(np.asarray(small, np.uint8), layers, hidden=cell.hidden)
    return write_title(drawn, cell.title, max(11, side // 24)) if cell.title else drawn
