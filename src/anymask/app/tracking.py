"""Tracking for the routes: masks of an image become suggestions in the images before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anymask.app import schemas
from anymask.app.dependencies import Server
from anymask.app.inference import JobResult, masks_of, pixels_of
from anymask.app.jobs import Tick
from anymask.app.tracking_schemas import Track
from anymask.data_engine.project import Draft, Image, Mask, tracks
from anymask.data_engine.project.images import new_id
from anymask.data_engine.project.project import current
from anymask.errors import InputError, StoreError
from anymask.geometry import rle
from anymask.images.colours import palette
from anymask.types import Masks, Record

if TYPE_CHECKING:
    from anymask.types import Context

__all__ = ["track"]


@dataclass(frozen=True)
class _Objects:
    """What is followed: masks of one image, by their tracks, in the order of their colours."""

    image: Image
    by_track: Mapping[str, Mask]

    @property
    def tracks(self) -> list[str]:
        """The ids of the tracks."""
        return list(self.by_track)

    def masks(self, some: Mapping[str, Mask] | None = None) -> Masks:
        """The masks with their colours, of the first image or of another one."""
        there = self.by_track if some is None else some
        own = [track for track in self.by_track if track in there]
        size = there[own[0]].size if own else self.image.size
        runs = [rle.from_string(there[track].counts) for track in own]
        return Masks(size, runs, labels=np.array([self.tracks.index(track) for track in own], np.int64))


def track(server: Server, image: Image, asked: Track, author: str, tick: Tick) -> JobResult:
    """Follow masks; every frame is stored when it is done. The result lists the frames that drifted.

    Raises UnknownNameError for a mask that is not saved, InputError where there are no other frames, and the
    errors of reading images and of the models.
    """
    chosen = masks_of(server, schemas.Example(image=image.id, masks=asked.masks))
    objects = _Objects(
        current(server.project, image),
        {tracks.track_of(server.project.db, image.id, mask.id): mask for mask in chosen},
    )
    parts = [part for part in _parts(server, image, asked) if len(part) > 1]
    total = sum(len(part) - 1 for part in parts)
    if not total:
        raise InputError("frames must be other images of the project, got none there. Add images.")
    drifted: list[schemas.ImageFound] = []
    done = 0
    for part in parts:
        for frame, drift in _follow(server, objects, part, asked, author):
            done += 1
            tick(done, total)
            if drift >= asked.drift:
                drifted.append(schemas.ImageFound(image=frame.id, masks=[], drift=drift))
    return server.models.painter(asked.model).fingerprint, drifted


def _parts(server: Server, image: Image, asked: Track) -> Iterator[list[Image]]:
    """The frames after the image, then those before it backwards; the image itself is first in both."""
    order = tracks.frames(server.project.db)
    at = next((i for i, one in enumerate(order) if one.id == image.id), None)
    if at is None:
        raise InputError("image must be a frame, got a copy. Track in the image that it was made of.")
    if asked.direction != "back":
        yield order[at : at + asked.frames + 1]
    if asked.direction != "forward":
        yield order[max(0, at - asked.frames) : at + 1][::-1]


def _follow(
    server: Server, objects: _Objects, frames: Sequence[Image], asked: Track, author: str
) -> Iterator[tuple[Image, float]]:
    """Segment the frames of one direction; yields each but the first with its drift, once it is stored."""
    from anymask.inference.in_context.tracking import segment_video

    db, model = server.project.db, server.models.painter(asked.model)
    if not asked.resume:
        tracks.withdraw(db, objects.tracks, [frame.id for frame in frames[1:]], author=author)
    known, edits = _known(server, objects, frames)
    refiner = server.models.sam(None) if asked.refine else None
    for found in segment_video(
        model,
        _pixels(server, frames),
        [_example(server, objects, model.config.size)],
        memory=asked.memory,
        kind="instance" if len(objects.by_track) == 1 else "semantic",
        known={0: objects.masks()} | known,
        edits=edits,
        refine=refiner,
    ):
        frame = frames[found.index]
        if found.index in edits or not found.index:
            drift = 0.0
        else:
            drift = found.drift
            tracks.mark_drift(db, frame.id, drift >= asked.drift)
        if found.index and found.index not in edits and found.index not in known and not frame.done:
            tracks.add(db, frame.id, _drafts(objects, found.masks, model.fingerprint), author=author)
        if found.index:
            yield frame, drift


def _known(
    server: Server, objects: _Objects, frames: Sequence[Image]
) -> tuple[dict[int, Masks], dict[int, Masks]]:
    """By index: frames whose open suggestions are kept, and keyframes, whose masks users accepted or drew.

    A keyframe has a mask of every object, or is done: objects that it lacks are gone from there on.
    """
    there = tracks.masks_of(server.project.db, objects.tracks)
    known, edits = dict[int, Masks](), dict[int, Masks]()
    for index, frame in enumerate(frames[1:], 1):
        some = there.get(frame.id, {})
        accepted = {track: mask for track, mask in some.items() if mask.is_mask}
        if (accepted and frame.done) or len(accepted) == len(objects.by_track):
            edits[index] = objects.masks(accepted)
        elif some:
            known[index] = objects.masks(some)
    return known, edits


def _pixels(server: Server, frames: Sequence[Image]) -> Iterator[NDArray[np.uint8]]:
    for frame in frames:
        here = current(server.project, frame)
        if here.missing:
            raise StoreError(f"The image {frame.name} is missing. Put it back.")
        yield pixels_of(server, here)


def _example(server: Server, objects: _Objects, size: int) -> Context:
    from anymask.inference.in_context.examples import context

    count = len(objects.by_track)
    record = Record(objects.image.id, pixels_of(server, objects.image), objects.masks())
    return context(record, palette(count) if count > 1 else None, size=size)


def _drafts(objects: _Objects, found: Masks, model: str) -> dict[str, Draft]:
    """A draft for each object found, by track, with the label of the object's mask."""
    labels = np.zeros(len(found), np.int64) if found.labels is None else found.labels
    drafts = {}
    for i, runs in enumerate(found.rles):
        track = objects.tracks[int(labels[i])]
        drafts[track] = Draft(
            id=new_id(),
            size=found.size,
            counts=rle.to_string(runs),
            label_id=objects.by_track[track].label_id,
            attributes=objects.by_track[track].attributes,
            score=float(found.scores[i]),
            model=model,
        )
    return drafts
