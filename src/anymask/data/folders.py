"""Data sets of loose files: SA-1B pairs, a COCO file with its pictures, pictures with PNG masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anymask.data.parse import decode_image, labelled, parse_record
from anymask.errors import FormatError
from anymask.formats import coco, png
from anymask.geometry import rle
from anymask.images.folder import IMAGE_SUFFIXES, list_files
from anymask.types import Masks, Record


class FilePairs:
    """Pairs of `<id>.jpg` and `<id>.json` in a folder and its subfolders, in the order of names.

    The id of `sub/c.jpg` is sub/c. Subfolders without any JSON file (overlays, for example) do not count.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """List the folder; pictures and annotations without their other half become faults."""
        self.name = name
        self._texts = by_id(folder, (".json",))
        annotated = {path.parent for path in self._texts.values()}
        images = by_id(folder).items()
        self._pictures = {id: path for id, path in images if path.parent in annotated}
        self.ids: Sequence[str] = sorted(self._pictures.keys() & self._texts.keys())
        self.faults = unpaired(self._pictures, self._texts)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._pictures[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        name = self.ids[index]
        return parse_record(name, self.image_bytes(index), self._texts[name].read_bytes(), self.name)


class CocoPictures:
    """The pictures of a COCO file."""

    def __init__(self, name: str, file: coco.CocoFile) -> None:
        """file: its annotations, already read. Pictures that are not there become faults when asked for."""
        self.name = name
        self._file = file
        self.ids: Sequence[str] = file.ids
        self.faults: list[tuple[str, Exception]] = []

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._file.picture(index).read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        return labelled(self._file.record(index), decode_image(self.image_bytes(index)), self.name)


class PngMasks:
    """`images/<id>.*` with `masks/<id>.png` (a map), `masks/<id>_*.png` or `masks/<id>/*.png` (a mask each).

    A map holds a mask for every number but 0; pixels of the number `ignore` are nobody's.
    """

    def __init__(self, name: str, folder: Path, ignore: int | None = None) -> None:
        """List the folder; pictures without a mask and masks without a picture become faults."""
        self.name = name
        self._ignore = ignore
        self._pictures = by_id(folder / "images")
        self._maps = by_id(folder / "masks", (".png",))
        self._masks = _group(self._maps, self._pictures)
        self.ids: Sequence[str] = sorted(self._pictures.keys() & self._masks.keys())
        self.faults = unpaired(self._pictures, self._masks)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._pictures[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        name = self.ids[index]
        image = decode_image(self.image_bytes(index))
        files = self._masks[name]
        hidden = None
        if files == [self._maps.get(name)]:
            masks, hidden = png.read_masks(files[0], ignore=self._ignore)
        else:
            masks = Masks.concat([_one_mask(file) for file in files])
        masks = replace(masks, labels=None)
        return labelled(Record(id=name, image=image, masks=masks, ignore=hidden), image, self.name)


def _one_mask(file: Path) -> Masks:
    """A file that holds a single mask: whatever is not 0."""
    masks, _ = png.read_masks(file)
    return Masks(masks.size, (rle.union(masks.rles, masks.size),))


def _group(masks: Mapping[str, Path], names: Iterable[str]) -> dict[str, list[Path]]:
    """Mask files by the image they belong to; what belongs to none keeps its own name."""
    known = set(names)
    groups: dict[str, list[Path]] = {}
    for id, file in masks.items():
        groups.setdefault(_owner(id, known), []).append(file)
    return groups


def _owner(id: str, known: set[str]) -> str:
    """The image of a mask file: its own id, the longest part before an underscore, or the folder it is in."""
    folder, slash, stem = id.rpartition("/")
    parts = stem.split("_")
    starts = [folder + slash + "_".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((start for start in [*starts, folder] if start in known), id)


def by_id(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """The files of a folder and its subfolders by id, the path without suffix, such as sub/c; in order."""
    files = list_files(folder, suffixes)
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def unpaired(images: Iterable[str], annotations: Iterable[str]) -> list[tuple[str, Exception]]:
    """A fault for every name that only one of the two sides has."""
    left, right = set(images), set(annotations)
    return [
        (
            name,
            FormatError(
                f"item {name} must have an image and an annotation, got no "
                f"{'annotation' if name in left else 'image'}. Add it, or remove the other."
            ),
        )
        for name in sorted(left ^ right)
    ]
