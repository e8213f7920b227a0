"""`anymask name`: names for the masks of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anymask.cli.console import out, out_json, table
from anymask.cli.options.name import Options
from anymask.cli.text import read_names
from anymask.errors import InputError, OutputError
from anymask.files import check_target, write_atomic
from anymask.formats import sa1b
from anymask.formats.png import read_masks
from anymask.images.bands import read_bands
from anymask.images.display import read_display
from anymask.types import Masks, Record

if TYPE_CHECKING:
    from anymask.inference.text.names import Named

__all__ = ["run"]


def run(options: Options) -> int:
    """Check all input and output before the model is loaded."""
    names = read_names([options.names])
    if not 0 <= options.threshold <= 1:
        raise InputError(f"--threshold must be from 0 to 1, got {options.threshold:g}. Try 0.5.")
    if options.output is not None:
        if Path(options.output).suffix.lower() != ".json":
            raise OutputError(f"output must end in .json, got {options.output}. Name it named.json.")
        check_target(options.output, force=options.force)
    pixels = read_display(options.image, read_bands(options.bands, options.stretch, options.limits))
    masks = _read_masks(options.masks)
    from anymask.inference.text.names import name_masks

    found = name_masks(pixels, masks, names, least=options.threshold)
    if options.output is not None:
        image = Path(options.image)
        meta = {"file_name": image.name, "categories": list(found.names)}
        record = Record(image.stem, pixels, masks, "auto", meta)
        data = json.dumps(sa1b.to_document(record), indent=1).encode()
        write_atomic(options.output, data, force=options.force)
    if options.as_json:
        out_json(_facts(found, names))
    else:
        rows = [
            [f"  mask {row + 1}", name or "-", f"{found.probability[row]:.2f}", f"{masks.areas[row]:,} px"]
            for row, name in enumerate(found.names)
        ]
        out(table(rows) if rows else "  no masks")
        if options.output is not None:
            out(f"wrote {options.output}")
    return 0


def _read_masks(path: str) -> Masks:
    """The masks of a JSON file in SA-1B's format, or of an image."""
    if Path(path).suffix.lower() == ".json":
        return sa1b.read(path).masks
    found, _ = read_masks(path)
    return Masks(found.size, found.rles)  # their numbers are no classes


def _facts(found: Named, names: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "mask": row,
            "name": name,
            "probability": round(float(found.probability[row]), 4),
            "all": {one: round(float(found.all[row, place]), 4) for place, one in enumerate(names)},
        }
        for row, name in enumerate(found.names)
    ]
