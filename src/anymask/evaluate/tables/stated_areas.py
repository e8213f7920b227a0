"""Areas that files state beside their masks, which sizes and matches follow as in the official tools."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ODD_AREAS", "note", "odd_areas"]

ODD_AREAS = "odd_areas"
"""In a row, and in the meta of a record: what states an area that its mask cannot have, in words."""
FACTOR, PIXELS = 2, 256
"""An area differs from its mask's by more than this factor and by more than these pixels (thin polygons do
by fewer)."""


def odd_areas(
    names: Iterable[object], stated: Iterable[float], counted: Iterable[float], whole: int
) -> list[str]:
    """What states an area below 1 / 2 or above twice its pixels, below 0 or above the image's, in words.

    names: what states each area. stated, counted: areas and pixels. whole: pixels of the image.
    """
    return [
        f"{name}: {area:g} for {pixels:g} pixels"
        for name, area, pixels in zip(names, stated, counted, strict=True)
        if not 0 < area <= whole
        or (abs(area - pixels) > PIXELS and not pixels / FACTOR <= area <= pixels * FACTOR)
    ]


def note(found: list[str]) -> str:
    """A sentence about such areas."""
    return (
        f"{len(found)} x stated area that does not fit, used nevertheless as the official tool does, "
        f"first {found[0]}"
    )
