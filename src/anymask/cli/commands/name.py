"""`anymask name`: names for the masks of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anymask import formats
from anymask.cli.console import note, out, out_json, table
from anymask.cli.options.name import Options
from anymask.cli.text import read_names
from anymask.errors import InputError, OutputError
from anymask.files import check_target, write_atomic
from anymask.formats import sa1b
from anymask.formats.json_fields import file_name
from anymask.formats.png import read_masks
from anymask.images.bands import read_bands
from anymask.images.display import read_display
from anymask.images.folder import IMAGE_SUFFIXES
from anymask.images.planes import path_of
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
    masks = _read_masks(options.masks, Path(path_of(options.image)))
    from anymask.inference.text.names import name_masks

    found = name_masks(pixels, masks, names, least=options.threshold)
    if options.output is not None:
        image = Path(options.image)
        meta = {"file_name": image.name, **found.meta()}
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


def _read_masks(path: str, image: Path) -> Masks:
    """The masks of an image in annotations of any format, or in an image."""
    if Path(path).suffix.lower() in IMAGE_SUFFIXES:
        found, _ = read_masks(path)
        return Masks(found.size, found.rles)  # their numbers are no classes
    records = list(
        formats.stream(
            path, images={image.name: image}, on_error=lambda id, error: note(f"left out: {error}")
        )
    )
    fit = [record for record in records if Path(file_name(record)).stem == image.stem]
    if len(fit or records) != 1:
        raise InputError(
            f"masks must be of one image, got {len(records)} in {path}, {len(fit)} of them of {image.name}. "
            "Give the annotations of this image."
        )
    for record in fit or records:
        for kind, count in record.left_out.items():
            note(f"left out: {count} {kind}")
    return (fit or records)[0].masks


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
