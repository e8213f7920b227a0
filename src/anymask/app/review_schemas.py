"""The JSON of labels' attributes, of marks on images and of comments in the HTTP API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from anymask.app.schema_types import Id, Schema, Text
from anymask.data_engine import project as store
from anymask.data_engine.project.comments import LONGEST
from anymask.data_engine.project.values import AttributeKind, Review

__all__ = ["Attribute", "Attributes", "Comment", "CommentIn", "Comments", "Mark", "Resolved"]

Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
Value = Annotated[str, StringConstraints(max_length=1000)]
Attributes = Annotated[dict[Text, bool | Number | Value], Field(max_length=50)]
Name = Annotated[str, StringConstraints(max_length=64)]


class Attribute(Schema):
    """Something to say about each mask of a label."""

    name: Text
    kind: AttributeKind
    choices: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    """For the kind "choice"."""

    @classmethod
    def of(cls, attribute: store.Attribute) -> Attribute:
        """From the project's attribute."""
        return cls(name=attribute.name, kind=attribute.kind, choices=attribute.choices)

    def stored(self) -> store.Attribute:
        """As the project's attribute."""
        return store.Attribute(self.name, self.kind, self.choices)


class Mark(Schema):
    """What to mark an image as; a field left out does not change."""

    done: bool | None = None
    removed: bool | None = None
    review: Review | None = None
    """Accepted, which marks it as done, or returned, which marks it as not done."""
    assignee: Name | None = None
    """The user who is to work on it; empty for nobody."""
    tags: Annotated[list[Text], Field(max_length=50)] | None = None
    """All its tags."""


class CommentIn(Schema):
    """A comment to save."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
    mask_id: Id | None = None
    """The mask that it is about; left out for the whole image."""


class Resolved(Schema):
    """Whether a comment is resolved."""

    resolved: bool


class Comment(Schema):
    """A saved comment."""

    id: str
    mask_id: str | None
    text: str
    author: str
    time: float
    """Seconds since 1970."""
    resolved: bool

    @classmethod
    def of(cls, comment: store.Comment) -> Comment:
        """From the project's comment."""
        return cls(**vars(comment))


class Comments(Schema):
    """The comments on an image and its masks, oldest first."""

    comments: list[Comment]
