"""Render docs/gallery: automatic masks of 24 photos in one pass and with default settings.

    python benchmarks/gallery.py [--model compact]

Writes docs/gallery/sheet.jpg and the table of docs/gallery.md between its markers, and prints the times.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

import numpy as np
from PIL import Image

import anymask
from anymask.geometry.regions import components
from anymask.types.pieces import doubtful

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "src" / "anymask" / "images" / "photos"
GALLERY = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
SHEET = "sheet.jpg"
CELL_HW = (210, 300)
COLUMNS = 2
MARKS = ("<!-- table -->\n", "<!-- end of table -->\n")


def photos() -> list[Path]:
    """The bundled photos, then those of the gallery."""
    return sorted(BUNDLED.glob("*.jpg")) + sorted(p for p in GALLERY.glob("*.jpg") if p.name != SHEET)


def cell(pixels: np.ndarray) -> Image.Image:
    """An image centred in a white cell."""
    thumbnail = Image.fromarray(pixels)
    thumbnail.thumbnail(CELL_HW[::-1], Image.Resampling.LANCZOS)
    out = Image.new("RGB", CELL_HW[::-1], "white")
    out.paste(thumbnail, ((out.width - thumbnail.width) // 2, (out.height - thumbnail.height) // 2))
    return out


def row_of(masks: anymask.Masks, seconds: float) -> str:
    """Figures of the masks of a photo."""
    wholes = len(anymask.tree(masks).at(0))
    islands = np.mean([components(mask)[1] - 1 for mask in masks.dense()] or [0.0])
    covered = (anymask.flatten(masks) > 0).mean()
    return f"{len(masks)} | {wholes} | {islands:.1f} | {covered:.0%} | {seconds:.1f}"


def main() -> None:
    """Segment every photo in one pass and as by default, write the sheet and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="compact")
    model = anymask.load(parser.parse_args().model)
    cells, rows = [], []
    for path in photos():
        image = anymask.read_image(path)
        cells.append(cell(image))
        row = [path.stem]
        for config in (anymask.AutoConfig(refine=False), anymask.AutoConfig()):
            start = time.perf_counter()
            masks = anymask.automatic(model, image, config)
            row.append(row_of(masks, time.perf_counter() - start))
            unseen = doubtful(masks) if config.refine is None else None  # as `anymask auto` draws them
            cells.append(cell(anymask.overlay(image, masks.dense(), alpha=0.55, hidden=unseen)))
        rows.append("| " + " | ".join(row) + " |")
        print(rows[-1], flush=True)
    write_sheet(cells)
    write_table(rows)


def write_sheet(cells: list[Image.Image]) -> None:
    """Photo, masks in one pass and refined masks side by side, `COLUMNS` photos per row."""
    height, width = CELL_HW[0] + 6, CELL_HW[1] + 6
    across = 3 * COLUMNS
    sheet = Image.new("RGB", (across * width, -(-len(cells) // across) * height), "white")
    for number, thumbnail in enumerate(cells):
        sheet.paste(thumbnail, (number % across * width + 3, number // across * height + 3))
    sheet.save(GALLERY / SHEET, quality=70, optimize=True)
    print(f"wrote {GALLERY / SHEET}")


def write_table(rows: list[str]) -> None:
    """Replace the text between the markers of the page."""
    names = ("masks", "wholes", "islands", "covered", "seconds")
    head = "| photo | " + " | ".join([f"{name}, one pass" for name in names] + [*names]) + " |\n"
    head += "|---|" + 10 * "---:|" + "\n"
    text = PAGE.read_text("utf-8")
    pattern = re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1])
    table = MARKS[0] + "\n" + head + "\n".join(rows) + "\n\n" + MARKS[1]
    PAGE.write_text(re.sub(pattern, lambda _: table, text, flags=re.DOTALL), "utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
