"""PNG masks: one file per mask (0 and 255), or all masks in one map of numbers.

A map has 0 where nothing is; it is 8-bit while the numbers stay below 256, else 16-bit. Where masks overlap
the smaller one shows, of equals the earlier. An instance map numbers the masks 1, 2, ...; a label map holds
their classes.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError, InputError, OutputError
from anymask.files import check_target, staged, write_atomic
from anymask.formats.image_files import ImageFiles, place_of
from anymask.formats.json_fields import stem
from anymask.formats.map_names import read_map_names
from anymask.formats.reading import PLAIN, Reading
from anymask.formats.safe_paths import Stems
from anymask.formats.writers import HIDDEN, MERGED, Outlines, Page
from anymask.geometry import rle
from anymask.geometry.label_map import label_map as draw
from anymask.images.painted_masks import read_numbers
from anymask.images.read import ImageFile, open_image, read_map
from anymask.images.write import encode_png
from anymask.types import Masks, Record

__all__ = [
    "NUMBERED",
    "MasksWriter",
    "decode",
    "encode_instances",
    "encode_labels",
    "encode_mask",
    "instance_map",
    "label_map",
    "maps_among",
    "read_folder",
    "read_masks",
    "void_number",
    "write_folder",
    "write_map",
    "write_mask",
]

_MOST = 65_535  # the largest number in a map
NUMBERED = re.compile(r"\d{3,}\.png")
"""Names of the files in a folder of masks."""


def instance_map(masks: Masks) -> NDArray[Any]:
    """The map (H, W) in which mask i has the number i + 1, uint8 or uint16."""
    return _paint(masks, np.arange(1, len(masks) + 1))


def label_map(masks: Masks) -> NDArray[Any]:
    """The map (H, W) of the masks' labels, uint8 or uint16. Raises InputError unless all are 1 to 65535."""
    if masks.labels is None:
        raise InputError(
            "masks must have labels for a label map, got none. "
            "Take instances, or voc or coco, which number names themselves."
        )
    return _paint(masks, masks.labels)


def _paint(masks: Masks, numbers: NDArray[np.int64]) -> NDArray[Any]:
    """The map (H, W) of the masks' numbers where they show, see `geometry.label_map`."""
    if len(numbers) and not (numbers.min() >= 1 and numbers.max() <= _MOST):
        raise InputError(
            f"masks must have numbers from 1 to {_MOST} in a map, got {numbers.min()} to {numbers.max()}. "
            "Write one file per mask instead."
        )
    of_label = np.concatenate([[0], numbers])
    return of_label.astype(np.uint16 if of_label.max() > 255 else np.uint8)[draw(masks.rles, masks.size)]


def write_map(
    masks: Masks, path: str | os.PathLike[str], *, labels: bool = False, force: bool = False
) -> Path:
    """Write the instance map, or the label map. Raises OutputError as `files.write_atomic` does."""
    check_target(path, force=force)
    return write_atomic(path, encode_png(label_map(masks) if labels else instance_map(masks)), force=force)


def write_mask(masks: Masks, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a single mask, 255 inside. Raises InputError for another number of masks; OutputError."""
    mask = _single(masks)
    check_target(path, force=force)
    return write_atomic(path, encode_png(mask), force=force)


def _single(masks: Masks) -> NDArray[np.bool_]:
    """The only mask (H, W). Raises InputError for another number of masks."""
    if len(masks) != 1:
        raise InputError(
            f"masks must be a single one for a mask file, got {len(masks)}. "
            "Take the format masks: a file for each."
        )
    mask: NDArray[np.bool_] = masks.dense()[0]
    return mask


def write_folder(masks: Masks, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write one file per mask, 000.png, 001.png, ..., into a new folder, all or none.

    An empty folder is filled; with `force` one that holds nothing but such files is replaced. Raises
    OutputError.
    """
    with staged(folder, force=force, may_replace=NUMBERED.fullmatch) as place:
        _write_numbered(masks, place)
    return Path(folder)


def _write_numbered(masks: Masks, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, mask in enumerate(masks):
        (folder / f"{i:03d}.png").write_bytes(encode_png(mask.dense()[0]))


class MasksWriter:
    """Folders of numbered masks: one, or with `many` one for each record in a folder."""

    def __init__(self, place: Path, *, many: bool) -> None:
        if many:
            place.mkdir()
        self._place, self._many, self._stems, self._full = place, many, Stems(), False

    def add(self, record: Record) -> Page:
        """Write a record's folder. Raises OutputError for a second one, InputError for one without masks."""
        if not len(record.masks):
            raise InputError(
                f"record '{record.id}' must have a mask for a folder of masks, got none. Use another format."
            )
        if self._full and not self._many:
            raise OutputError("records must be a single one for one folder of masks, got more. Write a list.")
        self._full = True
        folder = self._place / self._stems.name(stem(record), unique=True) if self._many else self._place
        _write_numbered(record.masks, folder)
        return Page(b"", [rle.encode(read_map(file) != 0) for file in sorted(folder.iterdir())])

    def close(self) -> None:
        """Nothing to finish."""


def encode_mask(record: Record, outlines: Outlines) -> Page:
    """A single mask as a PNG. Raises InputError for another number of masks."""
    data = encode_png(_single(record.masks))
    found = read_map(data) != 0
    return Page(data, [rle.encode(found) if found.any() else None])  # a black file holds no mask


def encode_instances(record: Record, outlines: Outlines) -> Page:
    """The instance map as a PNG."""
    return _encode_map(instance_map(record.masks), record.masks, range(1, len(record.masks) + 1))


def encode_labels(record: Record, outlines: Outlines) -> Page:
    """The label map as a PNG; masks of one label become one."""
    numbers = label_map(record.masks)
    labels = [] if record.masks.labels is None else record.masks.labels.tolist()
    return _encode_map(numbers, record.masks, labels)


def _encode_map(numbers: NDArray[Any], masks: Masks, of_mask: Sequence[int]) -> Page:
    """A map as a page: a mask that shows nowhere is not in it, though it may have pixels."""
    shown = rle.encode_numbers(numbers)
    runs = [shown.get(number) for number in of_mask]
    notes: dict[int, tuple[str, ...]] = {}
    times = Counter(of_mask)
    for i, (wanted, got) in enumerate(zip(masks.rles, runs, strict=True)):
        if times[of_mask[i]] > 1:
            notes[i] = (MERGED,)
        elif got is not None and not np.array_equal(wanted, got):
            notes[i] = (HIDDEN,)
    return Page(encode_png(numbers), runs, notes)


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in a mask or map: a mask for every number but 0, labelled with it.

    255 may be void, see `void_number`. Maps of MOTS (numbers from 1000 on) are labelled with the class, a
    number's thousands; 10000 is void.
    """
    lists = [path.parent, path.parent.parent, *([] if reading.root is None else [reading.root])]
    known = read_map_names(lists)
    void = None if known is None else known.void
    masks, hidden = read_masks(data, ignore=void_number(data) if void is None else void)
    labels = np.zeros(0, np.int64) if masks.labels is None else masks.labels
    meta: dict[str, Any] = {}
    if labels.size and labels.min() >= _MOTS and labels.max() <= _MOTS_VOID:
        keep = labels != _MOTS_VOID
        hidden = rle.union([masks.rles[i] for i in np.flatnonzero(~keep)], masks.size)
        meta["ids"] = labels[keep].tolist()
        masks = replace(masks[keep], labels=labels[keep] // _MOTS)
    name, image = _image_of(path, reading)
    if "ids" not in meta and masks.labels is not None and known is not None:
        meta["categories"] = [known.name(number) for number in masks.labels.tolist()]
    nobody = hidden is not None and rle.area(hidden) > 0
    meta["file_name"] = name.with_name(f"{name.name}{image.suffix}").as_posix()
    return Record(name.as_posix(), image, masks, meta=meta, ignore=hidden if nobody else None)


def _image_of(path: Path, reading: Reading) -> tuple[PurePath, Path]:
    """The name of a map's image, without suffix, and its file; of `a_mask.png` the image `a` if it exists."""
    whole = PurePath(*place_of(reading.inside(path).with_suffix("")))
    own, *others = ImageFiles(path).folders
    root = reading.root or path.parent
    others = [root / "images", root / "data", root / "JPEGImages", root, *others]
    files = ImageFiles(path, reading.images, near=[*others, own])  # last the folder of the maps
    for name in (whole, _trimmed(whole)):
        found = [file for file in files.without_suffix(name) if file.resolve() != path.resolve()]
        if len(found) == 1:
            return name, found[0]
    return whole, own / f"{whole.name}.jpg"


_ENDING = re.compile(
    r"[_-]((cp|color|instance|semantic)_?)?(masks?|seg(mentation)?|gt|labels?|instances?|annotations?|matte)",
    re.IGNORECASE,
)


def _trimmed(name: PurePath) -> PurePath:
    """A name without what tools add to the name of an image, such as `_mask`."""
    ends = list(_ENDING.finditer(name.name))
    is_last = bool(ends) and ends[-1].end() == len(name.name) and ends[-1].start() > 0
    return name.with_name(name.name[: ends[-1].start()]) if is_last else name


_IMAGE_FOLDERS = frozenset(
    ("images", "image", "imgs", "img", "jpegimages", "data", "rgb", "image_02", "img1")
)


def maps_among(files: Sequence[Path], root: Path) -> list[Path]:
    """Those PNG files of a data set at `root` that are maps and not images.

    Images are in folders called so, where others hold files too, or lie beside a map that has their name and
    an ending such as `_mask`.
    """
    folders = {file: {part.lower() for part in file.relative_to(root).parent.parts} for file in files}
    kept = [file for file in files if not _IMAGE_FOLDERS & folders[file]] or list(files)
    stems = [PurePath(file.with_suffix("")) for file in kept]
    with_map = {_trimmed(stem) for stem in stems if _trimmed(stem) != stem}
    return [file for file, stem in zip(kept, stems, strict=True) if stem not in with_map]


_MOTS, _MOTS_VOID = 1000, 10_000
_LARGEST_CLASS = 127


def void_number(file: ImageFile) -> int | None:
    """255 if it is void, as in Pascal VOC: in a palette map together with small numbers; else None.

    Raises ImageError as `read_map` does.
    """
    with open_image(file) as image:
        if image.mode != "P":
            return None
    numbers = np.unique(read_map(file))
    others = numbers[(numbers != 0) & (numbers != 255)]
    return 255 if 255 in numbers and others.size and others.max() <= _LARGEST_CLASS else None


def read_masks(path: ImageFile, *, ignore: int | None = None) -> tuple[Masks, rle.Runs | None]:
    """Read a map or a single mask: a mask for every number but 0, labelled with it; and what to ignore.

    Pixels of the number `ignore` (255 in Pascal VOC) come back as runs and are no mask. Palettes are read as
    numbers, not as colours; a file of one number (255, say) is a single mask. Raises ImageError for a colour
    image or one that cannot be read.
    """
    numbers = read_numbers(path)
    size = (numbers.shape[0], numbers.shape[1])
    masks = rle.encode_numbers(numbers)
    hidden = None if ignore is None else masks.pop(ignore, rle.from_edges(np.zeros(0, np.int64), size))
    return Masks(size, masks.values(), labels=list(masks)), hidden


def read_folder(folder: str | os.PathLike[str]) -> Masks:
    """Read one mask from each PNG file of a folder, in the order of names: what is not 0 is inside.

    Raises FormatError where there is none or where sizes differ.
    """
    files = sorted(Path(folder).glob("*.png"))
    masks = [read_numbers(file) != 0 for file in files]
    sizes = {mask.shape for mask in masks}
    if len(sizes) != 1:
        raise FormatError(
            f"folder must hold PNG masks of one size, got {len(files)} of {len(sizes)} sizes in {folder}. "
            "Keep one image's masks in a folder."
        )
    return Masks.from_dense(np.stack(masks))
