"""The JSON of the list of projects."""

from __future__ import annotations

from anymask.app.schema_types import Schema
from anymask.data_engine.project.values import Role

__all__ = ["ProjectSummary", "Projects"]


class ProjectSummary(Schema):
    """A project that the visitor may open."""

    name: str
    person: str
    """Who the visitor is in it."""
    role: Role
    images: int
    done: int
    masks: int
    suggestions: int


class Projects(Schema):
    """The projects that the visitor may open."""

    projects: list[ProjectSummary]
    token: bool
    """Whether projects open only with a token."""
