"""The JSON of text prompts in the HTTP API; see `anymask.inference.text`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from anymask.app.schema_types import Schema, Share, Text
from anymask.app.schemas import Found

__all__ = ["Find", "FoundByWords"]

MOST_PHRASES = 20
"""Phrases in one request."""


class Find(Schema):
    """Phrases, English, whose objects are searched for in an image."""

    phrases: Annotated[list[Text], Field(min_length=1, max_length=MOST_PHRASES)]
    threshold: Share | None = None
    """Least probability that a mask is what a phrase names; the library's own if left out."""
    model: Text | None = None
    """What proposes masks; the default model if left out."""


class FoundByWords(Schema):
    """What phrases name in an image, the likeliest first."""

    masks: list[Found]
    model: str
    """The model's fingerprint."""
    best: list[float]
    """The highest probability of each phrase for any region, also below the threshold; 0 if there is none."""
    threshold: float
    """Least probability that a mask is what a phrase names."""
