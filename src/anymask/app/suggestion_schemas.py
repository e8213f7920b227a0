"""The JSON of suggestions in the HTTP API; see `anymask.data_engine.project.suggestions`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from anymask.app import schemas
from anymask.app.schema_types import Schema

__all__ = ["Suggested", "SuggestedMasks", "Suggestion", "Suggestions", "Withdrawn"]


class Suggestion(Schema):
    """A mask that a search found."""

    size: tuple[schemas.Side, schemas.Side]
    counts: Annotated[str, StringConstraints(max_length=schemas.MOST_COUNTS)]
    score: schemas.Share | None = None


class SuggestedMasks(Schema):
    """The suggestions for one image."""

    image: schemas.Id
    masks: Annotated[list[Suggestion], Field(max_length=1000)]


class Suggestions(Schema):
    """The suggestions of one search, which replace those of an earlier search with the same example."""

    label_id: schemas.Id | None = None
    model: schemas.Text | None = None
    images: Annotated[list[SuggestedMasks], Field(max_length=schemas.IMAGES_AT_ONCE)]


class Suggested(Schema):
    """What became of the suggestions."""

    images: int
    masks: int
    """New suggestions; objects that have a mask already or that were rejected are left out."""


class Withdrawn(Schema):
    """The result of withdrawing suggestions."""

    masks: int
