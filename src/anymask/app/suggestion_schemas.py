"""The JSON of suggestions in the HTTP API; see `anymask.data_engine.project.suggestions`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from anymask.app import schemas

__all__ = ["Suggested", "SuggestedMasks", "Suggestion", "Suggestions", "Withdrawn"]


class _Schema(BaseModel):
    """Base of all values."""

    model_config = schemas.CONFIG


class Suggestion(_Schema):
    """A mask that a search found."""

    size: tuple[schemas.Side, schemas.Side]
    counts: Annotated[str, StringConstraints(max_length=schemas.MOST_COUNTS)]
    score: schemas.Share | None = None


class SuggestedMasks(_Schema):
    """The suggestions for one image."""

    image: schemas.Id
    masks: Annotated[list[Suggestion], Field(max_length=1000)]


class Suggestions(_Schema):
    """The suggestions of one search, which replace those of an earlier search with the same example."""

    label_id: schemas.Id | None = None
    model: schemas.Text | None = None
    images: Annotated[list[SuggestedMasks], Field(max_length=schemas.IMAGES_AT_ONCE)]


class Suggested(_Schema):
    """What became of the suggestions."""

    images: int
    masks: int
    """New suggestions; objects that have a mask already or that were rejected are left out."""


class Withdrawn(_Schema):
    """The result of withdrawing suggestions."""

    masks: int
