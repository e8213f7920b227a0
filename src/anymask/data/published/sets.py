"""Published data sets in the folders they come in: all that SegGPT was trained on (section 4.1 of its paper).

| name | below the root | kinds |
|---|---|---|
| ade20k | images/training/*.jpg, annotations/training/*.png, objectInfo150.txt | semantic |
| coco | train2017/, annotations/instances_train2017.json | instance |
| coco_stuff | train2017/, annotations/stuff_train2017.json | semantic |
| coco_panoptic | train2017/, annotations/panoptic_train2017.json, panoptic_train2017/ | instance, semantic |
| voc | JPEGImages/, SegmentationClass/, SegmentationObject/, ImageSets/Segmentation/train.txt | instance |
| cityscapes | leftImg8bit/train/*/, gtFine/train/*/*_gtFine_instanceIds.png | instance, semantic |
| lip | TrainVal_images/train_images/, TrainVal_parsing_annotations/train_segmentations/ | part |
| paco | train2017/, annotations/paco_lvis_v1_train.json | instance, part |
| chase_db1 | Image_01L.jpg, Image_01L_1stHO.png | semantic |
| drive | training/images/, training/1st_manual/, training/mask/ | semantic |
| hrf | images/, manual1/, mask/ | semantic |
| stare | stare-images/im0001.ppm, labels-ah/im0001.ah.ppm (or all in the root) | semantic |
| isaid | train/images/*.png, train/Semantic_masks/images/*_instance_color_RGB.png | semantic |
| loveda | Train/Rural/ and Train/Urban/ with images_png/, masks_png/ | semantic |

For coco and paco, `images/train2017/` works too. Opening a set lists its files; images are read when
they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from anymask.data.dataset import Collection, OnError, Source
from anymask.data.folders import CocoImages, unpaired
from anymask.data.parse import decode_image, labelled
from anymask.data.published import classes
from anymask.data.published import label_images as segments
from anymask.data.published.label_images import Item, Reader
from anymask.errors import FormatError, InputError, unknown_name
from anymask.formats import json_fields
from anymask.formats.coco import CocoFile
from anymask.formats.voc import CLASSES
from anymask.images.bands import Bands
from anymask.types import Record


@dataclass(frozen=True)
class Published:
    """How a set is opened, from its root and split; `splits` are its splits, none if it has one part only."""

    open: Callable[[Path, str], Source]
    splits: tuple[str, ...] = ("train", "val")


def open_published(
    name: str, root: str | Path, split: str | None = None, *, on_error: OnError | None = None
) -> Collection:
    """Open a published data set from its folder; the module lists names and layouts.

    split: by default the first of the set. on_error: called once for every damaged item. Raises
    UnknownNameError for a name, InputError for a split that is not there, FormatError where folders are
    missing.
    """
    if name not in PUBLISHED:
        raise unknown_name("name", name, PUBLISHED)
    known = PUBLISHED[name]
    if split is not None and split not in known.splits:
        raise InputError(
            f"split must be one of {', '.join(known.splits) or 'none'} for {name}, got '{split}'. "
            "Leave it out for the first, or for a set that has none."
        )
    chosen = split or (known.splits[0] if known.splits else "")
    return Collection(name, known.open(Path(root), chosen), on_error)


class Listing:
    """A Source of items with a reader for their annotation."""

    bands: Bands | None = None

    def __init__(
        self, name: str, items: Iterable[Item], reader: Reader, faults: Iterable[tuple[str, Exception]] = ()
    ) -> None:
        self.name = name
        self._items = sorted(items, key=lambda item: item.id)
        self._reader = reader
        self.ids: Sequence[str] = [item.id for item in self._items]
        self.faults = list(faults)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._items[index].image.read_bytes()

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        image = decode_image(self.image_bytes(index), self.bands, self._items[index].image.name)
        return labelled(self._reader(self._items[index]), image, self.name)

    def annotation(self, index: int) -> Record:
        """An item whose image is not decoded. Raises FormatError or OSError."""
        return self._reader(self._items[index])


class CocoKinds:
    """The images of a COCO file; all masks are of one kind, except that labels in `parts` are parts."""

    def __init__(self, name: str, file: CocoFile, kind: str, parts: frozenset[int] = frozenset()) -> None:
        self._source = CocoImages(name, file)
        self._kind, self._parts = kind, parts
        self.ids, self.faults = self._source.ids, self._source.faults

    @property
    def bands(self) -> Bands | None:
        """How images other than 8-bit RGB are shown."""
        return self._source.bands

    @bands.setter
    def bands(self, bands: Bands | None) -> None:
        self._source.bands = bands

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._source.image_bytes(index)

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError, ImageError or OSError."""
        return self._with_kinds(self._source.record(index))

    def annotation(self, index: int) -> Record:
        """An item whose image is not read. Raises FormatError."""
        return self._with_kinds(self._source.annotation(index))

    def _with_kinds(self, record: Record) -> Record:
        labels = [] if record.masks.labels is None else record.masks.labels.tolist()
        kinds = ["part" if label in self._parts else self._kind for label in labels]
        return replace(record, meta={**record.meta, "kinds": kinds})


def _held(root: Path, *places: str) -> Path:
    """The first existing one of several files or folders. Raises FormatError if there is none."""
    for place in places:
        if (root / place).exists():
            return root / place
    raise FormatError(
        f"root must hold {' or '.join(places)}, got {root} without. See anymask.data.published for layouts."
    )


def _files(folder: Path, pattern: str, ending: str = "") -> dict[str, Path]:
    """Files by their stem without an ending; the glob may go through folders."""
    return {path.stem.removesuffix(ending): path for path in sorted(folder.glob(pattern))}


def _pairs(
    name: str, images: Mapping[str, Path], *annotations: Mapping[str, Path], reader: Reader
) -> Listing:
    """Images with a file of each annotation; an image or annotation without the others becomes a fault."""
    complete = set(images).intersection(*annotations)
    faults = {id: fault for found in annotations for id, fault in unpaired(images, found)}
    items = [Item(id, images[id], tuple(found[id] for found in annotations)) for id in complete]
    if not items:
        raise FormatError(
            f"root must hold images of {name} with annotations, got none. "
            "See anymask.data.published for layouts."
        )
    return Listing(name, items, reader, sorted(faults.items()))


def _ade20k(root: Path, split: str) -> Source:
    part = {"train": "training", "val": "validation"}[split]
    names = classes.ade20k(root / "objectInfo150.txt")
    return _pairs(
        "ade20k",
        _files(_held(root, f"images/{part}"), "*.jpg"),
        _files(_held(root, f"annotations/{part}"), "*.png"),
        reader=segments.ClassMap(names, background=()),
    )


def _coco_folder(root: Path, split: str) -> Path:
    return _held(root, f"{split}2017", f"images/{split}2017")


def _coco(root: Path, split: str, *, name: str, stem: str, kind: str) -> Source:
    text = _held(root, f"annotations/{stem}_{split}2017.json")
    return CocoKinds(name, CocoFile(text, _coco_folder(root, split)), kind)


def _paco(root: Path, split: str) -> Source:
    """PACO: `file_name` leads through train2017 or val2017; a part names its object by `obj_ann_id`."""
    text = _held(root, f"annotations/paco_lvis_v1_{split}.json")
    document = json_fields.load_json(text)
    file = CocoFile(text, _held(root, "train2017", "images/train2017").parent, document=document)
    parts = frozenset(
        one.get("category_id")
        for one in document.get("annotations", [])
        if one.get("obj_ann_id", one.get("id")) != one.get("id")
    )
    return CocoKinds("paco", file, "instance", parts)


def _coco_panoptic(root: Path, split: str) -> Source:
    text = _held(root, f"annotations/panoptic_{split}2017.json")
    maps = _held(root, f"annotations/panoptic_{split}2017")
    images, document = _coco_folder(root, split), json_fields.load_json(text)
    categories = {
        json_fields.field(one, "id", int, "category"): (
            json_fields.field(one, "name", str, "category"),
            bool(one.get("isthing", 1)),
        )
        for one in json_fields.field(document, "categories", list, "the file")
    }
    items, infos = [], {}
    for one in json_fields.field(document, "annotations", list, "the file"):
        file = json_fields.inner_path(json_fields.field(one, "file_name", str, "annotation"))
        items.append(Item(file.stem, images / f"{file.stem}.jpg", (maps / file.name,)))
        infos[file.stem] = json_fields.field(one, "segments_info", list, "annotation")
    return Listing("coco_panoptic", items, _Panoptic(infos, categories))


@dataclass(frozen=True)
class _Panoptic:
    """`segments.panoptic` with the segments of each item."""

    infos: Mapping[str, Sequence[Mapping[str, Any]]]
    categories: Mapping[int, tuple[str, bool]]

    def __call__(self, item: Item) -> Record:
        return segments.panoptic(item, self.infos[item.id], self.categories)


def _voc(root: Path, split: str) -> Source:
    names = _held(root, f"ImageSets/Segmentation/{split}.txt").read_text("utf-8").split()
    images = _held(root, "JPEGImages")
    maps = [_held(root, "SegmentationClass"), _held(root, "SegmentationObject")]
    items = [
        Item(stem, images / f"{stem}.jpg", tuple(folder / f"{stem}.png" for folder in maps))
        for stem in (json_fields.inner_path(name).name for name in names)
    ]
    return Listing("voc", items, segments.ObjectMaps(CLASSES))


def _cityscapes(root: Path, split: str) -> Source:
    return _pairs(
        "cityscapes",
        _files(_held(root, f"leftImg8bit/{split}"), "*/*.png", "_leftImg8bit"),
        _files(_held(root, f"gtFine/{split}"), "*/*_gtFine_instanceIds.png", "_gtFine_instanceIds"),
        reader=segments.cityscapes,
    )


def _lip(root: Path, split: str) -> Source:
    image_root, maps = "TrainVal_images", "TrainVal_parsing_annotations"
    image_part, masks = f"{split}_images", f"{split}_segmentations"
    return _pairs(
        "lip",
        _files(_held(root, f"{image_root}/{image_part}", f"{image_root}/{image_root}/{image_part}"), "*.jpg"),
        _files(_held(root, f"{maps}/{masks}", f"{maps}/{maps}/{masks}"), "*.png"),
        reader=segments.ClassMap(classes.LIP, kind="part"),
    )


def _chase(root: Path, split: str) -> Source:
    images, annotated = _files(root, "*.jpg"), _files(root, "*_1stHO.png", "_1stHO")
    return _pairs("chase_db1", images, annotated, reader=segments.vessels)


def _drive(root: Path, split: str) -> Source:
    part = {"train": "training", "test": "test"}[split]
    return _pairs(
        "drive",
        _files(_held(root, f"{part}/images"), "*.tif", f"_{part}"),
        _files(_held(root, f"{part}/1st_manual"), "*.gif", "_manual1"),
        _files(_held(root, f"{part}/mask"), "*.gif", f"_{part}_mask"),
        reader=segments.vessels,
    )


def _hrf(root: Path, split: str) -> Source:
    return _pairs(
        "hrf",
        _files(_held(root, "images"), "*.[jJ][pP][gG]"),
        _files(_held(root, "manual1"), "*.tif"),
        _files(_held(root, "mask"), "*.tif", "_mask"),
        reader=segments.vessels,
    )


def _stare(root: Path, split: str) -> Source:
    """STARE: only the 20 labelled images are read, with the labels of the first expert."""
    images = root / "stare-images" if (root / "stare-images").is_dir() else root
    annotated = _files(root / "labels-ah" if (root / "labels-ah").is_dir() else root, "*.ah.ppm", ".ah")
    shown = {stem: path for stem, path in _files(images, "im*.ppm").items() if stem in annotated}
    return _pairs("stare", shown, annotated, reader=segments.vessels)


def _isaid(root: Path, split: str) -> Source:
    return _pairs(
        "isaid",
        _files(_held(root, f"{split}/images/images", f"{split}/images"), "*.png"),
        _files(
            _held(root, f"{split}/Semantic_masks/images"),
            "*_instance_color_RGB.png",
            "_instance_color_RGB",
        ),
        reader=segments.isaid,
    )


def _loveda(root: Path, split: str) -> Source:
    images: dict[str, Path] = {}
    maps: dict[str, Path] = {}
    for area in ("Rural", "Urban"):
        place = _held(root, f"{split.title()}/{area}")
        for found, folder in ((images, "images_png"), (maps, "masks_png")):
            files = _files(_held(place, folder), "*.png")
            found.update({f"{area}/{stem}": path for stem, path in files.items()})
    return _pairs("loveda", images, maps, reader=segments.ClassMap(classes.LOVEDA, background=()))


PUBLISHED: Mapping[str, Published] = {
    "ade20k": Published(_ade20k),
    "coco": Published(partial(_coco, name="coco", stem="instances", kind="instance")),
    "coco_stuff": Published(partial(_coco, name="coco_stuff", stem="stuff", kind="semantic")),
    "coco_panoptic": Published(_coco_panoptic),
    "voc": Published(_voc, ("train", "val", "trainval")),
    "cityscapes": Published(_cityscapes),
    "lip": Published(_lip),
    "paco": Published(_paco, ("train", "val", "test")),
    "chase_db1": Published(_chase, ()),
    "drive": Published(_drive, ("train", "test")),
    "hrf": Published(_hrf, ()),
    "stare": Published(_stare, ()),
    "isaid": Published(_isaid),
    "loveda": Published(_loveda),
}
"""Data sets by name."""
