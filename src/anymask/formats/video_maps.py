"""Maps of the objects of videos: DAVIS and YouTube-VOS, a palette image per frame.

DAVIS 2017 has `Annotations/<resolution>/<video>/<frame>.png` and `ImageSets/2017/<set>.txt`, YouTube-VOS
`Annotations/<video>/<frame>.png` and `meta.json` with the category and the frames of each object. Images
lie in `JPEGImages` under the same names. An object has one number in all frames of its video; 0 is
background, 255 void. Masks of a frame may not overlap: the smallest one is on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from anymask.errors import FormatError, InputError
from anymask.formats import json_fields
from anymask.formats.drawn_map import draw
from anymask.formats.image_files import ImageFiles, is_hidden
from anymask.formats.png import read_masks, void_number
from anymask.formats.reading import Items, Reading
from anymask.formats.safe_paths import Stems, plain_stem
from anymask.formats.video_ids import NUMBERED, tracks
from anymask.formats.voc import palette_png
from anymask.formats.writers import COVERED, HIDDEN, Page
from anymask.geometry import rle
from anymask.types import Record

__all__ = ["DAVIS", "YOUTUBE_VOS", "Layout", "VideoMapsWriter", "format_of", "items", "ours"]

_MAPS = "Annotations"
_META = "meta.json"
_SETS = PurePath("ImageSets", "2017")
_WHOLE = "Full-Resolution"
_MOST = 254
_VIDEO = "video"
OTHER_RESOLUTION = "map of another resolution"
RENUMBERED = "numbered anew, from 1 on"
OTHER_CATEGORY = "of another category than its track"


@dataclass(frozen=True)
class Layout:
    """How one of the data sets lies in its folder."""

    maps: PurePath
    has_meta: bool
    """Whether `meta.json` has the categories; else the videos are listed in a set."""

    @property
    def keeps(self) -> frozenset[str]:
        """Facts of a record that a folder holds: ids are tracks. Ignored pixels are kept where no mask is."""
        return frozenset(("ids", "ignore", *(["categories"] if self.has_meta else [])))


DAVIS = Layout(PurePath(_MAPS, _WHOLE), has_meta=False)
YOUTUBE_VOS = Layout(PurePath(_MAPS), has_meta=True)


def format_of(folder: Path) -> str | None:
    """Which of the two formats a folder is; None for neither."""
    if not (folder / _MAPS).is_dir():
        return None
    if (folder / _SETS).is_dir():
        return "davis"
    return "youtubevos" if _categories(folder) is not None else None


def ours(name: str) -> bool:
    """Whether this format writes files of this name."""
    return name.endswith(".png") or name in (_META, "train.txt")


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of each frame. Raises FormatError where there are no maps."""
    root = path if (path / _MAPS).is_dir() else path.parent if path.name == _MAPS else path
    found = Items([])
    maps = _frames(root, found)
    if not maps:
        raise FormatError(
            f"path must hold annotations of an image, got none in {path.name or path}, without {_MAPS} and "
            "a folder of PNG maps for each video in it. Check its contents, or name its format."
        )
    categories = _categories(root)
    near = [
        folder for folder in sorted((root / "JPEGImages").glob("*/")) if folder.name in _resolutions(root)
    ]
    images = ImageFiles(root / _MAPS, reading.images, near=[*near, root / "JPEGImages", root])
    found.entries = [(id, partial(_record, id, file, images, categories)) for id, file in maps.items()]
    return found


def _resolutions(root: Path) -> list[str]:
    """The folders of resolutions, which hold folders of videos; the whole resolution comes first."""
    inside = [
        one for one in sorted((root / _MAPS).iterdir()) if one.is_dir() and not is_hidden(PurePath(one.name))
    ]
    nested = [one.name for one in inside if any(deeper.is_dir() for deeper in one.iterdir())]
    return sorted(nested, key=lambda name: name != _WHOLE)


def _frames(root: Path, found: Items) -> dict[str, Path]:
    """The map of each frame, by `<video>/<frame>`; of several resolutions one is read."""
    if not (root / _MAPS).is_dir():
        return {}
    resolutions = _resolutions(root)
    for other in resolutions[1:]:
        found.left_out[OTHER_RESOLUTION] += len(list((root / _MAPS / other).rglob("*.png")))
    base = root / _MAPS / resolutions[0] if resolutions else root / _MAPS
    files = {file.relative_to(base): file for file in sorted(base.rglob("*.png"))}
    return {
        inside.with_suffix("").as_posix(): file for inside, file in files.items() if not is_hidden(inside)
    }


_Categories = Mapping[tuple[str, int], str]


def _categories(root: Path) -> _Categories | None:
    """The category of each object, by video and number; None without a `meta.json` of videos."""
    if not (root / _META).is_file():
        return None
    videos = json_fields.load_json(root / _META).get("videos")
    if not isinstance(videos, dict):
        return None
    return {
        (video, number): str(one.get("category", "object"))
        for video, entry in videos.items()
        for name, one in _objects(entry)
        if (number := json_fields.whole(name)) is not None
    }


def _objects(entry: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    objects = entry.get("objects") if isinstance(entry, dict) else None
    for name, one in objects.items() if isinstance(objects, dict) else ():
        if isinstance(one, dict):
            yield name, one


def _record(id: str, file: Path, images: ImageFiles, categories: _Categories | None) -> Record:
    """A frame."""
    masks, void = read_masks(file, ignore=void_number(file))
    numbers = [] if masks.labels is None else masks.labels.tolist()
    found = images.without_suffix(PurePath(id))
    image = found[0] if len(found) == 1 else images.folders[0] / f"{id}.jpg"
    meta: dict[str, Any] = {"file_name": f"{id}{image.suffix}", "ids": numbers}
    if categories is not None:
        video = PurePath(id).parent.as_posix()
        meta["categories"] = [categories.get((video, number), "object") for number in numbers]
    is_void = void is not None and rle.area(void) > 0
    own = type(masks)(masks.size, masks.rles)
    return Record(id, image, own, meta=meta, ignore=void if is_void else None)


@dataclass
class _Video:
    """What is known of a video while it is written."""

    name: str
    frames: Stems = field(default_factory=Stems)
    numbers: dict[object, int] = field(default_factory=dict)
    """The number of each track."""
    objects: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The category and the frames of each number."""

    def free(self) -> int:
        """The smallest number that no track has."""
        taken = set(self.numbers.values())
        return next(number for number in count(1) if number not in taken)


@dataclass
class VideoMapsWriter:
    """Writes the folder frame by frame."""

    place: Path
    layout: Layout
    _videos: dict[PurePath, _Video] = field(default_factory=dict)
    _names: Stems = field(default_factory=Stems)

    def __post_init__(self) -> None:
        """Make the folder."""
        self.place.mkdir(parents=True, exist_ok=True)

    def add(self, record: Record) -> Page:
        """Write the map of a frame. Raises InputError for more objects in a video than a palette holds."""
        stem = PurePath(json_fields.stem(record))
        video = self._video(stem.parent)
        known, told = tracks(record)
        numbers = self._numbers(video, known)
        frame = video.frames.name(plain_stem(stem.name), unique=True)
        drawn = draw(record)
        data = palette_png(np.array([0, *numbers], np.uint8)[drawn.objects], drawn.void)
        file = self.place / self.layout.maps / video.name / f"{frame}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        others = self._note(video, frame, record, numbers, drawn.runs)
        notes = {
            i: (
                *((HIDDEN,) if i in drawn.hidden else ()),
                *((NUMBERED,) if not told else (RENUMBERED,) if numbers[i] != known[i] else ()),
                *((OTHER_CATEGORY,) if i in others else ()),
                *((COVERED,) if i in drawn.covering else ()),
            )
            for i in range(len(numbers))
        }
        return Page(data, drawn.runs, {i: note for i, note in notes.items() if note})

    def _video(self, folder: PurePath) -> _Video:
        if folder not in self._videos:
            name = plain_stem("_".join(folder.parts)) if folder.name else _VIDEO
            self._videos[folder] = _Video(self._names.name(name))
        return self._videos[folder]

    def _numbers(self, video: _Video, known: list[int]) -> list[int]:
        """The number of each track in its video: its own, where that is from 1 to 254 and free."""
        new = [track for track in known if track not in video.numbers]
        if len(video.numbers) + len(new) > _MOST:
            raise InputError(
                f"objects must be at most {_MOST} in a video of palette images, got "
                f"{len(video.numbers) + len(new)} in '{video.name}'. Write --to coco or mots."
            )
        for track in new:
            is_free = 1 <= track <= _MOST and track not in video.numbers.values()
            video.numbers[track] = track if is_free else video.free()
        return [video.numbers[track] for track in known]

    def _note(
        self,
        video: _Video,
        frame: str,
        record: Record,
        numbers: list[int],
        runs: list[rle.Runs | None],
    ) -> set[int]:
        """Note the objects that a frame shows; gives the masks whose category is not that of their track."""
        others = set()
        for i, (number, name) in enumerate(zip(numbers, json_fields.names(record), strict=True)):
            one = video.objects.setdefault(number, {"category": name, "frames": []})
            if runs[i] is not None:
                one["frames"].append(frame)
            if one["category"] != name and self.layout.has_meta:
                others.add(i)
        return others

    def close(self) -> None:
        """Write the list of the videos, or what is known of their objects."""
        videos = {video.name: video for video in self._videos.values()}
        if self.layout.has_meta:
            listed = {
                name: {"objects": {str(number): one for number, one in sorted(video.objects.items())}}
                for name, video in videos.items()
            }
            (self.place / _META).write_bytes(json_fields.to_json({"videos": listed}))
            return
        folder = self.place / _SETS
        folder.mkdir(parents=True)
        (folder / "train.txt").write_text("".join(f"{name}\n" for name in videos), "utf-8")
