"""What the store holds, as values: Picture, Label, Draft, Mask, Person."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

__all__ = ["ROLES", "Draft", "Label", "Mask", "Person", "Picture", "Role"]

Role: TypeAlias = Literal["annotator", "reviewer", "admin"]
ROLES: tuple[Role, ...] = ("annotator", "reviewer", "admin")
"""Each may do what those before it may."""


@dataclass(frozen=True)
class Picture:
    """An image of a project."""

    id: str
    path: str
    """Of the file in the project's folder, its bytes percent-encoded; see `pictures.file_of`."""
    name: str
    """What people call it: the path, or the name it was uploaded under."""
    sha256: str | None
    """Of the file; None until somebody asks."""
    width: int
    height: int
    bytes: int
    modified: int
    """The file's time, nanoseconds."""
    masks: int
    """How many it has."""
    changes: int
    """How often its masks changed."""
    missing: bool
    """Whether the file was gone when the folder was last looked through."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W), EXIF orientation applied."""
        return self.height, self.width


@dataclass(frozen=True)
class Label:
    """A kind of thing."""

    id: str
    name: str
    color: str
    """As #rrggbb."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A mask as somebody wants it saved."""

    id: str
    """Unique in its image; made by whoever drew it."""
    size: tuple[int, int]
    """(H, W)."""
    counts: str
    """COCO's compressed run lengths, see `rle.to_string`."""
    label_id: str | None = None
    score: float | None = None
    prompts: Any = None
    """What was asked, ready for JSON."""
    model: str | None = None
    """The fingerprint of the model that drew it; None by hand."""
    seconds: float = 0.0
    """Time that a person spent on it."""
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class Mask(Draft):
    """A revision of a mask."""

    revision: int
    """From 1."""
    author: str
    time: float
    """When it was saved, seconds since 1970."""

    def draft(self) -> Draft:
        """What it says, without who said it when."""
        return Draft(**{one.name: getattr(self, one.name) for one in fields(Draft)})

    def same(self, draft: Draft) -> bool:
        """Whether saving the draft would change nothing."""
        return self.draft() == draft


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    name: str
    role: Role
