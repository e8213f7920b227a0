"""All annotation formats by name: how each is recognised, read and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from anymask.formats import (
    coco,
    cvat,
    cvat_tracks,
    datumaro,
    dota,
    geojson,
    isat,
    labelme,
    labelstudio,
    mots,
    npz,
    png,
    sa1b,
    svg,
    via,
    video_maps,
    voc,
    yolo,
)
from anymask.formats.image_files import ImageFiles, is_hidden
from anymask.formats.json_fields import read_bytes
from anymask.formats.reading import Items, Reading
from anymask.formats.writers import Encode, FolderWriter, Outlines, Page, SingleWriter, Target, Writer
from anymask.types import Record

__all__ = ["BY_SUFFIX", "FORMATS", "READERS", "Format"]


@dataclass(frozen=True)
class Format:
    """An annotation format."""

    name: str
    what: str
    """A short description."""
    suffix: str
    """Suffix of its files; for a folder format, of the files in the folder."""
    keeps: frozenset[str]
    """Facts of a record that it stores besides the masks, see `loss_report.facts`."""
    items: Callable[[Path, Reading], Items]
    """Reads the records of a file, or of a folder for a folder format."""
    open: Callable[[Target], Writer] | None
    """A writer; None for a format that is only read."""
    folder: Callable[[str], bool] | None = None
    """Whether this format writes a file of this name into a folder; None: single files only."""
    always_folder: bool = False
    """Whether even a single record is written as a folder."""
    is_video: bool = False
    """Whether records are the frames of videos, and their ids are tracks."""
    by_content: bool = False
    """Whether its files are text that only their content tells from others; they are read one by one too."""

    @property
    def is_folder(self) -> bool:
        """Whether only a folder can be read, not a single file of it."""
        return self.always_folder and not self.by_content


Decode = Callable[[bytes, Path, Reading], Record]


def per_image(
    name: str,
    what: str,
    suffix: str,
    keeps: frozenset[str],
    encode: Encode,
    decode: Decode,
    *,
    told: bool = True,
) -> Format:
    """A format with one file per image; several files are written to a folder.

    told: whether a file names its image.
    """
    start = by_image(encode, suffix, told=told)
    return Format(name, what, suffix, keeps, one_record(decode), start, lambda file: file.endswith(suffix))


def by_image(encode: Encode, suffix: str, *, told: bool) -> Callable[[Target], Writer]:
    """Opens the writer of a format with one file per image. told: whether a file names its image."""
    return lambda target: (
        FolderWriter(target, encode, suffix, told=told) if target.many else SingleWriter(target, encode)
    )


def one_record(decode: Decode) -> Callable[[Path, Reading], Items]:
    """The items of a file that holds the annotations of one image."""

    def items(path: Path, reading: Reading) -> Items:
        return Items([(path.stem, partial(_read_one, decode, path, reading))])

    return items


def _read_one(decode: Decode, file: Path, reading: Reading) -> Record:
    return decode(read_bytes(file), file, reading)


def _coco_items(path: Path, reading: Reading) -> Items:
    file = coco.CocoFile(path, reading.images, crowds=True, boxes=reading.boxes)
    entries = [(id, partial(file.record, index)) for index, id in enumerate(file.ids)]
    return Items(entries, file.left_out)


def _masks_items(path: Path, reading: Reading) -> Items:
    """The folder itself, or its subfolders that contain masks."""
    inner = sorted({file.parent for file in path.rglob("*.png") if not is_hidden(file.relative_to(path))})
    folders = [path] if path in inner or not inner else inner
    return Items([
        (folder.relative_to(path).as_posix() if folder != path else path.name,
         partial(_read_masks, folder, path, reading))
        for folder in folders
    ])  # fmt: skip


def _read_masks(folder: Path, root: Path, reading: Reading) -> Record:
    name = folder.relative_to(root).as_posix() if folder != root else folder.name
    found = ImageFiles(root / name, reading.images).without_suffix(Path(name))
    image = found[0] if len(found) == 1 else root.parent / f"{Path(name).name}.jpg"
    return Record(name, image, png.read_folder(folder), meta={"file_name": f"{name}{image.suffix}"})


def _is_numbered(name: str) -> bool:
    return png.NUMBERED.fullmatch(name) is not None


def anywhere(encode: Callable[[Record, Outlines], Page]) -> Encode:
    """Adapt an encoder whose output does not depend on the path of the file."""
    return lambda record, outlines, home: encode(record, outlines)


def _video_maps(name: str, what: str, layout: video_maps.Layout) -> Format:
    return Format(
        name,
        what,
        ".png",
        layout.keeps,
        video_maps.items,
        lambda target: video_maps.VideoMapsWriter(target.place, layout),
        video_maps.ours,
        always_folder=True,
        is_video=True,
    )


_NOTHING: frozenset[str] = frozenset()
_ALL = (
    Format(
        "coco",
        "COCO's JSON",
        ".json",
        coco.KEEPS,
        _coco_items,
        lambda target: coco.CocoWriter(target.place, target.outlines),
    ),
    Format(
        "cvat",
        "CVAT for images 1.1",
        ".xml",
        cvat.KEEPS,
        lambda path, reading: cvat.items(read_bytes(path), path, reading),
        lambda target: cvat.CvatWriter(target.place, target.outlines),
    ),
    Format(
        "cvatvideo",
        "CVAT for video 1.1",
        ".xml",
        cvat_tracks.KEEPS,
        lambda path, reading: cvat.items(read_bytes(path), path, reading),
        lambda target: cvat_tracks.CvatVideoWriter(target.place, target.outlines),
        is_video=True,
    ),
    _video_maps("davis", "DAVIS's maps of objects", video_maps.DAVIS),
    Format(
        "dota",
        "DOTA's text",
        ".txt",
        dota.KEEPS,
        dota.items,
        by_image(anywhere(dota.encode), ".txt", told=False),
        lambda file: file.endswith(".txt"),
        by_content=True,
    ),
    per_image("geojson", "GeoJSON", ".geojson", geojson.KEEPS, anywhere(geojson.encode), geojson.decode),
    per_image(
        "instances",
        "PNG, masks numbered from 1",
        ".png",
        _NOTHING,
        anywhere(png.encode_instances),
        png.decode,
        told=False,
    ),
    per_image("labelme", "LabelMe's JSON", ".json", labelme.KEEPS, labelme.encode, labelme.decode),
    per_image(
        "labels",
        "PNG, the masks' class numbers",
        ".png",
        frozenset({"labels"}),
        anywhere(png.encode_labels),
        png.decode,
        told=False,
    ),
    Format(
        "labelstudio",
        "Label Studio's JSON",
        ".json",
        labelstudio.KEEPS,
        lambda path, reading: labelstudio.items(read_bytes(path), path, reading),
        lambda target: labelstudio.LabelStudioWriter(target.place, target.outlines),
    ),
    per_image(
        "mask",
        "PNG, a single mask as 0 and 255",
        ".png",
        _NOTHING,
        anywhere(png.encode_mask),
        png.decode,
        told=False,
    ),
    Format(
        "masks",
        "a folder with one PNG per mask",
        ".png",
        _NOTHING,
        _masks_items,
        lambda target: png.MasksWriter(target.place, many=target.many),
        _is_numbered,
        always_folder=True,
    ),
    Format(
        "mots",
        "MOTS's text",
        ".txt",
        mots.KEEPS,
        mots.items,
        lambda target: mots.MotsWriter(target.place, target.outlines),
        mots.ours,
        always_folder=True,
        is_video=True,
        by_content=True,
    ),
    per_image("npz", "NumPy arrays", ".npz", npz.KEEPS, anywhere(npz.encode), npz.decode),
    per_image("sa1b", "SA-1B's JSON", ".json", sa1b.KEEPS, anywhere(sa1b.encode), sa1b.decode),
    per_image("svg", "SVG paths", ".svg", svg.KEEPS, svg.encode, svg.decode),
    Format(
        "voc",
        "Pascal VOC's maps of classes and objects",
        ".png",
        voc.KEEPS,
        voc.items,
        lambda target: voc.VocWriter(target.place, target.outlines),
        voc.ours,
        always_folder=True,
    ),
    _video_maps("youtubevos", "YouTube-VOS's maps of objects", video_maps.YOUTUBE_VOS),
    Format(
        "yolo",
        "YOLO segmentation",
        ".txt",
        yolo.KEEPS,
        yolo.items,
        lambda target: yolo.YoloWriter(target.place, target.outlines),
        yolo.ours,
        always_folder=True,
    ),
)
FORMATS: Mapping[str, Format] = MappingProxyType({format.name: format for format in _ALL})
"""All formats that are read and written, by name."""
_READ_ONLY = (
    Format("datumaro", "Datumaro's JSON", ".json", _NOTHING, datumaro.items, None),
    Format("isat", "ISAT's JSON", ".json", _NOTHING, one_record(isat.decode), None),
    Format("via", "VIA's JSON", ".json", _NOTHING, via.items, None),
)
READERS: Mapping[str, Format] = MappingProxyType(
    dict(FORMATS) | {format.name: format for format in _READ_ONLY}
)
"""All formats that are read, by name."""
_suffixes = Counter(format.suffix for format in READERS.values())
BY_SUFFIX: Mapping[str, str] = MappingProxyType(
    {".xml": "cvat"}
    | {format.suffix: format.name for format in FORMATS.values() if _suffixes[format.suffix] == 1}
)
"""The format of a suffix that tells it: no other format has the suffix, or none that is read another way."""
