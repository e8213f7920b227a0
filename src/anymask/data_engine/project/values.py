"""What the store holds, as values: Image, Label, Draft, Mask, Person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

__all__ = [
    "ROLES",
    "Attribute",
    "AttributeKind",
    "Comment",
    "Draft",
    "Image",
    "Label",
    "Mask",
    "Person",
    "Review",
    "Role",
]

Review: TypeAlias = Literal["accepted", "returned"]
AttributeKind: TypeAlias = Literal["text", "number", "choice"]
Role: TypeAlias = Literal["annotator", "reviewer", "admin"]
ROLES: tuple[Role, ...] = ("annotator", "reviewer", "admin")
"""Each role may also do everything that the roles before it may."""


@dataclass(frozen=True)
class Image:
    """An image of a project."""

    id: str
    path: str
    """Of the file in the project's folder, its bytes percent-encoded; see `images.file_of`."""
    name: str
    """The displayed name: the path, or the file name of an upload."""
    sha256: str | None
    """Of the file; None until it is needed."""
    width: int
    height: int
    bytes: int
    modified: int
    """Modification time of the file, nanoseconds."""
    masks: int
    """Number of masks, without suggestions."""
    changes: int
    """Number of changes of its masks."""
    missing: bool
    """Whether the file was missing in the last scan of the folder."""
    suggestions: int
    """Number of suggestions that nobody has accepted or rejected yet."""
    done: bool
    """Whether somebody marked the image as done."""
    removed: bool
    """Whether the image was removed from the project; its file and its masks are kept."""
    review: Review | None
    """What a reviewer said of the image since it was last marked as done or not; None for nothing."""
    assignee: str | None
    """The name of the user who is to work on it; None for nobody."""
    tags: tuple[str, ...]
    """Words that users gave the image, in order."""
    comments: int
    """Number of comments that are not resolved."""
    queue: int | None
    """Its place by expected gain, from 1, see `data_engine.priority`; None without one."""
    copy_of: str | None = None
    """The id of the image that this one gives to another user, see `agreement`; None for an image itself."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W), EXIF orientation applied."""
        return self.height, self.width

    @property
    def version(self) -> str:
        """Of the file: another one when the file is replaced."""
        return f"{self.bytes:x}-{self.modified:x}"


@dataclass(frozen=True)
class Attribute:
    """Something to say about each mask of a label, such as "occluded"."""

    name: str
    kind: AttributeKind
    choices: tuple[str, ...] = ()
    """For the kind "choice"."""


@dataclass(frozen=True)
class Comment:
    """A comment on an image or on one of its masks."""

    id: str
    mask_id: str | None
    """None for the whole image."""
    text: str
    author: str
    time: float
    """When it was first saved, seconds since 1970."""
    resolved: bool


@dataclass(frozen=True)
class Label:
    """A category of objects."""

    id: str
    name: str
    color: str
    """As #rrggbb."""
    attributes: tuple[Attribute, ...] = ()
    """What can be said about its masks."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A mask to save."""

    id: str
    """Unique in its image; chosen by the client."""
    size: tuple[int, int]
    """(H, W)."""
    counts: str
    """COCO's compressed run lengths, see `rle.to_string`."""
    label_id: str | None = None
    score: float | None = None
    prompts: Any = None
    """The prompts that the model got, as JSON values."""
    model: str | None = None
    """Fingerprint of the model that predicted it; None for a mask drawn by hand."""
    seconds: float = 0.0
    """Time that the user spent on it."""
    deleted: bool = False
    suggested_by: str | None = None
    """For a suggestion the id of the example mask whose search found it, see `suggestions`; None for a mask
    that was made or accepted by a user."""

    attributes: Mapping[str, str | float | bool] | None = None
    """Values of the label's attributes, by name."""
    depth: float = 0.0
    """Masks of a greater depth lie on top; of one depth, those that were made later."""

    @property
    def is_mask(self) -> bool:
        """Whether it counts as a mask: neither deleted nor a suggestion."""
        return not self.deleted and self.suggested_by is None

    @property
    def is_suggestion(self) -> bool:
        """Whether it waits to be accepted or rejected."""
        return not self.deleted and self.suggested_by is not None


@dataclass(frozen=True, kw_only=True)
class Mask(Draft):
    """A revision of a mask."""

    revision: int
    """From 1."""
    author: str
    time: float
    """When it was saved, seconds since 1970."""

    def draft(self) -> Draft:
        """The mask without revision, author and time."""
        return Draft(**{one.name: getattr(self, one.name) for one in fields(Draft)})

    def same(self, draft: Draft) -> bool:
        """Whether saving the draft would change nothing."""
        return self.draft() == draft


@dataclass(frozen=True)
class Person:
    """A user with a token."""

    name: str
    role: Role
    id: str
    """By which jobs know their owner; another user who later gets the same name has another."""
