"""The JSON of retraining in the HTTP API; see `anymask.data_engine.retraining`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from anymask.app.schema_types import Schema

__all__ = ["Retraining", "Use", "Version"]


class Version(Schema):
    """A version of the project's model."""

    name: str
    made: float
    """Seconds since 1970."""
    base: str
    images: int
    masks: int
    scores: dict[str, dict[str, float]]
    """On the held-back images, by "clicks before", "clicks after" and the same with "detector"."""


class Retraining(Schema):
    """The last retraining, and all versions."""

    state: Literal["none", "running", "stopped", "failed", "done"]
    what: str
    """What is being done."""
    done: int
    total: int
    error: str | None
    result: dict[str, Any] | None
    """As `anymask engine retrain --json` prints it."""
    in_use: str
    """The name of the version in use, "compact" for none."""
    versions: list[Version]


class Use(Schema):
    """The version to use."""

    name: Annotated[str, Field(max_length=40)]
