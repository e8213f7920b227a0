"""What goes over the wire: the JSON of the HTTP API, checked both ways."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from anymask.data_engine import project as store
from anymask.data_engine.project.values import Role

__all__ = [
    "Automatic",
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
    "NewPerson",
    "People",
    "Person",
    "Predict",
    "Predicted",
    "Project",
    "Prompt",
    "Session",
    "Stats",
]

MOST_POINTS = 1000
MOST_COUNTS = 8_000_000
"""Characters of one mask's run lengths."""
MOST_SIDE = 1_000_000

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Letters, digits, _ - and . only: an id is part of addresses."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Coordinate = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Wire(BaseModel):
    """Values that are what they say: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Error(_Wire):
    """What went wrong, in a sentence for the user."""

    error: str
    current: Mask | None = None
    """With 409: the mask as somebody else left it."""


class Label(_Wire):
    """A kind of thing."""

    id: Id
    name: Text
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]

    @classmethod
    def of(cls, label: store.Label) -> Label:
        """As the store has it."""
        return cls(id=label.id, name=label.name, color=label.color)


class Labels(_Wire):
    """All labels of a project, in their order."""

    labels: Annotated[list[Label], Field(max_length=10_000)]


class Person(_Wire):
    """Somebody who may use the project."""

    name: Text
    role: Role


class People(_Wire):
    """Everybody with a token."""

    people: list[Person]


class NewPerson(_Wire):
    """A person with the token, which is told this once."""

    name: str
    role: Role
    token: str


class Project(_Wire):
    """What the page needs first."""

    name: str
    labels: list[Label]
    models: list[str]
    """Names of the models that answer prompts, the default one first."""
    example_models: list[str]
    """Names of the models that work by examples."""
    counts: dict[str, int]
    """images, annotated (images with masks), masks."""
    scanning: bool
    """Whether the folder is still being looked through."""
    person: Person
    """Who asks."""


class Image(_Wire):
    """An image."""

    id: str
    name: str
    width: int
    height: int
    masks: int
    """How many it has."""
    missing: bool
    """Whether its file is gone."""

    @classmethod
    def of(cls, image: store.Image) -> Image:
        """As the store has it."""
        return cls(
            id=image.id,
            name=image.name,
            width=image.width,
            height=image.height,
            masks=image.masks,
            missing=image.missing,
        )


class Images(_Wire):
    """Some pictures; `next` asks for more, as `after`."""

    images: list[Image]
    next: str | None


class MaskIn(_Wire):
    """A mask to save. What the server sets itself may come along and is not read."""

    id: str | None = None
    revision: int | None = None
    label_id: Id | None = None
    size: tuple[Side, Side]
    """Height and width of the image."""
    counts: Annotated[str, StringConstraints(max_length=MOST_COUNTS)]
    """COCO's compressed run lengths, column by column."""
    score: Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)] | None = None
    prompts: Any = None
    """Any JSON: what was asked."""
    model: Text | None = None
    seconds: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = 0.0
    """Time spent on it."""
    author: Text | None = None
    """Read where there are no tokens; else the token says who it is."""
    time: float | None = None
    deleted: bool = False

    def draft(self, id: str) -> store.Draft:
        """As the store takes it."""
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
        )


class Mask(_Wire):
    """A mask as it is saved."""

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

    @classmethod
    def of(cls, mask: store.Mask) -> Mask:
        """As the store has it, which was checked on its way in."""
        return cls.model_construct(**vars(mask))


class Masks(_Wire):
    """Masks of one image, or revisions of one mask."""

    masks: list[Mask]


class Prompt(_Wire):
    """What to segment: points, a box or a mask, in pixels of the image, x right, y down."""

    points: Annotated[list[tuple[Coordinate, Coordinate]], Field(max_length=MOST_POINTS)] | None = None
    labels: Annotated[list[Annotated[int, Field(ge=0, le=1)]], Field(max_length=MOST_POINTS)] | None = None
    """For each point: 1 in, 0 out."""
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    """x0, y0, x1, y1."""
    mask: Annotated[str, StringConstraints(max_length=MOST_COUNTS)] | None = None
    """Run lengths of the image's size to start from."""


class Predict(_Wire):
    """Prompts for a model on the server."""

    prompts: Annotated[list[Prompt], Field(min_length=1, max_length=256)]
    multimask: bool = False
    """Three masks for each prompt instead of the best."""
    model: Text | None = None
    """The default model where left out."""


class Found(_Wire):
    """A mask that a model drew; not saved."""

    size: tuple[int, int]
    counts: str
    score: float
    """Predicted IoU."""
    stability: float | None = None
    prompt: int | None = None
    """Number of the prompt it answers."""
    label_id: str | None = None


class Predicted(_Wire):
    """Answers of a model."""

    masks: list[Found]
    model: str
    """The model's fingerprint."""


class Automatic(_Wire):
    """Settings of looking for everything; see `anymask auto --help`."""

    model: Text | None = None
    points_per_side: Annotated[int, Field(ge=1, le=64)] = 32
    crop_layers: Annotated[int, Field(ge=0, le=2)] = 0
    min_iou: Share | None = None
    min_stability: Share | None = None
    nms: Share = 0.7
    min_area: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    max_cover: Share = 1.0


class Example(_Wire):
    """A picture with saved masks that shows what to look for."""

    image: Id
    masks: Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Like(_Wire):
    """Find what examples show in other pictures."""

    examples: Annotated[list[Example], Field(min_length=1, max_length=16)]
    images: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    model: Text | None = None


class JobRef(_Wire):
    """A job that was taken up."""

    id: str


class ImageFound(_Wire):
    """What was found in one image."""

    image: str
    masks: list[Found]
    error: str | None = None


class Job(_Wire):
    """How far a job is."""

    id: str
    kind: Literal["automatic", "like"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    error: str | None = None
    model: str | None = None
    result: list[ImageFound] | None = None
    """With state done: what was found in each image."""


class Group(_Wire):
    """Masks and time of a label, an author or a model."""

    name: str | None
    masks: int
    seconds: float


class Stats(_Wire):
    """Who did what."""

    images: int
    annotated: int
    masks: int
    revisions: int
    seconds: float
    by_label: list[Group]
    by_author: list[Group]
    by_model: list[Group]


class Imported(_Wire):
    """What came of an import."""

    images: int
    masks: int
    """How many new masks were saved."""
    skipped: list[str]
    """A sentence for everything that was left out."""


class Session(_Wire):
    """Sign in with a token."""

    token: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]


Error.model_rebuild()
