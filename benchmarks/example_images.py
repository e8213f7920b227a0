"""Render in-context results on photos: docs/images/by-example.jpg and drift.jpg, for docs/in-context.md.

    python benchmarks/example_images.py [--model context] [--sharpener compact]

Examples are made by clicks that were chosen before any result was seen; failures are included.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from gallery import BUNDLED, GALLERY, ROOT
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import anymask
from anymask.inference.in_context.tracking import segment_video
from anymask.models import InContext, Sam
from anymask.types import Masks

IMAGES = ROOT / "docs" / "images"
CELL = (210, 280)
Pixels = NDArray[np.uint8]


def clicked(sharpener: Sam, photo: Pixels, clicks: Sequence[tuple[int, int]]) -> Masks:
    """One mask per click, labelled by the index of the click."""
    prompts = [anymask.Prompt.point(*xy) for xy in clicks]
    found = anymask.predict(sharpener, photo, prompts, multimask=False)
    return Masks(found.size, found.rles, found.scores, labels=np.arange(len(clicks)))


def by_label(masks: Masks, count: int) -> NDArray[np.bool_]:
    """(count, H, W): one mask per label, empty if not found, so that colours are stable."""
    layers = np.zeros((count, *masks.size), np.bool_)
    if masks.labels is not None and len(masks):
        layers[masks.labels] = masks.dense()
    return layers


def row(
    model: InContext,
    sharpener: Sam,
    photo: Pixels,
    clicks: Sequence[tuple[int, int]],
    others: Sequence[Pixels],
) -> list[Pixels]:
    """The example, the results on other photos, and the first result refined by `sharpen`."""
    shown, count = clicked(sharpener, photo, clicks), len(clicks)
    colours = None if count == 1 else anymask.palette(count)
    example = anymask.context(anymask.Record("example", photo, shown), colours, size=model.config.size)
    answers = [anymask.segment_like(model, other, [example], kind="semantic") for other in others]
    sharp = anymask.sharpen(sharpener, others[0], answers[0]) if len(answers[0]) else answers[0]
    pairs = [(photo, shown), *zip(others, answers, strict=True), (others[0], sharp)]
    return [anymask.overlay(image, by_label(masks, count), alpha=0.5, ids=False) for image, masks in pairs]


def sheet(rows: Sequence[Sequence[Pixels]], titles: Sequence[str]) -> Image.Image:
    """Images in white cells under a row of titles."""
    height, width = CELL
    out = Image.new("RGB", (len(titles) * width, len(rows) * height + 20), "white")
    for column, title in enumerate(titles):
        ImageDraw.Draw(out).text((column * width + 6, 4), title, "black", font_size=13)
    for number, cells in enumerate(rows):
        for column, pixels in enumerate(cells):
            thumbnail = Image.fromarray(pixels)
            thumbnail.thumbnail((width - 8, height - 8), Image.Resampling.LANCZOS)
            left = column * width + (width - thumbnail.width) // 2
            out.paste(thumbnail, (left, 20 + number * height + (height - thumbnail.height) // 2))
    return out


def wandering(photo: Pixels, count: int) -> Iterator[Pixels]:
    """Crops of half the photo that move from the left edge to the right edge and back."""
    height, width = photo.shape[:2]
    for number in range(count):
        left = round((width - width // 2) * (1 - np.cos(2 * np.pi * number / (count - 1))) / 2)
        yield np.ascontiguousarray(photo[: height * 4 // 5, left : left + width // 2])


def drift_curve(model: InContext, sharpener: Sam, photo: Pixels, xy: tuple[int, int]) -> Image.Image:
    """Seven frames of a video above the curve of its drift."""
    frames = list(wandering(photo, 25))
    shown = clicked(sharpener, frames[0], [xy])
    example = anymask.context(anymask.Record("first", frames[0], shown), size=model.config.size)
    tracked = list(segment_video(model, frames, [example], memory=4))
    width, height, graph = 900, 122, 120
    picks = np.linspace(0, len(frames) - 1, 7).round().astype(int)
    strip = [
        anymask.overlay(tracked[i].image, by_label(tracked[i].masks, 1), alpha=0.5, ids=False) for i in picks
    ]
    out = Image.new("RGB", (width, height + graph), "white")
    for number, pixels in enumerate(strip):
        thumbnail = Image.fromarray(pixels)
        thumbnail.thumbnail((width // len(strip) - 4, height - 6))
        out.paste(thumbnail, (number * width // len(strip) + 2, 3))
    drifts = np.array([one.drift for one in tracked])
    half = width / len(strip) / 2
    x = np.linspace(half, width - half, len(drifts))
    y = height + 10 + (graph - 30) * (1 - drifts)
    pen = ImageDraw.Draw(out)
    for value in (0, 1):
        level = height + 10 + (graph - 30) * (1 - value)
        pen.line([(half, level), (width - half, level)], fill=(200, 200, 200))
        pen.text((4, level - 8), f"{value}", "black", font_size=13)
    pen.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], fill=(220, 0, 60), width=2)
    pen.text((half, height + graph - 17), "drift per frame", "black", font_size=13)
    return out


def moved(photo: Pixels) -> Pixels:
    """The photo mirrored, rotated by 25 degrees, enlarged and darkened."""
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 25, 1.2)
    turned = cv2.warpAffine(photo[:, ::-1], turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned * np.float32(0.75), np.uint8)


def main() -> None:
    """Render both images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="context")
    parser.add_argument("--sharpener", default="compact")
    options = parser.parse_args()
    model, sharpener = anymask.load(options.model), anymask.load(options.sharpener)
    assert isinstance(sharpener, Sam)
    assert not isinstance(model, Sam)
    cat, coffee, flower, raccoon = (
        anymask.read_image(BUNDLED / f"{name}.jpg") for name in ("cat", "coffee", "flower", "raccoon")
    )
    dogs, dandelion = (anymask.read_image(GALLERY / f"{name}.jpg") for name in ("dogs", "dandelion"))
    rows = [
        row(model, sharpener, cat, [(210, 180)], [raccoon, dogs]),
        row(model, sharpener, flower, [(330, 240)], [dandelion, moved(flower)]),
        row(model, sharpener, coffee, [(250, 200), (367, 280)], [moved(coffee), raccoon]),
    ]
    sheet(rows, ("example", "result", "another result", "first result, refined")).save(
        IMAGES / "by-example.jpg", quality=85
    )
    drift_curve(model, sharpener, dandelion, (212, 128)).save(IMAGES / "drift.jpg", quality=85)


if __name__ == "__main__":
    main()
