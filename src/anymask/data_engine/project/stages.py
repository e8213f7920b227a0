"""The stages of the data engine in a project: how masks came to be, what they cost, and how many were kept.

A mask belongs to the stage and the model of its first revision, and to the version of the project's model
that was in use then (SAM, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sqlalchemy import Row, Select, select

from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import heads, revisions
from anymask.data_engine.project.versions import SHIPPED, Use, used_at

__all__ = ["Stage", "StageStatus", "by_stage"]

Stage: TypeAlias = Literal["assisted", "suggested", "automatic", "drawn"]
STAGES: tuple[Stage, ...] = ("assisted", "suggested", "automatic", "drawn")
"""Predicted from a user's prompts; found by a search; predicted without prompts; drawn or imported."""


@dataclass
class StageStatus:
    """What a stage has brought with a model."""

    stage: Stage
    model: str | None
    """Fingerprint of the encoder; None for masks without one."""
    version: str = SHIPPED
    """Of the project's model, see `versions`."""
    masks: int = 0
    """That are kept; open suggestions do not count."""
    rejected: int = 0
    """That users removed. Suggestions that a search withdrew itself do not count."""
    waiting: int = 0
    """Suggestions that nobody has accepted or rejected yet."""
    seconds: float = 0.0
    """That users spent on the masks that are kept."""
    clicks: int = 0
    """Points and boxes of the masks that are kept."""
    images: set[str] = field(default_factory=set)
    """Ids of images with a mask that is kept."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON, with means: masks per image, seconds and clicks per mask, the share that was kept."""
        judged = self.masks + self.rejected
        return {
            "stage": self.stage,
            "model": self.model,
            "version": self.version,
            "images": len(self.images),
            "masks": self.masks,
            "rejected": self.rejected,
            "waiting": self.waiting,
            "masks_per_image": self.masks / len(self.images) if self.images else None,
            "seconds_per_mask": self.seconds / self.masks if self.masks else None,
            "clicks_per_mask": self.clicks / self.masks if self.masks else None,
            "accept_rate": self.masks / judged if judged else None,
        }


def by_stage(db: Database, used: Sequence[Use] = ()) -> list[StageStatus]:
    """The status of every stage, model and version that has masks, in this order.

    db: read mask by mask, without run lengths. Images that were removed count too.
    used: the versions of the project's model, from `versions.uses`.
    """
    found: dict[tuple[Stage, str | None, str], StageStatus] = {}
    since = {use.name: use.since for use in reversed(used)}
    for row in _masks(db):
        key = _stage(row), row.first_model, used_at(used, row.first_time)
        _add(found.setdefault(key, StageStatus(*key)), row)
    return sorted(
        found.values(),
        key=lambda one: (STAGES.index(one.stage), one.model or "", since.get(one.version, 0.0)),
    )


def _masks(db: Database) -> Iterator[Row[Any]]:
    """The newest revision of each mask with what its first one says of its origin."""
    first, newest = revisions.alias("first"), revisions.alias("newest")

    def same(one: Any) -> Any:
        return (one.c.image_id == heads.c.image_id) & (one.c.id == heads.c.id)

    query: Select[Any] = (
        select(
            heads.c.image_id,
            newest.c.seconds,
            newest.c.prompts,
            newest.c.deleted,
            newest.c.suggested_by,
            first.c.model.label("first_model"),
            first.c.time.label("first_time"),
            first.c.prompts.label("first_prompts"),
            first.c.suggested_by.label("first_suggested_by"),
        )
        .select_from(heads)
        .join(newest, same(newest) & (newest.c.revision == heads.c.revision))
        .join(first, same(first) & (first.c.revision == 1))
    )
    with db.reading() as connection:
        yield from connection.execute(query.execution_options(yield_per=1000))


def _stage(row: Row[Any]) -> Stage:
    if row.first_suggested_by is not None:
        return "suggested"
    if _clicks(row.first_prompts):
        return "assisted"
    return "drawn" if row.first_model is None else "automatic"


def _clicks(prompts: Any) -> int:
    """Points and boxes of stored prompts, which may be any JSON."""
    if not isinstance(prompts, dict):
        return 0
    points = prompts.get("points")
    return (len(points) if isinstance(points, list) else 0) + (prompts.get("box") is not None)


def _add(status: StageStatus, row: Row[Any]) -> None:
    if not row.deleted and row.suggested_by is not None:
        status.waiting += 1
    elif row.deleted:
        withdrawn = row.first_suggested_by is not None and row.suggested_by is None
        status.rejected += not withdrawn
    else:
        status.masks += 1
        status.images.add(row.image_id)
        status.seconds += row.seconds
        status.clicks += _clicks(row.prompts)
