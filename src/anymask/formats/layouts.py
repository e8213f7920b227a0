"""Detect the format of a file, and which files of a folder are annotations.

Folders are read as tools export them: annotations next to their images or in separate folders (images/,
labels/, annotations/), with splits (train/, valid/). System files (.DS_Store, ._a.json) are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anymask.errors import FormatError
from anymask.files import open_regular
from anymask.formats import dota, map_names, mots, png, video_maps, voc
from anymask.formats.image_files import is_hidden, is_plain
from anymask.formats.json_fields import text, unreadable
from anymask.formats.json_stream import JsonStream
from anymask.formats.reading import UnknownFormatError
from anymask.formats.registry import BY_SUFFIX, FORMATS, READERS
from anymask.formats.yolo_reading import is_label_file, label_folders
from anymask.images.folder import IMAGE_SUFFIXES

__all__ = ["Layout", "detect", "layout"]

_BY_SUFFIX = {**BY_SUFFIX, ".png": "instances"}
_MARKS = {
    "items": "datumaro",
    "images": "coco",
    "shapes": "labelme",
    "features": "geojson",
    "_via_img_metadata": "via",
}
"""The member of a JSON object that identifies its format."""
_GEOJSON = ("Feature", "FeatureCollection", "Polygon", "MultiPolygon", "GeometryCollection")
NO_ANNOTATIONS = "file of no known annotation format"
OTHER_KIND = "file beside instances_*.json"
"""COCO's captions, keypoints, stuff: files of the same images, of which the instances are read."""
_LINES = {"dota": dota.are_lines, "mots": mots.are_lines}
"""Whether lines are of a format whose files only their content tells."""
_DEEPEST = 6  # folders within folders
_CITYSCAPES = ("_gtFine_instanceIds.png", "_gtFine_labelIds.png")
_MOST_TEXTS, _HEAD, _MOST_LINES = 100, 1 << 17, 20  # files of a folder, bytes and lines that are looked at


@dataclass
class Layout:
    """The annotations at a path."""

    root: Path
    """The folder, or the folder of the file."""
    sources: list[tuple[str, Path]]
    """Format and path of each file or folder to read."""
    passed_over: dict[Path, str] = field(default_factory=dict)
    """Files that look like annotations and are not read, and what they are."""


def detect(path: Path) -> str:
    """The format of a file or folder, the first if several, see `layout`. Raises FormatError if unknown."""
    return layout(path).sources[0][0]


def layout(path: Path, format: str | None = None) -> Layout:
    """The annotations at a path, only those of `format` if given. Raises FormatError if there are none."""
    if not path.is_dir():
        return Layout(path.parent, [(format or _of_file(path), path)])
    if format is not None and (READERS[format].always_folder or READERS[format].by_content):
        return Layout(path, [(format, path)])
    if format is None and (known := video_maps.format_of(path)) is not None:
        return Layout(path, [(known, path)])
    if format is None and any(file.name.endswith(_CITYSCAPES) for file in _files(path)):
        raise FormatError(
            f"path must be a folder of a known format, got maps of Cityscapes in {path}. They are read for "
            "training alone, as cityscapes:FOLDER (see docs/training.md)."
        )
    found = Layout(path, [])
    maps = voc.folders(path) if format is None else []
    if maps:
        others = [file for file in _files(path) if not any(folder in file.parents for folder in maps)]
        found.sources = [("voc", path), *_beside(path, others, found.passed_over)]
        return found
    if format is None and (texts := _text_formats(path)):
        found.sources = [(name, path) for name in dict.fromkeys(texts.values())]
        found.sources += _beside(path, _files(path), found.passed_over)
        found.passed_over |= {
            file: NO_ANNOTATIONS
            for file in _files(path)
            if file.suffix.lower() == ".txt" and file.parent not in texts and _is_labels(file, path)
        }
        return found
    if format is None and (known := _folder_format(path)) is not None:
        return Layout(path, [(known, path)])
    files = list(_files(path))
    found.sources = _instances(list(_chosen(path, files, format, found.passed_over)), found.passed_over)
    if not found.sources and format is None:
        raise UnknownFormatError(
            f"path must be a folder of a known format ({', '.join(FORMATS)}), got {path}. Name its format."
        )
    return found


def _beside(path: Path, files: Iterable[Path], passed_over: dict[Path, str]) -> Iterator[tuple[str, Path]]:
    """The annotation files that lie beside a format that is a whole folder."""
    texts = [file for file in files if file.suffix.lower() in (*BY_SUFFIX, ".json")]
    return _chosen(path, texts, None, passed_over)


def _text_formats(path: Path) -> dict[Path, str]:
    """The folders of text files of a format that only their content tells, with the format of each."""
    found: dict[Path, str] = {}
    looked: Counter[Path] = Counter()
    for file in _files(path):
        if file.suffix.lower() == ".txt" and file.parent not in found and looked[file.parent] < _MOST_TEXTS:
            looked[file.parent] += 1
            known = _of_text(file)
            found |= {} if known is None else {file.parent: known}
    return found


def _is_labels(file: Path, root: Path) -> bool:
    """Whether a text file is one of YOLO's, as far as its folder tells."""
    return "labels" in file.relative_to(root).parent.parts and is_label_file(file)


def _of_text(path: Path) -> str | None:
    """The format of a text file, by the first of its lines; None if these do not tell."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return None
    lines = text(head).splitlines()[:_MOST_LINES]
    return next((name for name, are_lines in _LINES.items() if are_lines(lines)), None)


def _of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".txt" and (known := _of_text(path)) is not None:
        return known
    if suffix == ".json":
        known = _of_json(path)
        if known is None:
            raise UnknownFormatError(
                f"path must be JSON of a known format ({', '.join(READERS)}), got {path}. Name its format."
            )
        return known
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if not path.exists():
        raise FormatError(f"path must be a file or folder that exists, got {path}. Check the name.")
    raise UnknownFormatError(
        f"path must be a file or folder of a known format ({', '.join(FORMATS)}), got {path}. "
        "Name its format."
    )


def _files(path: Path) -> Iterator[Path]:
    """The files of a folder and the folders in it, in order, without hidden ones."""
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if len(inside.parts) <= _DEEPEST and not is_hidden(inside) and file.is_file():
            yield file


def _chosen(
    root: Path, files: Sequence[Path], format: str | None, passed_over: dict[Path, str]
) -> Iterator[tuple[str, Path]]:
    """The annotation files among the files of a folder at `root`."""
    if format is not None:
        suffix = READERS[format].suffix
        for file in files:
            if file.suffix.lower() == suffix:
                of_json = _of_json_or_damaged(file) if suffix == ".json" else format
                if of_json in (format, "damaged", *_ALIKE.get(format, ())):
                    yield format, file
                else:
                    passed_over[file] = NO_ANNOTATIONS
        return
    texts = [file for file in files if file.suffix.lower() in (*BY_SUFFIX, ".json", ".csv")]
    texts = [file for file in texts if file.name not in map_names.LISTS]
    for file in texts:
        is_json = file.suffix.lower() == ".json"
        known = _of_json_or_damaged(file) if is_json else _BY_SUFFIX.get(file.suffix.lower())
        if known == "damaged":
            known = _commonest(texts)
        if known is None:
            passed_over[file] = NO_ANNOTATIONS
        else:
            yield known, file
    if len(texts) == len(passed_over):
        maps = png.maps_among([file for file in files if _may_be_map(file, root)], root)
        if len(maps) > len(texts):  # else they are the images of annotations that nobody knows
            yield from (("instances", file) for file in maps)


def _may_be_map(file: Path, root: Path) -> bool:
    """Whether a file is a PNG, or an image of another type in a folder called `masks`."""
    suffix = file.suffix.lower()
    inside = {part.lower() for part in file.relative_to(root).parent.parts}
    return suffix == ".png" or (suffix in IMAGE_SUFFIXES and "masks" in inside)


def _instances(sources: list[tuple[str, Path]], passed_over: dict[Path, str]) -> list[tuple[str, Path]]:
    """Keep only the instances files of a folder of COCO files, if there are any."""
    best = {file.parent for format, file in sources if format == "coco" and file.name.startswith("instances")}
    beside = [
        (format, file)
        for format, file in sources
        if format == "coco" and file.parent in best and not file.name.startswith("instances")
    ]
    passed_over.update({file: OTHER_KIND for _, file in beside})
    return [source for source in sources if source not in beside]


_ALIKE: Mapping[str, tuple[str | None, ...]] = {"sa1b": (None,)}


def _commonest(files: Sequence[Path]) -> str | None:
    """The most frequent format of the JSON files of a folder, assumed for corrupt ones."""
    known = [_of_json_or_damaged(file) for file in files if file.suffix.lower() == ".json"]
    counts = Counter(one for one in known if one not in (None, "damaged"))
    return counts.most_common(1)[0][0] if counts else "sa1b"


def _of_json_or_damaged(path: Path) -> str | None:
    try:
        return _of_json(path)
    except FormatError:
        return "damaged"


def _folder_format(path: Path) -> str | None:
    """The format of a folder whose files are read together; None for other folders."""
    labels = [folder for folder in label_folders(path) if folder != path]
    if any(_has(folder, ".txt") for folder in labels):
        return "yolo"
    if any(_is_annotation(file) for file in _files(path)):
        return None
    texts = [file for file in _files(path) if file.suffix.lower() == ".txt"]
    is_empty = bool(labels) and not any(_has(folder, ".png") for folder in labels)
    if is_empty or any(is_label_file(file) for file in texts):
        return "yolo"
    maps = [file for file in _files(path) if file.suffix.lower() == ".png"]
    inside = {file.parent for file in maps}
    numbered = all(png.NUMBERED.fullmatch(file.name) for file in maps)
    if maps and numbered and all((folder / "000.png").is_file() for folder in inside):
        return "masks"  # a mask each; maps of films are numbered with more digits
    return None


def _has(folder: Path, suffix: str) -> bool:
    return any(file.suffix.lower() == suffix for file in _files(folder))


def _is_annotation(file: Path) -> bool:
    if file.suffix.lower() == ".json":
        return _of_json_or_damaged(file) is not None
    return file.suffix.lower() in BY_SUFFIX


def _of_json(path: Path) -> str | None:
    """The JSON format of a file, by its first members; None if unknown. Raises FormatError."""
    try:
        with open_regular(path) as file:
            stream = JsonStream(file, path)
            if stream.is_list():
                return _of_list(next(stream.elements(), None))
            return _of_object(stream)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        if isinstance(error, FormatError):
            raise
        raise unreadable(path, error) from None


def _of_list(first: Any) -> str | None:
    """The format of a list, by its first entry."""
    if first is None:
        return "labelstudio"
    if not isinstance(first, dict):
        return None
    if "image_id" in first:
        return "coco"
    if first.get("type") == "Feature":
        return "geojson"
    is_task = "data" in first or "annotations" in first or "annotation_id" in first
    texts = any(isinstance(value, str) for value in first.values())
    lists = any(isinstance(value, list) for value in first.values())
    return "labelstudio" if is_task or (texts and lists) else None


def _of_object(stream: JsonStream) -> str | None:
    """The format of an object, by as few of its members as possible."""
    seen: dict[str, Any] = {}
    if not stream.is_object():
        return None
    for name in stream.members():
        if name in _MARKS:
            return _MARKS[name]
        if name == "annotations" and stream.is_list():
            first = next(stream.elements(), None)
            is_coco = isinstance(first, dict) and "image_id" in first
            return "coco" if is_coco else "sa1b" if "image" in seen or first is not None else None
        seen[name] = stream.value()
        if seen.get("type") in _GEOJSON:
            return "geojson"
        if isinstance(seen[name], dict) and "regions" in seen[name] and "filename" in seen[name]:
            return "via"
    return _of_members(seen)


def _of_members(seen: Mapping[str, Any]) -> str | None:
    if "objects" in seen and "info" in seen:
        return "isat"
    if "metadata" in seen and "file" in seen and "view" in seen:
        return "via"
    if "data" in seen and ("annotations" in seen or "predictions" in seen):
        return "labelstudio"
    if "imagePath" in seen:
        return "labelme"
    return "sa1b" if "image" in seen else None


def split_of(file: Path, root: Path) -> Path:
    """The folders between a root and a file that distinguish images."""
    return Path(*(part for part in file.relative_to(root).parent.parts if not is_plain(part)))
