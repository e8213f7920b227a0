"""The JSON of the HTTP API, validated in requests and responses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from anymask.data_engine import project as store
from anymask.data_engine.project.checks import LONGEST_NAME
from anymask.data_engine.project.values import Role

__all__ = [
    "Automatic",
    "Error",
    "Example",
    "Find",
    "Id",
    "Image",
    "Images",
    "Imported",
    "Job",
    "JobRef",
    "Label",
    "Labels",
    "Like",
    "Mark",
    "Mask",
    "MaskIn",
    "Masks",
    "NewPerson",
    "People",
    "Person",
    "Predict",
    "Predicted",
    "Project",
    "Prompt",
    "SignIn",
    "Stats",
]

MOST_POINTS = 1000
MOST_PHRASES = 20
"""Phrases in one request."""
MOST_COUNTS = 8_000_000
"""Largest number of characters in a mask's run lengths."""
MOST_SIDE = 1_000_000
TEXT_LENGTH = 200
"""Characters of a name."""
IMAGES_AT_ONCE = 1000
"""Images in one request, asked for or named."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Only letters, digits, _ - and ., since an id is part of URLs."""
_PRINTED = r"^[^\x00-\x1f\x7f]+$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH, pattern=_PRINTED)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Coordinate = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
CONFIG = ConfigDict(extra="forbid", frozen=True)
"""Unknown fields are refused; values do not change."""


class _Schema(BaseModel):
    """Base of all values; unknown fields are refused."""

    model_config = CONFIG


class Error(_Schema):
    """An error, as a sentence for the user."""

    error: str
    current: Mask | None = None
    """With 409: the mask as somebody else saved it."""


class Label(_Schema):
    """A category of objects."""

    id: Id
    name: Text
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]

    @classmethod
    def of(cls, label: store.Label) -> Label:
        """From the project's label."""
        return cls(id=label.id, name=label.name, color=label.color)


class Labels(_Schema):
    """All labels of a project, in order."""

    labels: Annotated[list[Label], Field(max_length=10_000)]


class Person(_Schema):
    """A user of the project."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=_PRINTED)]
    role: Role


class People(_Schema):
    """All users with a token."""

    people: list[Person]


class NewPerson(_Schema):
    """A new user with the token, which is shown only this once."""

    name: str
    role: Role
    token: str


class Project(_Schema):
    """The overview of a project that the page loads first."""

    name: str
    labels: list[Label]
    models: list[str]
    """Names of the promptable models, the default one first."""
    example_models: list[str]
    """Names of the in-context models, the default one first."""
    counts: dict[str, int]
    """images, annotated (images with masks), done (images marked as done), masks, suggestions."""
    scanning: bool
    """Whether the folder is still being scanned for images."""
    unreadable: list[str]
    """Names of files in the folder that look like images and cannot be read, at most 100."""
    person: Person
    """The user of this request."""


class Image(_Schema):
    """An image of the project."""

    id: str
    name: str
    width: int
    height: int
    masks: int
    """Number of masks."""
    suggestions: int
    """Number of suggestions to accept or reject."""
    missing: bool
    """Whether its file is missing."""
    done: bool
    """Whether somebody marked it as done."""
    removed: bool
    """Whether it was removed from the project; its file and masks are kept."""
    version: str
    """Of its file: another one when the file is replaced."""

    @classmethod
    def of(cls, image: store.Image) -> Image:
        """From the project's image."""
        return cls(**{name: getattr(image, name) for name in cls.model_fields})


class Mark(_Schema):
    """What to mark an image as; a field left out does not change."""

    done: bool | None = None
    removed: bool | None = None


class Images(_Schema):
    """A page of images; send `next` as `after` to get the next page."""

    images: list[Image]
    next: str | None


class MaskIn(_Schema):
    """A mask to save. Fields that the server sets itself are accepted and ignored."""

    id: str | None = None
    revision: int | None = None
    label_id: Id | None = None
    size: tuple[Side, Side]
    """Height and width of the image."""
    counts: Annotated[str, StringConstraints(max_length=MOST_COUNTS)]
    """COCO's compressed run lengths, column by column."""
    score: Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)] | None = None
    prompts: Any = None
    """Any JSON: the prompts that the model got."""
    model: Text | None = None
    seconds: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = 0.0
    """Time that the user spent on it."""
    author: Text | None = None
    """Used only by a server without tokens; else the token tells the author."""
    time: float | None = None
    deleted: bool = False
    suggested_by: Id | None = None
    """For a suggestion the id of the example mask; save the mask without it to accept the suggestion."""

    def draft(self, id: str) -> store.Draft:
        """As the project's draft."""
        return store.Draft(
            id=id,
            size=self.size,
            counts=self.counts,
            label_id=self.label_id,
            score=self.score,
            prompts=self.prompts,
            model=self.model,
            seconds=self.seconds,
            deleted=self.deleted,
            suggested_by=self.suggested_by,
        )


class Mask(_Schema):
    """A saved mask."""

    id: str
    revision: int
    label_id: str | None
    size: tuple[int, int]
    """Height and width."""
    counts: str
    """COCO's compressed run lengths, column by column."""
    score: float | None
    prompts: Any
    model: str | None
    seconds: float
    author: str
    time: float
    """Seconds since 1970."""
    deleted: bool
    suggested_by: str | None
    """For a suggestion the id of the example mask; None for a mask."""

    @classmethod
    def of(cls, mask: store.Mask) -> Mask:
        """From the project's mask, not validated again."""
        return cls.model_construct(**vars(mask))


class Masks(_Schema):
    """Masks of one image, or revisions of one mask."""

    masks: list[Mask]


class Prompt(_Schema):
    """A prompt: points, a box or a mask, in pixels of the image, x right, y down."""

    points: Annotated[list[tuple[Coordinate, Coordinate]], Field(max_length=MOST_POINTS)] | None = None
    labels: Annotated[list[Annotated[int, Field(ge=0, le=1)]], Field(max_length=MOST_POINTS)] | None = None
    """For each point: 1 on the object, 0 on the background."""
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    """x0, y0, x1, y1."""
    mask: Annotated[str, StringConstraints(max_length=MOST_COUNTS)] | None = None
    """Run lengths, of the image size, of a mask to refine."""


class Predict(_Schema):
    """Prompts for a model on the server."""

    prompts: Annotated[list[Prompt], Field(min_length=1, max_length=256)]
    multimask: bool = False
    """Three masks for each prompt instead of the best."""
    model: Text | None = None
    """The default model if left out."""


class Find(_Schema):
    """Phrases, English, whose objects are searched for in an image."""

    phrases: Annotated[list[Text], Field(min_length=1, max_length=MOST_PHRASES)]
    threshold: Share | None = None
    """Least probability that a mask is what a phrase names; the library's own if left out."""
    model: Text | None = None
    """What proposes masks; the default model if left out."""


class Found(_Schema):
    """A mask predicted by a model; not saved."""

    size: tuple[int, int]
    counts: str
    score: float
    """Predicted IoU; for a phrase the probability that it names the mask."""
    stability: float | None = None
    prompt: int | None = None
    """Index of its prompt or phrase."""
    label_id: str | None = None


class Predicted(_Schema):
    """Masks predicted by a model."""

    masks: list[Found]
    model: str
    """The model's fingerprint."""


class Automatic(_Schema):
    """Settings of automatic mask generation; see `anymask auto --help`."""

    model: Text | None = None
    points_per_side: Annotated[int, Field(ge=1, le=64)] | None = None
    crop_layers: Annotated[int, Field(ge=0, le=2)] | None = None
    min_iou: Share | None = None
    min_stability: Share | None = None
    nms: Share = 0.7
    min_area: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    max_cover: Share = 1.0


class Example(_Schema):
    """An example: an image and some of its saved masks."""

    image: Id
    masks: Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Like(_Schema):
    """A request to find objects similar to the examples' masks in other images."""

    examples: Annotated[list[Example], Field(min_length=1, max_length=16)]
    images: Annotated[list[Id], Field(min_length=1, max_length=IMAGES_AT_ONCE)]
    model: Text | None = None


class JobRef(_Schema):
    """A job that was queued."""

    id: str


class ImageFound(_Schema):
    """The masks found in one image."""

    image: str
    masks: list[Found]
    error: str | None = None


class Job(_Schema):
    """The state and progress of a job."""

    id: str
    kind: Literal["automatic", "like"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    error: str | None = None
    model: str | None = None
    result: list[ImageFound] | None = None
    """With state done: the masks found in each image."""


class Group(_Schema):
    """Masks and time of a label, an author or a model."""

    name: str | None
    masks: int
    seconds: float


class Stats(_Schema):
    """Statistics of a project."""

    images: int
    annotated: int
    done: int
    masks: int
    suggestions: int
    revisions: int
    seconds: float
    by_label: list[Group]
    by_author: list[Group]
    by_model: list[Group]


class Imported(_Schema):
    """The result of an import."""

    images: int
    masks: int
    """Number of new masks."""
    known: int
    """Number of masks that the project had already; they are not added again."""
    skipped: list[str]
    """A sentence for every record that was left out."""


class SignIn(_Schema):
    """A token to sign in with."""

    token: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]


Error.model_rebuild()
