"""Render docs/gallery: automatic masks of 24 photos with default settings.

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

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "src" / "anymask" / "images" / "photos"
GALLERY = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
SHEET = "sheet.jpg"
CELL_HW = (210, 300)
COLUMNS = 3
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


def main() -> None:
    """Segment every photo, write the sheet and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="compact")
    model = anymask.load(parser.parse_args().model)
    cells, rows = [], []
    for path in photos():
        image = anymask.read_image(path)
        start = time.perf_counter()
        masks = anymask.automatic(model, image)
        seconds = time.perf_counter() - start
        covered = (anymask.flatten(masks) > 0).mean()
        wholes = len(anymask.tree(masks).at(0))
        rows.append(f"| {path.stem} | {len(masks)} | {wholes} | {covered:.0%} | {seconds:.1f} |")
        cells += [cell(image), cell(anymask.overlay(image, masks.dense(), alpha=0.55))]
        print(rows[-1], flush=True)
    write_sheet(cells)
    write_table(rows)


def write_sheet(cells: list[Image.Image]) -> None:
    """Photo and masks side by side, `COLUMNS` pairs per row."""
    height, width = CELL_HW[0] + 6, CELL_HW[1] + 6
    across = 2 * COLUMNS
    sheet = Image.new("RGB", (across * width, -(-len(cells) // across) * height), "white")
    for number, thumbnail in enumerate(cells):
        sheet.paste(thumbnail, (number % across * width + 3, number // across * height + 3))
    sheet.save(GALLERY / SHEET, quality=82, optimize=True)
    print(f"wrote {GALLERY / SHEET}")


def write_table(rows: list[str]) -> None:
    """Replace the text between the markers of the page."""
    head = "| photo | masks | wholes | share covered | seconds |\n|---|---:|---:|---:|---:|\n"
    text = PAGE.read_text("utf-8")
    pattern = re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1])
    table = MARKS[0] + "\n" + head + "\n".join(rows) + "\n\n" + MARKS[1]
    PAGE.write_text(re.sub(pattern, lambda _: table, text, flags=re.DOTALL), "utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
