"""Every annotation format by name: how it is recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from anymask.errors import FormatError
from anymask.formats import coco, cvat, geojson, labelme, labelstudio, npz, png, sa1b, svg, yolo
from anymask.formats.json_fields import find_picture, parse_json, read_bytes
from anymask.formats.writers import Encode, FolderWriter, Outlines, SingleWriter, Writer
from anymask.types import Record

__all__ = ["FORMATS", "Format", "Items", "detect"]

Items = Iterable[tuple[str, Callable[[], Record]]]
"""Id and reader of every record; the reader raises FormatError or ImageError for a damaged one."""


@dataclass(frozen=True)
class Format:
    """An annotation format."""

    name: str
    what: str
    """What it is, in a few words."""
    suffix: str
    """Of its files; of a folder format those in the folder."""
    keeps: frozenset[str]
    """Facts of a record that it holds beside the masks, see `loss.facts`."""
    items: Callable[[Path, Path | None], Items]
    """Records of a path, their pictures looked for in the second path, or near."""
    open: Callable[[Path, Outlines, bool], Writer]
    """A writer for a place, with `True` for a folder of many records."""
    folder: Callable[[str], bool] | None = None
    """Whether a file of a name may be ours in a folder that is replaced; None: there is only one file."""
    always_folder: bool = False
    """Whether even a single record is a folder."""


def _per_picture(
    name: str,
    what: str,
    suffix: str,
    keeps: frozenset[str],
    encode: Encode,
    decode: Callable[[bytes, Path, Path | None], Record],
) -> Format:
    """A format with one file for each picture, in a folder if there are several."""

    def items(path: Path, pictures: Path | None) -> Iterator[tuple[str, Callable[[], Record]]]:
        for file in sorted(path.glob(f"*{suffix}")) if path.is_dir() else [path]:
            yield file.stem, partial(_read_one, decode, file, pictures)

    def start(place: Path, outlines: Outlines, many: bool) -> Writer:
        if many:
            return FolderWriter(place, encode, outlines, suffix)
        return SingleWriter(place, encode, outlines)

    return Format(name, what, suffix, keeps, items, start, lambda file: file.endswith(suffix))


def _read_one(
    decode: Callable[[bytes, Path, Path | None], Record], file: Path, pictures: Path | None
) -> Record:
    return decode(read_bytes(file), file, pictures)


def _coco_items(path: Path, pictures: Path | None) -> list[tuple[str, Callable[[], Record]]]:
    file = coco.CocoFile(path, pictures)
    return [(id, partial(file.record, index)) for index, id in enumerate(file.ids)]


def _masks_items(path: Path, pictures: Path | None) -> list[tuple[str, Callable[[], Record]]]:
    """The folder itself, or the folders in it."""
    inner = sorted(entry for entry in path.iterdir() if entry.is_dir())
    return [(folder.name, partial(_read_masks, folder, pictures)) for folder in inner or [path]]


def _read_masks(folder: Path, pictures: Path | None) -> Record:
    picture = find_picture(folder, f"{folder.name}.jpg", pictures)
    return Record(folder.name, picture, png.read_folder(folder))


def _is_numbered(name: str) -> bool:
    return png.NUMBERED.fullmatch(name) is not None


_NOTHING: frozenset[str] = frozenset()
_ALL = (
    Format(
        "coco",
        "COCO's JSON",
        ".json",
        coco.KEEPS,
        _coco_items,
        lambda place, o, many: coco.CocoWriter(place, o),
    ),
    Format(
        "cvat",
        "CVAT for images 1.1",
        ".xml",
        cvat.KEEPS,
        lambda path, pictures: cvat.items(read_bytes(path), path, pictures),
        lambda place, o, many: cvat.CvatWriter(place, o),
    ),
    _per_picture("geojson", "GeoJSON", ".geojson", geojson.KEEPS, geojson.encode, geojson.decode),
    _per_picture(
        "instances", "PNG, masks numbered from 1", ".png", _NOTHING, png.encode_instances, png.decode
    ),
    _per_picture("labelme", "LabelMe's JSON", ".json", labelme.KEEPS, labelme.encode, labelme.decode),
    _per_picture(
        "labels",
        "PNG, the masks' class numbers",
        ".png",
        frozenset({"labels"}),
        png.encode_labels,
        png.decode,
    ),
    Format(
        "labelstudio",
        "Label Studio's JSON",
        ".json",
        labelstudio.KEEPS,
        lambda path, pictures: labelstudio.items(read_bytes(path), path, pictures),
        lambda place, o, many: labelstudio.LabelStudioWriter(place, o),
    ),
    _per_picture("mask", "PNG, a single mask as 0 and 255", ".png", _NOTHING, png.encode_mask, png.decode),
    Format(
        "masks",
        "a folder with one PNG per mask",
        ".png",
        _NOTHING,
        _masks_items,
        lambda place, o, many: png.MasksWriter(place, many=many),
        _is_numbered,
        always_folder=True,
    ),
    _per_picture("npz", "NumPy arrays", ".npz", npz.KEEPS, npz.encode, npz.decode),
    _per_picture("sa1b", "SA-1B's JSON", ".json", sa1b.KEEPS, sa1b.encode, sa1b.decode),
    _per_picture("svg", "SVG paths", ".svg", svg.KEEPS, svg.encode, svg.decode),
    Format(
        "yolo",
        "YOLO segmentation",
        ".txt",
        yolo.KEEPS,
        yolo.items,
        lambda place, o, many: yolo.YoloWriter(place, o),
        yolo.ours,
        always_folder=True,
    ),
)
FORMATS: Mapping[str, Format] = MappingProxyType({format.name: format for format in _ALL})
"""All formats by name."""

_BY_SUFFIX = {".xml": "cvat", ".geojson": "geojson", ".svg": "svg", ".npz": "npz", ".png": "instances"}


def detect(path: Path) -> str:
    """The format of a file or folder, by its suffix, and where that leaves it open by what is in it.

    Raises FormatError where it looks like none.
    """
    if path.is_dir():
        return _detect_folder(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _detect_json(path)
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    raise FormatError(
        f"path must be a file or folder of a known format ({', '.join(FORMATS)}), got {path}. "
        f"{'Name its format.' if path.exists() else 'It does not exist.'}"
    )


def _detect_json(path: Path) -> str:
    """Which of the JSON formats a file is of, by its first names."""
    document = parse_json(read_bytes(path), path)
    if isinstance(document, list):
        return "labelstudio"
    names = document.keys() if isinstance(document, dict) else ()
    marks = {"images": "coco", "shapes": "labelme", "features": "geojson"}
    return next((format for mark, format in marks.items() if mark in names), "sa1b")


def _detect_folder(path: Path) -> str:
    """The format of a folder, by its files."""
    files = sorted(entry for entry in path.iterdir() if entry.is_file())
    if (path / "labels").is_dir() or any(file.suffix == ".txt" for file in files):
        return "yolo"
    for file in files:
        suffix = file.suffix.lower()
        if suffix == ".json":
            return _detect_json(file)
        if suffix in (".geojson", ".svg", ".npz"):
            return _BY_SUFFIX[suffix]
    pngs = [file.name for file in files if file.suffix.lower() == ".png"]
    if pngs:
        return "masks" if all(_is_numbered(name) for name in pngs) else "instances"
    if any(any(folder.glob("*.png")) for folder in path.iterdir() if folder.is_dir()):
        return "masks"
    raise FormatError(
        f"path must be a folder of a known format ({', '.join(FORMATS)}), got {path}. Name its format."
    )
