"""Files: read within a budget, written atomically, locked; the folders of anymask's cache and data."""

from __future__ import annotations

from anymask.files.folders import cache_dir, data_dir
from anymask.files.locks import locked
from anymask.files.reading import complete, open_regular, read_regular, read_tensors, sha256_of
from anymask.files.writing import (
    check_folder,
    check_target,
    make_folder,
    remove_partial,
    staged,
    write_atomic,
)

__all__ = [
    "cache_dir",
    "check_folder",
    "check_target",
    "complete",
    "data_dir",
    "locked",
    "make_folder",
    "open_regular",
    "read_regular",
    "read_tensors",
    "remove_partial",
    "sha256_of",
    "staged",
    "write_atomic",
]
