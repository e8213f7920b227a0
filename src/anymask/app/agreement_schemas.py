"""The JSON of agreement between annotators in the HTTP API; see `anymask.data_engine.project.agreement`."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from anymask.app.schema_types import Schema
from anymask.data_engine.project import agreement as store

__all__ = ["Agreement", "Comparison", "Copy", "Score"]


class Copy(Schema):
    """Whom to give a copy of an image."""

    assignee: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Comparison(Schema):
    """The masks of an image compared with those of its copy."""

    name: str
    """Of the image."""
    image: str
    copy_id: str
    first: str | None
    """The user of the image."""
    second: str | None
    """The user of the copy."""
    known: bool
    """Whether the image is accepted, so that its masks count as true."""
    done: bool
    """Whether the copy is done."""
    matched: int
    """Pairs of masks with an IoU of at least 0.5."""
    same_label: int
    only_image: int
    only_copy: int
    """Masks without a partner."""
    mean_iou: float | None
    """Of the pairs."""

    @classmethod
    def of(cls, found: store.Comparison) -> Comparison:
        """From the project's comparison."""
        counts = ("known", "matched", "same_label", "only_image", "only_copy", "mean_iou")
        return cls(
            name=found.image.name,
            image=found.image.id,
            copy_id=found.copy.id,
            first=found.image.assignee,
            second=found.copy.assignee,
            done=found.copy.done,
            **{name: getattr(found, name) for name in counts},
        )


class Score(Schema):
    """How well a user found what is known to be true."""

    name: str
    images: int
    found: int
    missed: int
    extra: int
    mean_iou: float | None


class Agreement(Schema):
    """All copies compared with their images, and the scores of users where the truth is known."""

    comparisons: list[Comparison]
    scores: list[Score]
