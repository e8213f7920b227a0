"""Every format, there and back, with every kind of mask; the loss report says what does not come back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask import formats
from anymask.errors import FormatError, InputError
from anymask.formats import FORMATS, Outlines, writers
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (24, 32)
SINGLE = {"mask"}  # hold one mask
MAPS = {"davis", "dota", "instances", "labels", "mots", "voc", "youtubevos"}  # hold no overlaps, or boxes
TEXT = "naïve 雪 <&\"'> \t\n] ; , { } # 🦝"


def kinds() -> np.ndarray:
    """Masks with a hole, parts, touching corners, one pixel, all pixels, overlapping, and an empty one."""
    dense = np.zeros((8, *SIZE), bool)
    dense[0, 2:14, 3:17] = True
    dense[0, 5:9, 6:12] = False
    dense[0, 6, 7] = True  # an island in the hole
    dense[1, 1:4, 20:30] = True
    dense[1, 10:20, 22:25] = True
    dense[2, 5:12, 5:12] = np.indices((7, 7)).sum(axis=0) % 2
    dense[3, 23, 31] = True
    dense[4] = True
    dense[5, 4:20, 10:28] = True
    dense[6, 20:, :3] = True
    return dense


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """The records' image, in a folder of images."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("photo", "second"):
        write.write_png(np.zeros((*SIZE, 3), np.uint8), folder / f"{name}.png")
    return folder / "photo.png"


def record(scene: Path, dense: np.ndarray | None = None, **fields) -> Record:
    masks = Masks.from_dense(kinds() if dense is None else dense, **fields)
    names = [f"{TEXT} {i % 3}" for i in range(len(masks))]
    return Record("photo", scene, masks, meta={"categories": names, "file_name": "photo.png"})


def there_and_back(
    name: str, records: list[Record], folder: Path, **options
) -> tuple[list[Record], formats.Loss]:
    target = folder / ("set" if FORMATS[name].folder else f"set{FORMATS[name].suffix}")
    loss = formats.write(iter(records), target, name, **options)
    others = {"labels", "instances", "masks", "cvatvideo", "dota"}
    assert formats.detect(target) == name or name in SINGLE | others
    return formats.read(target, name, images=records[0].image.parent), loss


def fit(name: str, one: Record) -> Record:
    """The record as far as a format takes it at all."""
    if name in SINGLE:
        return one.with_masks(one.masks[:1])
    if name == "labels":
        return one.with_masks(replace(one.masks, labels=np.arange(1, len(one.masks) + 1)))
    return one


@pytest.mark.parametrize("polygons", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_masks_come_back(name: str, polygons: bool, scene: Path, tmp_path: Path) -> None:
    one = fit(name, record(scene))
    (again,), loss = there_and_back(name, [one], tmp_path, outlines=Outlines(polygons=polygons))
    assert (again.masks.size, again.image) == (SIZE, scene) or name in MAPS | SINGLE | {"masks", "cvatvideo"}
    changed = {change.mask: change for change in loss.changed}
    kept = [i for i in range(len(one.masks)) if writers.LEFT_OUT not in getattr(changed.get(i), "notes", ())]
    assert len(again.masks) == len(kept)
    for got, i in zip(again.masks, kept, strict=True):
        iou = rle.iou(got.rles, one.masks[i].rles)[0, 0] if one.masks.areas[i] else 1.0
        assert iou == (changed[i].iou if i in changed else 1.0)
        assert iou == 1 or name in MAPS
    assert {i for i, area in enumerate(one.masks.areas) if not area} >= set(range(len(one.masks))) - set(
        kept
    ) or name in MAPS


@pytest.mark.parametrize("name", sorted(set(FORMATS) - SINGLE))
def test_facts_that_a_format_keeps_come_back(name: str, scene: Path, tmp_path: Path) -> None:
    squares = np.zeros((3, *SIZE), bool)
    for i in range(3):
        squares[i, 3 * i : 3 * i + 2, 2:9] = True
    one = record(scene, squares, scores=[0.25, 0.5, 1], stability=[0.5, 0.75, 1], labels=[4, 7, 9])
    hidden = rle.encode(np.eye(*SIZE, dtype=bool))
    meta = {**one.meta, "kinds": ["thing", "stuff", "part"], "dataset": TEXT, "ids": [5, 8, 2]}
    meta["attributes"] = [{"occluded": True, "good": False, "Farbe": "grün <&>"}, {}, {"description": "ä"}]
    one = replace(one, id=TEXT, meta=meta, source="auto", ignore=hidden)
    if name in ("davis", "dota", "mots", "voc", "yolo", "youtubevos"):
        one = replace(one, id="photo")  # its files know their image by this
    if name in ("davis", "youtubevos"):
        meta["ids"] = [2, 5, 8]  # objects come in the order of their numbers
        one = replace(one, meta=meta)
    if name in ("davis", "mots", "voc", "youtubevos"):
        hidden = rle.encode(np.eye(*SIZE, dtype=bool) & ~squares.any(axis=0))  # void where no mask is
        one = replace(one, ignore=hidden)
    if name == "dota":
        meta["attributes"] = [{"difficulty": 1}, {}, {"difficulty": 2}]
    if name in ("dota", "voc"):
        meta["categories"] = ["cat", "dog", "sheep"]  # its list of names holds no line breaks
        one = replace(one, meta=meta)
    (again,), loss = there_and_back(name, [one], tmp_path)
    keeps = FORMATS[name].keeps
    told = {"scores": again.masks.scores, "stability": again.masks.stability, "labels": again.masks.labels}
    for field, values in told.items():
        if field not in keeps:
            assert (field in loss.dropped) == (field != "labels" or "categories" not in keeps)
        elif name in ("mots", "yolo", "labels", "voc"):
            assert len(set(values.tolist())) == 3
        else:
            assert values.tolist() == getattr(one.masks, field).tolist()
    for field in ("categories", "kinds", "dataset", "ids", "attributes"):
        assert (again.meta.get(field) == meta[field]) == (field in keeps)
        assert (field in loss.dropped) == (field not in keeps)
    assert (again.ignore is not None and np.array_equal(again.ignore, hidden)) == ("ignore" in keeps)
    assert (again.source == "auto") == ("source" in keeps)
    assert (again.id == TEXT) == ("id" in keeps)


@pytest.mark.parametrize("name", FORMATS)
def test_empty_sets(name: str, scene: Path, tmp_path: Path) -> None:
    nobody = record(scene, np.zeros((0, *SIZE), bool), labels=np.zeros(0, int))
    if name in {"mask", "masks"}:
        with pytest.raises(InputError, match=r"got (0|none)"):
            there_and_back(name, [nobody], tmp_path)
        return
    if name == "cvatvideo":  # which holds tracks alone
        with pytest.raises(FormatError, match="got none"):
            there_and_back(name, [nobody], tmp_path)
        return
    (again,), loss = there_and_back(name, [nobody], tmp_path)
    assert (len(again.masks), loss.masks, loss.mean_iou) == (0, 0, 1.0)
    assert again.masks.size == SIZE
    (tmp_path / "none").mkdir()
    target = tmp_path / "none" / ("set" if FORMATS[name].folder else f"set{FORMATS[name].suffix}")
    formats.write(iter([]), target, name)
    with pytest.raises(FormatError, match=r"path must hold .*, got none in "):
        formats.read(target, name)


NAMES = [
    "../../evil",
    "/etc/evil",
    "C:\\evil",
    "..\\..\\evil",
    "a/b",
    "..",
    "",
    "con",
    "x" * 400,
    "雪\n\0\x1b[0m",
]


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_leads_out_of_the_folder(name: str, scene: Path, tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "c"
    place.mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    one = fit(name, record(scene, kinds()[:2]))
    if name in SINGLE:
        one = one.with_masks(one.masks[:1])
    many = [replace(one, id=id, meta={"file_name": id}) for id in [*NAMES, *NAMES]]
    target = place / ("set" if FORMATS[name].folder else f"set{FORMATS[name].suffix}")
    loss = formats.write(iter(many), target, name, on_error=lambda id, error: None)
    written = {path for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert written
    assert all(path.resolve().is_relative_to(target.resolve()) for path in written)
    if name not in ("dota", "yolo"):  # find no images of such names
        found = formats.read(target, name)
        assert len(found) == len(many) - len(loss.skipped)  # maps have one file for a name
        assert all(one.image.resolve().is_relative_to(tmp_path.resolve()) for one in found)
        assert not any(".." in one.image.parts for one in found)


def test_images_outside_are_not_found(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / "secret.png")
    document = {
        "shapes": [], "imagePath": "../../secret.png", "imageHeight": None, "imageWidth": None,
    }  # fmt: skip
    file = tmp_path / "a" / "b" / "x.json"
    file.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=r"image secret\.png must be near, got none"):
        formats.read(file)


@pytest.mark.parametrize("name", ["cvat", "coco", "labelme", "yolo", "labelstudio"])
@settings(max_examples=10)
@given(mask=arrays(np.bool_, st.just((9, 11))).filter(np.any))
def test_polygons_hold_any_mask(
    name: str, mask: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("set")
    write.write_png(np.zeros((9, 11, 3), np.uint8), folder / "photo.png")
    one = Record("photo", folder / "photo.png", Masks.from_dense(mask[None]))
    (again,), loss = there_and_back(name, [one], folder, outlines=Outlines(polygons=True))
    assert np.array_equal(again.masks.dense()[0], mask)
    assert loss.mean_iou == 1


def test_simplified_polygons_lose_what_was_allowed(scene: Path, tmp_path: Path) -> None:
    y, x = np.mgrid[:24, :32]
    disc = np.hypot(x - 15, y - 12) < 10
    one = record(scene, disc[None])
    exact = formats.write(one, tmp_path / "exact.geojson")
    loss = formats.write(one, tmp_path / "rough.geojson", outlines=Outlines(max_loss=0.05))
    assert exact.lossless
    assert 0.95 <= loss.mean_iou < 1
    (change,) = loss.changed
    assert change.notes == (writers.CORNERS_DROPPED,)
    (again,) = formats.read(tmp_path / "rough.geojson")
    assert rle.iou(again.masks.rles, one.masks.rles)[0, 0] == change.iou
    assert (tmp_path / "rough.geojson").stat().st_size < (tmp_path / "exact.geojson").stat().st_size * 0.6


def test_a_loss_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"max_loss must be from 0 to below 1, got 1\. Try 0\.01\."):
        Outlines(max_loss=1)


def test_the_report_in_words(scene: Path, tmp_path: Path) -> None:
    one = record(scene, scores=np.linspace(0.1, 0.8, 8))
    loss = formats.write([one], tmp_path / "set", "yolo")
    assert loss.summary().splitlines() == [
        "1 image with 8 masks as yolo, mean IoU of what is read back 0.8750",
        "  1 mask changed, the worst to IoU 0.000",
        "  3 masks: parts joined by cuts",
        "  1 mask: holes opened by cuts",
        "  1 mask: left out",
        "  scores: not stored (1 image)",
    ]
    told = json.loads(loss.to_json())
    assert told["dropped"] == {"scores": 1}
    assert told["changed"][-1] == {"record": "photo", "mask": 7, "iou": 0.0, "notes": ["left out"]}
    assert formats.write(one, tmp_path / "a.npz").summary() == "1 image with 8 masks as npz, nothing lost"


@pytest.mark.parametrize(("names", "lost"), [("abb", False), ("aab", True), ("aaa", True), ("abc", True)])
def test_numbers_of_classes_are_lost_where_names_do_not_tell_them_apart(
    scene: Path, tmp_path: Path, names: str, lost: bool
) -> None:
    squares = np.zeros((3, *SIZE), bool)
    squares[0, :2], squares[1, 4:6], squares[2, 8:10] = True, True, True
    one = record(scene, squares, labels=[1, 2, 2])
    one = replace(one, source="human", meta={**one.meta, "categories": list(names)})
    loss = formats.write([one], tmp_path / "set", "labelme")
    assert loss.dropped == ({"labels": 1} if lost else {})


def test_maps_say_what_became_of_each_mask(scene: Path, tmp_path: Path) -> None:
    squares = np.zeros((3, *SIZE), bool)
    squares[0, :9, :9] = squares[1, 2:5, 2:5] = squares[2, 12:15, 12:15] = True
    one = record(scene, squares, labels=[1, 2, 2])
    merged = formats.write(one, tmp_path / "labels.png", "labels")
    assert [change.notes for change in merged.changed] == [
        (writers.HIDDEN,),
        (writers.MERGED,),
        (writers.MERGED,),
    ]
    assert [change.iou for change in merged.changed] == [72 / 81, 0.5, 0.5]
    (hidden,) = formats.write(one, tmp_path / "objects.png", "instances").changed
    assert (hidden.mask, hidden.notes, hidden.iou) == (0, (writers.HIDDEN,), 72 / 81)
