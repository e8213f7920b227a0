"""The JSON of the HTTP API, validated in requests and responses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from anymask.app.people_schemas import Person
from anymask.app.review_schemas import Attribute, Attributes
from anymask.app.schema_types import (
    CONFIG,
    IMAGES_AT_ONCE,
    MOST_COUNTS,
    MOST_POINTS,
    TEXT_LENGTH,
    Coordinate,
    Id,
    Schema,
    Share,
    Side,
    Text,
)
from anymask.data_engine import project as store
from anymask.data_engine.project.values import Review

__all__ = [
    "CONFIG",
    "IMAGES_AT_ONCE",
    "MOST_COUNTS",
    "TEXT_LENGTH",
    "Automatic",
    "Bands",
    "Error",
    "Example",
    "Id",
    "Image",
    "Images",
    "Imported",
    "Job",
    "JobRef",
    "Label",
    "Labels",
    "Like",
    "Mask",
    "MaskIn",
    "Masks",
    "Predict",
    "Predicted",
    "Project",
    "Prompt",
    "Share",
    "Side",
    "Stats",
    "Text",
]


class Error(Schema):
    """An error, as a sentence for the user."""

    error: str
    current: Mask | None = None
    """With 409: the mask as somebody else saved it."""


class Label(Schema):
    """A category of objects."""

    id: Id
    name: Text
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
    attributes: Annotated[tuple[Attribute, ...], Field(max_length=50)] = ()
    """What can be said about its masks."""

    @classmethod
    def of(cls, label: store.Label) -> Label:
        """From the project's label."""
        return cls(**vars(label) | {"attributes": tuple(map(Attribute.of, label.attributes))})

    def stored(self) -> store.Label:
        """As the project's label."""
        return store.Label(self.id, self.name, self.color, tuple(one.stored() for one in self.attributes))


class Labels(Schema):
    """All labels of a project, in order."""

    labels: Annotated[list[Label], Field(max_length=10_000)]


class Project(Schema):
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
    assignees: list[str]
    """Names of users that images can be assigned to."""
    tags: list[str]
    """Tags that images have."""


class Image(Schema):
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
    review: Review | None
    """What a reviewer said since it was last marked as done or not."""
    assignee: str | None
    """The user who is to work on it."""
    tags: list[str]
    comments: int
    """Number of open comments."""
    version: str
    """Of its file: another one when the file is replaced."""

    @classmethod
    def of(cls, image: store.Image) -> Image:
        """From the project's image."""
        return cls(**{name: getattr(image, name) for name in cls.model_fields})


class Images(Schema):
    """A page of images; send `next` as `after` to get the next page."""

    images: list[Image]
    next: str | None


class Bands(Schema):
    """How many bands of an image can be chosen from; 0 for photos."""

    bands: int


class MaskIn(Schema):
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
    attributes: Attributes | None = None
    """Values of the label's attributes, by name."""
    depth: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] = 0.0
    """Masks of a greater depth lie on top."""

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
            attributes=self.attributes or None,
            depth=self.depth,
        )


class Mask(Schema):
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
    attributes: dict[str, Any] | None
    depth: float

    @classmethod
    def of(cls, mask: store.Mask) -> Mask:
        """From the project's mask, not validated again."""
        return cls.model_construct(**vars(mask))


class Masks(Schema):
    """Masks of one image, or revisions of one mask."""

    masks: list[Mask]


class Prompt(Schema):
    """A prompt: points, a box or a mask, in pixels of the image, x right, y down."""

    points: Annotated[list[tuple[Coordinate, Coordinate]], Field(max_length=MOST_POINTS)] | None = None
    labels: Annotated[list[Annotated[int, Field(ge=0, le=1)]], Field(max_length=MOST_POINTS)] | None = None
    """For each point: 1 on the object, 0 on the background."""
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    """x0, y0, x1, y1."""
    mask: Annotated[str, StringConstraints(max_length=MOST_COUNTS)] | None = None
    """Run lengths, of the image size, of a mask to refine."""


class Predict(Schema):
    """Prompts for a model on the server."""

    prompts: Annotated[list[Prompt], Field(min_length=1, max_length=256)]
    multimask: bool = False
    """Three masks for each prompt instead of the best."""
    model: Text | None = None
    """The default model if left out."""


class Found(Schema):
    """A mask predicted by a model; not saved."""

    size: tuple[int, int]
    counts: str
    score: float
    """Predicted IoU; for a phrase the probability that it names the mask."""
    stability: float | None = None
    prompt: int | None = None
    """Index of its prompt or phrase."""
    label_id: str | None = None


class Predicted(Schema):
    """Masks predicted by a model."""

    masks: list[Found]
    model: str
    """The model's fingerprint."""


class Automatic(Schema):
    """Settings of automatic mask generation; see `anymask auto --help`."""

    model: Text | None = None
    points_per_side: Annotated[int, Field(ge=1, le=64)] | None = None
    crop_layers: Annotated[int, Field(ge=0, le=2)] | None = None
    min_iou: Share | None = None
    min_stability: Share | None = None
    nms: Share = 0.7
    min_area: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    max_cover: Share = 1.0


class Example(Schema):
    """An example: an image and some of its saved masks."""

    image: Id
    masks: Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Like(Schema):
    """A request to find objects similar to the examples' masks in other images."""

    examples: Annotated[list[Example], Field(min_length=1, max_length=16)]
    images: Annotated[list[Id], Field(min_length=1, max_length=IMAGES_AT_ONCE)]
    model: Text | None = None


class JobRef(Schema):
    """A job that was queued."""

    id: str


class ImageFound(Schema):
    """The masks found in one image."""

    image: str
    masks: list[Found]
    error: str | None = None
    drift: float | None = None
    """Of tracking: how unsure it was, from 0 to 1."""


class Job(Schema):
    """The state and progress of a job."""

    id: str
    kind: Literal["automatic", "like", "track"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    error: str | None = None
    model: str | None = None
    result: list[ImageFound] | None = None
    """With state done: the masks found in each image."""


class Group(Schema):
    """Masks and time of a label, an author or a model."""

    name: str | None
    masks: int
    seconds: float


class Stats(Schema):
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


class LeftOut(Schema):
    """Shapes of one kind that no mask was made of."""

    name: str
    """Of the image or the file."""
    kind: str
    """What they are, such as "linestrip", or why they are damaged."""
    count: int


class Imported(Schema):
    """The result of an import."""

    images: int
    masks: int
    """Number of new masks."""
    known: int
    """Number of masks that the project had already; they are not added again."""
    skipped: list[str]
    """A sentence for every image or file that was left out."""
    left_out: list[LeftOut]
    """Shapes that no mask was made of, because they have no area or are damaged."""


Error.model_rebuild()
