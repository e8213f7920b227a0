"""Data sets of loose files: SA-1B pairs, a COCO file with its pictures, pictures with PNG masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from anymask.data.parse import decode_picture, labelled, parse_record
from anymask.errors import FormatError
from anymask.formats import coco, png
from anymask.formats.json_fields import PICTURE_SUFFIXES
from anymask.geometry import rle
from anymask.types import Masks, Record


class FilePairs:
    """Pairs of `<id>.jpg` and `<id>.json` in one folder, in the order of names."""

    def __init__(self, name: str, folder: Path) -> None:
        """List the folder; pictures and annotations without their other half become faults."""
        self.name = name
        self._pictures = pictures_in(folder)
        self._texts = {path.stem: path for path in folder.glob("*.json")}
        self.ids: Sequence[str] = sorted(self._pictures.keys() & self._texts.keys())
        self.faults = unpaired(self._pictures, self._texts)

    def picture(self, index: int) -> bytes:
        """The encoded picture of an item."""
        return self._pictures[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        name = self.ids[index]
        return parse_record(name, self.picture(index), self._texts[name].read_bytes(), self.name)


class CocoPictures:
    """The pictures of a COCO file."""

    def __init__(self, name: str, file: coco.CocoFile) -> None:
        """file: its annotations, already read. Pictures that are not there become faults when asked for."""
        self.name = name
        self._file = file
        self.ids: Sequence[str] = file.ids
        self.faults: list[tuple[str, Exception]] = []

    def picture(self, index: int) -> bytes:
        """The encoded picture of an item."""
        return self._file.picture(index).read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        return labelled(self._file.record(index), decode_picture(self.picture(index)), self.name)


class PngMasks:
    """`images/<id>.*` with `masks/<id>.png` (a map), `masks/<id>_*.png` or `masks/<id>/*.png` (a mask each).

    A map holds a mask for every number but 0; pixels of the number `ignore` are nobody's.
    """

    def __init__(self, name: str, folder: Path, ignore: int | None = None) -> None:
        """List the folder; pictures without a mask and masks without a picture become faults."""
        self.name = name
        self._ignore = ignore
        self._pictures = pictures_in(folder / "images")
        self._masks = _group(sorted((folder / "masks").iterdir()), self._pictures)
        self.ids: Sequence[str] = sorted(self._pictures.keys() & self._masks.keys())
        self.faults = unpaired(self._pictures, self._masks)

    def picture(self, index: int) -> bytes:
        """The encoded picture of an item."""
        return self._pictures[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        name = self.ids[index]
        image = decode_picture(self.picture(index))
        files = self._masks[name]
        hidden = None
        if files == [files[0].with_name(f"{name}.png")]:
            masks, hidden = png.read_masks(files[0], ignore=self._ignore)
        else:
            masks = Masks.concat([_one_mask(file) for file in files])
        masks = replace(masks, labels=None)
        return labelled(Record(id=name, image=image, masks=masks, ignore=hidden), image, self.name)


def _one_mask(file: Path) -> Masks:
    """A file that holds a single mask: whatever is not 0."""
    masks, _ = png.read_masks(file)
    return Masks(masks.size, (rle.union(masks.rles, masks.size),))


def _group(entries: Iterable[Path], names: Iterable[str]) -> dict[str, list[Path]]:
    """Mask files by the picture they belong to; what belongs to none keeps its own name."""
    known = set(names)
    groups: dict[str, list[Path]] = {}
    for entry in entries:
        if entry.is_dir():
            files = sorted(entry.glob("*.png"))
            if files:
                groups.setdefault(entry.name, []).extend(files)
        elif entry.suffix.lower() == ".png":
            groups.setdefault(_owner(entry.stem, known), []).append(entry)
    return groups


def _owner(stem: str, known: set[str]) -> str:
    """The picture that a mask file is named after: its own stem, or the longest part before an underscore."""
    parts = stem.split("_")
    starts = ("_".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((start for start in starts if start in known), stem)


def pictures_in(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their stem, in the order of names."""
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES}


def unpaired(pictures: Iterable[str], annotations: Iterable[str]) -> list[tuple[str, Exception]]:
    """A fault for every name that only one of the two sides has."""
    left, right = set(pictures), set(annotations)
    return [
        (
            name,
            FormatError(
                f"item {name} must have a picture and an annotation, got no "
                f"{'annotation' if name in left else 'picture'}. Add it, or remove the other."
            ),
        )
        for name in sorted(left ^ right)
    ]
