"""HEIC and HEIF photos. Needs the extra `heic`: pi-heif (BSD), wheels with libheif and libde265 (LGPL)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anymask.errors import MissingExtraError

__all__ = ["is_heif", "register_heif"]

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def is_heif(source: Any) -> bool:
    """Whether a path or an open file begins as a HEIF file does; AVIF, which Pillow reads, is none."""
    if isinstance(source, Path):
        if not source.is_file():
            return False
        with source.open("rb") as file:
            head = file.read(64)
    else:
        source.seek(0)
        head = source.read(64)
        source.seek(0)
    if head[4:8] != b"ftyp":
        return False
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), head[3]), 4))}
    return b"avif" not in brands and bool(brands.intersection(_BRANDS))


def register_heif() -> None:
    """Register the HEIF decoder with Pillow. Raises MissingExtraError."""
    try:
        import pi_heif
    except ImportError:
        raise MissingExtraError("reading HEIC photos", "heic") from None
    pi_heif.register_heif_opener()
