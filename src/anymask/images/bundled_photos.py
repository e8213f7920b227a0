"""The photos bundled with the package: for the demo, the app's gallery, checks and examples."""

from __future__ import annotations

from pathlib import Path

__all__ = ["GALLERY", "sample_photo", "sample_photos"]

FOLDER = Path(__file__).with_name("photos")
GALLERY = ("cat.jpg", "coffee.jpg", "flower.jpg")
"""The photos that the app shows where no project is given."""


def sample_photo(name: str) -> Path:
    """The file of a photo, "cat.jpg" for example."""
    return FOLDER / name


def sample_photos() -> list[Path]:
    """The files of all photos, by name."""
    return sorted(FOLDER.glob("*.jpg"))
