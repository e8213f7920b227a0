"""The types of fields that the JSON of the HTTP API shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "CONFIG",
    "IMAGES_AT_ONCE",
    "MOST_COUNTS",
    "MOST_POINTS",
    "PRINTED",
    "TEXT_LENGTH",
    "Coordinate",
    "Id",
    "Schema",
    "Share",
    "Side",
    "Text",
]

MOST_POINTS = 1000
MOST_COUNTS = 8_000_000
"""Largest number of characters in a mask's run lengths."""
MOST_SIDE = 1_000_000
TEXT_LENGTH = 200
"""Characters of a name."""
IMAGES_AT_ONCE = 1000
"""Images in one request, asked for or named."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Only letters, digits, _ - and ., since an id is part of URLs."""
PRINTED = r"^[^\x00-\x1f\x7f]+$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH, pattern=PRINTED)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Coordinate = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
CONFIG = ConfigDict(extra="forbid", frozen=True)
"""Unknown fields are refused; values do not change."""


class Schema(BaseModel):
    """Base of all values; unknown fields are refused."""

    model_config = CONFIG
