"""The JSON of tracking in the HTTP API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from anymask.app.schema_types import IMAGES_AT_ONCE, Id, Schema, Share, Text

__all__ = ["Track"]


class Track(Schema):
    """A request to follow masks of an image through the images before and after it."""

    masks: Annotated[list[Id], Field(min_length=1, max_length=100)]
    """Saved masks of the image, one for each object."""
    direction: Literal["both", "forward", "back"] = "both"
    frames: Annotated[int, Field(ge=1, le=IMAGES_AT_ONCE)] = 100
    """In each direction, as many as there are at most."""
    model: Text | None = None
    refine: bool = True
    """Whether the promptable model refines each mask."""
    memory: Annotated[int, Field(ge=0, le=16)] = 0
    """How many of the last frames are further examples."""
    drift: Share = 0.5
    """From this drift on a frame gets the tag "drift"."""
    resume: bool = False
    """Go on after the frames that have suggestions of these objects already, instead of replacing them."""
