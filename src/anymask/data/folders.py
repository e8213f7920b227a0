"""Data sets of loose files: SA-1B pairs, a COCO file with its images, images with PNG masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anymask.data.parse import decode_image, labelled, parse_annotation, parse_record
from anymask.errors import FormatError
from anymask.files import read_regular
from anymask.formats import coco, png
from anymask.formats.map_names import read_map_names
from anymask.formats.voc import VocFolder
from anymask.geometry import rle
from anymask.images.bands import Bands
from anymask.images.folder import IMAGE_SUFFIXES, list_files
from anymask.types import Masks, Record


class FilePairs:
    """Pairs of `<id>.jpg` and `<id>.json` in a folder and its subfolders, in the order of names.

    The id of `sub/c.jpg` is sub/c. Subfolders without any JSON file (overlays, for example) do not count.
    """

    bands: Bands | None = None

    def __init__(self, name: str, folder: Path) -> None:
        """List the folder; images without an annotation and annotations without an image become faults."""
        self.name = name
        self._texts = by_id(folder, (".json",))
        annotated = {path.parent for path in self._texts.values()}
        images = by_id(folder).items()
        self._images = {id: path for id, path in images if path.parent in annotated}
        self.ids: Sequence[str] = sorted(self._images.keys() & self._texts.keys())
        self.faults = unpaired(self._images, self._texts)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._images[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        name = self.ids[index]
        annotation = read_regular(self._texts[name], f"annotation {self._texts[name].name}")
        return parse_record(name, self.image_bytes(index), annotation, self.name, self.bands)

    def annotation(self, index: int) -> Record:
        """An item whose image is not read. Raises FormatError or OSError."""
        name = self.ids[index]
        text = read_regular(self._texts[name], f"annotation {self._texts[name].name}")
        return parse_annotation(name, text, self._images[name])


class CocoImages:
    """The images of a COCO file."""

    bands: Bands | None = None

    def __init__(self, name: str, file: coco.CocoFile) -> None:
        """file: its annotations, already read. Missing images become faults when they are read."""
        self.name = name
        self._file = file
        self.ids: Sequence[str] = file.ids
        self.faults: list[tuple[str, Exception]] = []

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._file.image_path(index).read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        return labelled(
            self._file.record(index),
            decode_image(self.image_bytes(index), self.bands, self.ids[index]),
            self.name,
        )

    def annotation(self, index: int) -> Record:
        """An item whose image is not read. Raises FormatError."""
        return self._file.record(index)


class VocMaps:
    """`JPEGImages/<id>.jpg` with `SegmentationObject/<id>.png` or `SegmentationClass/<id>.png`."""

    bands: Bands | None = None

    def __init__(self, name: str, folder: Path) -> None:
        """List the folders; images without a map are left out, maps without an image are faults."""
        self.name = name
        self._images = by_id(folder / "JPEGImages")
        self._maps = VocFolder(folder)
        known = set(self._maps.stems)
        self.ids: Sequence[str] = sorted(self._images.keys() & known)
        self.faults = unpaired(self._images.keys() & known, known)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image of an item."""
        return self._images[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        record = self._maps.record(self.ids[index])
        pixels = decode_image(self.image_bytes(index), self.bands, self.ids[index])
        return labelled(record, pixels, self.name)

    def annotation(self, index: int) -> Record:
        """An item whose image is not read. Raises FormatError, ImageError or OSError."""
        return self._maps.record(self.ids[index])


class Joined:
    """Several sources as one; each id begins with the name of its source."""

    def __init__(self, parts: Sequence[tuple[str, CocoImages]]) -> None:
        """parts: a name, such as that of a split, and a source."""
        self._parts = [source for _, source in parts]
        self._items = [(source, i) for source in self._parts for i in range(len(source.ids))]
        self.ids: Sequence[str] = [f"{name}/{id}" for name, source in parts for id in source.ids]
        self.faults = [fault for source in self._parts for fault in source.faults]

    @property
    def bands(self) -> Bands | None:
        """How images other than 8-bit RGB are shown, the same in all sources."""
        return self._parts[0].bands

    @bands.setter
    def bands(self, bands: Bands | None) -> None:
        for source in self._parts:
            source.bands = bands

    def image_bytes(self, index: int) -> bytes:
        """The encoded image of an item."""
        source, inner = self._items[index]
        return source.image_bytes(inner)

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        source, inner = self._items[index]
        return replace(source.record(inner), id=self.ids[index])

    def annotation(self, index: int) -> Record:
        """An item whose image is not read. Raises FormatError."""
        source, inner = self._items[index]
        return replace(source.annotation(inner), id=self.ids[index])


class PngMasks:
    """`images/<id>.*` with `masks/<id>.png` (a map), `masks/<id>_*.png` or `masks/<id>/*.png` (a mask each).

    Masks may be of any image type, see `images.painted_masks` for those with soft edges and lossy ones.
    A map holds a mask for every number but 0; pixels of the number `ignore` are ignored. A list of names
    (`formats.map_names`) says that the numbers are classes. A single mask file
    that holds several numbers is also a map (`<id>_cp_masks.png` of cellpose), as is each of several such
    files.
    """

    bands: Bands | None = None

    def __init__(self, name: str, folder: Path, ignore: int | None = None) -> None:
        """List the folder; images without a mask and masks without an image become faults."""
        self.name = name
        self._ignore = ignore
        self._names = read_map_names([folder, folder / "masks"])
        self._images = by_id(folder / "images")
        self._masks = _group(by_id(folder / "masks"), self._images)
        shared = _shared(folder / "images") | {
            _owner(id, set(self._images)): files for id, files in _shared(folder / "masks").items()
        }
        self.ids: Sequence[str] = sorted(self._images.keys() & self._masks.keys() - shared.keys())
        self.faults = unpaired(self._images, self._masks) + [_ambiguous(*one) for one in shared.items()]

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._images[self.ids[index]].read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        name = self.ids[index]
        image = decode_image(self.image_bytes(index), self.bands, name)
        masks, hidden = self._read(self._masks[name])
        meta: dict[str, object] = {"file_name": f"{name}{self._images[name].suffix}"}
        if self._names is None or masks.labels is None:
            masks = replace(masks, labels=None)
        else:
            meta["categories"] = [self._names.name(number) for number in masks.labels.tolist()]
        record = Record(id=name, image=image, masks=masks, meta=meta, ignore=hidden)
        return labelled(record, image, self.name)

    def annotation(self, index: int) -> Record:
        """As `record`: the masks are images too."""
        return self.record(index)

    def _read(self, files: Sequence[Path]) -> tuple[Masks, rle.Runs | None]:
        """The masks of an image, and the ignored pixels."""
        if len(files) == 1:
            void = self._ignore
            if void is None:
                void = self._names.void if self._names is not None else png.void_number(files[0])
            masks, hidden = png.read_masks(files[0], ignore=void)
            is_map = files[0].stem in self._images or _is_map(masks)
            return masks if is_map else _joined(masks), hidden
        found = [png.read_masks(file)[0] for file in files]
        return Masks.concat([masks if _is_map(masks) else _joined(masks) for masks in found]), None


def _is_map(masks: Masks) -> bool:
    """Whether the numbers of a file stand for several objects and are not the grey levels of a soft edge."""
    labels = [] if masks.labels is None else masks.labels.tolist()
    return len(labels) > 1 and (255 not in labels or labels == list(range(1, len(labels) + 1)))


def _joined(masks: Masks) -> Masks:
    """All masks of a file as one: whatever is not 0."""
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


def _shared(folder: Path) -> dict[str, list[str]]:
    """The ids that several files of a folder have, with the names of these files."""
    files: dict[str, list[str]] = {}
    for path in list_files(folder, IMAGE_SUFFIXES):
        files.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path.name)
    return {id: names for id, names in files.items() if len(names) > 1}


def _ambiguous(id: str, names: Sequence[str]) -> tuple[str, Exception]:
    """The fault of an item whose files differ in the suffix alone."""
    return id, FormatError(
        f"item {id} must have a name of its own, got {' and '.join(names)}. Rename one, or remove it."
    )


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
