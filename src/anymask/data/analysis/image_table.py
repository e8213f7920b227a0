"""Tables that say something of the images of a data set: CSV files with the column `image`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from anymask.errors import FormatError
from anymask.files import open_regular

__all__ = ["names_of", "read_table"]


def read_table(path: str | Path, what: str) -> tuple[Sequence[str], Sequence[Mapping[str, str]]]:
    """The columns in lower case, and the rows, in which every image is named.

    what: the table is, for messages. Raises FormatError.
    """
    try:
        with open_regular(path) as file:
            text = file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise FormatError(f"{what} must be a file that exists, got {path}. Check the name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"{what} must be a CSV file in UTF-8, got {path} ({error}). Check the name."
        ) from None
    reader = csv.DictReader(text.splitlines(), restval="")
    columns = [str(name).strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    rows = [{name: value.strip() for name, value in row.items() if name} for row in reader]
    for line, row in enumerate(rows, 2):
        if "image" in row and not row["image"]:
            raise FormatError(f"{what} must name an image in every row, got none in row {line} of {path}.")
    return columns, rows


def names_of(id: str, file_name: str) -> tuple[str, ...]:
    """What a table may call an image: its id or its file name, with or without its folder and suffix."""
    return id, file_name, PurePosixPath(file_name).name, PurePosixPath(file_name).stem
