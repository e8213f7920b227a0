"""Readers of the layouts of SAM's 23 data sets: each lists a folder and reads single images as records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError, MissingExtraError
from anymask.evaluate.tables.coco_truth import open_coco
from anymask.evaluate.tables.label_images import read_classes, read_colours, read_numbers, read_white
from anymask.evaluate.tables.named_file import named_file
from anymask.evaluate.tables.table import Items
from anymask.formats import json_fields, via
from anymask.formats.polygons.rasterise import from_polygons
from anymask.formats.reading import Reading
from anymask.geometry import rle
from anymask.images.read import image_size
from anymask.types import Masks, Record

__all__ = [
    "ade20k_full",
    "binary_masks",
    "cityscapes_panoptic",
    "class_maps",
    "coco_files",
    "colour_maps",
    "hypersim",
    "instance_folders",
    "listed",
    "number_maps",
    "ovis",
    "via_files",
    "visor",
    "woodscape",
]

Numbers = NDArray[Any]


def listed(records: Mapping[str, Callable[[], Record]]) -> Items:
    """Items from the reader of each."""
    ids = sorted(records)
    return Items(ids, lambda index: records[ids[index]]())


def _record(id: str, image: Path, masks: Sequence[Path]) -> Record:
    """An image with one white-on-black image for each mask."""
    size = image_size(image)
    runs = []
    for path in masks:
        mask = read_white(path)
        _check_size(path, mask.shape, image, size)
        runs.append(rle.encode(mask))
    return Record(id, image, Masks(size, runs))


def _check_size(path: Path, found: Sequence[int], image: Path, size: tuple[int, int]) -> None:
    if tuple(found) != size:
        raise FormatError(
            f"annotation must have the size {size} of {image}, got {tuple(found)} in {path}. Get both again."
        )


def of_numbers(id: str, image: Path, numbers: Numbers, without: Iterable[int] = (0,)) -> Record:
    """A mask for each number (H, W) but those `without`."""
    shown = sorted({*np.unique(numbers).tolist()} - {*without})
    size = (int(numbers.shape[0]), int(numbers.shape[1]))
    return Record(id, image, Masks(size, [rle.encode(numbers == number) for number in shown]))


def _by_stem(folder: Path, pattern: str, ending: str = "") -> dict[str, Path]:
    return {
        str(path.relative_to(folder).with_suffix("")).removesuffix(ending): path
        for path in sorted(folder.glob(pattern))
    }


def _pairs(
    images: Mapping[str, Path], annotations: Mapping[str, Path], read: Callable[[str, Path, Path], Record]
) -> Items:
    """Images that have an annotation of the same name."""
    both = images.keys() & annotations.keys()
    alone = {
        kind: sorted(some.keys() - both)
        for kind, some in (
            ("images without annotations", images),
            ("annotations without an image", annotations),
        )
    }
    notes = [f"{len(ids)} {kind}, left out, first {ids[0]}" for kind, ids in alone.items() if ids]

    def checked(id: str) -> Record:
        record = read(id, images[id], annotations[id])
        _check_size(annotations[id], record.masks.size, images[id], image_size(images[id]))
        return record

    found = listed({id: partial(checked, id) for id in both})
    return replace(found, notes=notes)


def coco_files(pattern: str, images: str = ".") -> Callable[[Path], Items]:
    """COCO files by a pattern; `images` is relative to the data set. Crowds are ignored pixels."""

    def open_(root: Path) -> Items:
        records: dict[str, Callable[[], Record]] = {}
        notes: list[str] = []
        for path in sorted(root.glob(pattern)):
            file = open_coco(path, root / images)
            notes += [f"{path}: {count} x {kind}, left out" for kind, count in file.left_out.items()]
            notes += [] if len(file) else [f"{path}: no images"]
            prefix = path.relative_to(root).with_suffix("").as_posix()
            records |= {
                f"{prefix}/{id}": partial(_named, path, partial(file.record, i))
                for i, id in enumerate(file.ids)
            }
        return replace(listed(records), notes=notes)

    return open_


def _named(path: Path, read: Callable[[], Record]) -> Record:
    """A record; errors name the file of the annotations."""
    with named_file(path):
        return read()


def number_maps(
    images: str, maps: str, endings: tuple[str, str] = ("", ""), *, only: tuple[str, ...] = ()
) -> Callable[[Path], Items]:
    """Images with a grey or palette image of numbers, one mask for each but 0.

    images, maps: folder and pattern, such as "image/*.jpg". endings: of the names, before the suffix. only:
    what a name must contain one of, in lower case.
    """

    def open_(root: Path) -> Items:
        found = [
            {id: path for id, path in _of_pattern(root, pattern, ending).items() if _is_wanted(id, only)}
            for pattern, ending in zip((images, maps), endings, strict=True)
        ]
        return _pairs(found[0], found[1], lambda id, image, path: of_numbers(id, image, read_numbers(path)))

    return open_


def _is_wanted(id: str, only: tuple[str, ...]) -> bool:
    return not only or any(word in id.lower() for word in only)


def class_maps(images: str, maps: str, ignored: tuple[int, ...] = (0, 255)) -> Callable[[Path], Items]:
    """The same for classes: one mask for each class, but those that are ignored."""

    def read(id: str, image: Path, path: Path) -> Record:
        return of_numbers(id, image, read_classes(path), ignored)

    return lambda root: _pairs(_of_pattern(root, images), _of_pattern(root, maps), read)


def colour_maps(images: str, maps: str, endings: tuple[str, str]) -> Callable[[Path], Items]:
    """Images with an image that has a colour for each object, black elsewhere."""

    def read(id: str, image: Path, path: Path) -> Record:
        return of_numbers(id, image, read_colours(path))

    return lambda root: _pairs(
        _of_pattern(root, images, endings[0]), _of_pattern(root, maps, endings[1]), read
    )


def _of_pattern(root: Path, pattern: str, ending: str = "") -> dict[str, Path]:
    """Files by their names below the part of the pattern that is no pattern."""
    parts = Path(pattern).parts
    fixed = next((i for i, part in enumerate(parts) if "*" in part or "[" in part), len(parts) - 1)
    return _by_stem(root.joinpath(*parts[:fixed]), "/".join(parts[fixed:]), ending)


def binary_masks(images: str, masks: str) -> Callable[[Path], Items]:
    """Images with one image that is white on the object."""

    def read(id: str, image: Path, path: Path) -> Record:
        return _record(id, image, [path])

    return lambda root: _pairs(_of_pattern(root, images), _of_pattern(root, masks), read)


def instance_folders(root: Path) -> Items:
    """BBBC038v1: `<id>/images/<id>.png` with one white-on-black image for each nucleus in `<id>/masks/`."""

    def read(folder: Path) -> Record:
        masks = sorted((folder / "masks").glob("*.png"))
        return _record(folder.name, folder / "images" / f"{folder.name}.png", masks)

    folders = [path.parent for path in root.glob("*/masks") if path.is_dir()]
    return listed({folder.name: partial(read, folder) for folder in folders})


def via_files(*names: tuple[str, str]) -> Callable[[Path], Items]:
    """Files of VGG's annotator, each with the folder of its images."""

    def open_(root: Path) -> Items:
        records: dict[str, Callable[[], Record]] = {}
        for file, folder in names:
            with named_file(root / file):
                found = via.items(root / file, Reading(root / folder)).entries
            records |= {f"{folder}/{id}": partial(_named, root / file, read) for id, read in found}
        return listed(records)

    return open_


def ade20k_full(root: Path) -> Items:
    """The full ADE20K: instances in the blue channel of `*_seg.png`, and of `*_parts_<n>.png` for parts."""

    def read(id: str, image: Path, map: Path) -> Record:
        levels = [map, *sorted(map.parent.glob(f"{image.stem}_parts_*.png"))]
        masks = []
        for level in levels:
            colours = read_colours(level)
            _check_size(level, colours.shape, image, image_size(image))
            numbers = (colours >> 16) // 10 * 65536 + (colours & 65535)
            shown = [number for number in np.unique(numbers).tolist() if number // 256]
            masks += [rle.encode(numbers == number) for number in shown]
        return Record(id, image, Masks(image_size(image), masks))

    images, maps = _by_stem(root, "**/ADE_val_*.jpg"), _by_stem(root, "**/ADE_val_*_seg.png", "_seg")
    return _pairs(images, maps, read)


def ovis(root: Path) -> Items:
    """OVIS: run lengths for each frame of a video, none where the object is absent."""
    path = root / "annotations_train.json"
    document = json_fields.load_json(path)
    tracks: dict[int, list[Mapping[str, Any]]] = {}
    for one in json_fields.field(document, "annotations", list, path.name):
        owner = f"annotation of {path.name}"
        tracks.setdefault(json_fields.field(one, "video_id", int, owner), []).append(one)

    def read(name: str, frame: int, frames: int, size: tuple[int, int], video: int) -> Record:
        with named_file(path):
            shapes = [_frames_of(track, frames)[frame] for track in tracks.get(video, [])]
            runs = [json_fields.segmentation_runs(shape, size) for shape in shapes if shape is not None]
            return Record(name, root / "train" / json_fields.inner_path(name), Masks(size, runs))

    records: dict[str, Callable[[], Record]] = {}
    shown = set[int]()
    for video in json_fields.field(document, "videos", list, path.name):
        owner = f"video {video.get('id') if isinstance(video, Mapping) else video} of {path.name}"
        number, size = json_fields.field(video, "id", int, owner), json_fields.read_size(video, owner)
        files = json_fields.field(video, "file_names", list, owner)
        for frame, file in enumerate(files):
            name = json_fields.field({"file_names": file}, "file_names", str, owner)
            records[name] = partial(read, name, frame, len(files), size, number)
            shown.add(number)
    alone = [one for one in tracks if one not in shown]
    notes = [f"{path}: annotations of no video, left out, first of video_id {alone[0]}"] if alone else []
    return replace(listed(records), notes=notes)


def _frames_of(track: Mapping[str, Any], frames: int) -> list[Any]:
    """The shapes of an object of OVIS, one for each frame."""
    owner = f"annotation {track.get('id')}"
    found: list[Any] = json_fields.field(track, "segmentations", list, owner)
    if len(found) != frames:
        raise FormatError(
            f"segmentations of {owner} must be one for each of {frames} frames, got {len(found)}. Get them."
        )
    return found


def visor(root: Path) -> Items:
    """VISOR: polygons for each frame, drawn on frames of another size; they are scaled to the frame."""

    folder = root / "rgb_frames" / "val"

    def read(path: Path, id: str, entries: Sequence[Mapping[str, Any]], width: float) -> Record:
        with named_file(path):
            name = json_fields.inner_path(id).name
            image = next(iter(sorted(folder.glob(f"**/{name}"))), folder / name)
            size = image_size(image)
            scale = size[1] / width
            return _of_polygons(id, image, size, [entry["segments"] for entry in entries], scale)

    records: dict[str, Callable[[], Record]] = {}
    for path in sorted(root.glob("annotations/val/*.json")):
        with named_file(path):
            for frame in json_fields.field(json_fields.load_json(path), "video_annotations", list, path.name):
                name, width = frame["image"]["name"], float(frame["image"].get("width", VISOR_WIDTH))
                records[name] = partial(read, path, name, frame["annotations"], width)
    return listed(records)


def _of_polygons(
    id: str, image: Path, size: tuple[int, int], shapes: Sequence[Sequence[Any]], scale: float = 1.0
) -> Record:
    """Masks of several polygons each, [[x, y], ...]; those with fewer than three corners are left out."""
    drawn = [[np.ravel(part) * scale for part in parts if len(part) > 2] for parts in shapes]
    few = sum(len(parts) for parts in shapes) - sum(map(len, drawn))
    return Record(
        id,
        image,
        Masks(size, [from_polygons(parts, size) for parts in drawn if parts]),
        left_out={"polygon of fewer than 3 corners": few} if few else {},
    )


VISOR_WIDTH = 1920.0
"""Width of the frames that VISOR's polygons were drawn on."""


def woodscape(root: Path) -> Items:
    """WoodScape: `instance_annotations/<name>.json`, a list of polygons of a fisheye image."""

    def read(id: str, image: Path, path: Path) -> Record:
        size = image_size(image)
        with named_file(path):
            document = json_fields.load_json(path)
            entry = json_fields.mapping(next(iter(document.values()), None), path.name)
            marked = json_fields.field(entry, "annotation", list, path.name)
            return _of_polygons(id, image, size, [[one.get("segmentation") or []] for one in marked])

    return _pairs(
        _by_stem(root / "rgb_images", "*.png"), _by_stem(root / "instance_annotations", "*.json"), read
    )


def hypersim(root: Path) -> Items:
    """Hypersim: `frame.*.semantic_instance.hdf5`, -1 where there is none. Raises MissingExtraError."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("reading HDF5", "hdf5") from None

    def read(id: str, image: Path, path: Path) -> Record:
        try:
            with h5py.File(path) as file:
                numbers = np.asarray(file["dataset"])
        except (OSError, KeyError) as error:
            raise FormatError(f"path must hold instances, got {path} ({error}). Get it again.") from None
        return of_numbers(id, image, numbers, (-1,))

    images, maps = {}, {}
    for path in sorted(root.glob("ai_*/images/scene_cam_*_geometry_hdf5/frame.*.semantic_instance.hdf5")):
        scene, camera, frame = path.parts[-4], path.parts[-2].removesuffix("_geometry_hdf5"), path.name[6:10]
        if int(scene.split("_")[1]) in HYPERSIM_VOLUMES:
            id = f"{scene}/{camera}/{frame}"
            folder = path.parent.parent / f"{camera}_final_preview"
            images[id], maps[id] = folder / f"frame.{frame}.tonemap.jpg", path
    return _pairs(images, maps, read)


HYPERSIM_VOLUMES = frozenset(range(1, 56)) - {20, 25, 40, 49}


def cityscapes_panoptic(root: Path) -> Items:
    """Cityscapes val: a mask for each object and each class of the rest, of the 19 evaluated classes."""

    def read(id: str, image: Path, path: Path) -> Record:
        numbers = read_numbers(path).astype(np.int64)
        labels = np.where(numbers >= 1000, numbers // 1000, numbers)
        single = (numbers >= 1000) | ~np.isin(labels, list(CITYSCAPES_THINGS))
        kept = np.isin(labels, list(CITYSCAPES_EVALUATED)) & single
        return of_numbers(id, image, np.where(kept, numbers, 0))

    return _pairs(
        _of_pattern(root, "leftImg8bit/val/*/*_leftImg8bit.png", "_leftImg8bit"),
        _of_pattern(root, "gtFine/val/*/*_gtFine_instanceIds.png", "_gtFine_instanceIds"),
        read,
    )


CITYSCAPES_THINGS = frozenset((24, 25, 26, 27, 28, 31, 32, 33))
CITYSCAPES_EVALUATED = frozenset((7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23)) | CITYSCAPES_THINGS
