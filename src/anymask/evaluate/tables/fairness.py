"""SAM, tables 2, 6 and 7 of the responsible AI analysis: mean IoU at 1 and 3 random-first points by group."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anymask.errors import FormatError
from anymask.evaluate.simulated_clicks import (
    ClicksConfig,
    OpenSession,
    Targets,
    click_ious,
    random_click,
)
from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.named_file import named_file
from anymask.evaluate.tables.points import CONFIG, read_pixels
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet, Weights, means
from anymask.formats import json_fields
from anymask.formats.safe_paths import inner_path
from anymask.geometry import rle
from anymask.images.read import read_image
from anymask.types import Masks, Record

__all__ = ["CLICKS", "FAIRNESS_SETS", "Grouped", "group_ious", "read_groups"]

CLICKS = ClicksConfig(
    clicks=(1, 3), noc=(), box=False, grabcut_masks=0, kinds=CONFIG.kinds, min_area=0, most_masks=None
)
NEAR = 0.01
"""Difference of the sides of two boxes of one person, as a share of the side lengths."""
PERSONS = frozenset(("/m/01g317", "/m/04yx4", "/m/03bt1vf", "/m/01bl7v", "/m/05r655"))
"""Open Images' person, man, woman, boy and girl."""
GROUPS = ("Predominantly Feminine", "Predominantly Masculine", "Young", "Middle", "Older")


_SIDES = ("XMin", "YMin", "XMax", "YMax")


@dataclass(frozen=True)
class Grouped:
    """An image with its masks, and the groups of each."""

    record: Record
    groups: tuple[tuple[str, ...], ...]


def group_ious(open_session: OpenSession, one: Grouped) -> dict[str, list[float]]:
    """IoUs by group and number of points: "<group>, 1 points" and so on. Empty masks are left out."""
    record = one.record
    session = open_session(read_pixels(record))
    generator = np.random.default_rng(zlib.crc32(record.id.encode()))
    out: dict[str, list[float]] = {}
    for runs, groups in zip(record.masks.rles, one.groups, strict=True):
        truth = rle.decode(runs, record.masks.size)
        if truth.any():
            ious, _ = click_ious(
                session, Targets(truth[None], None), CLICKS, [random_click(truth, generator)]
            )
            for name in (f"{group}, {count} points" for group in groups for count in CLICKS.clicks):
                out.setdefault(name, []).append(float(ious[0, int(name.split()[-2]) - 1]))
    return out


def measure_groups(model: PromptModel, one: Grouped) -> Row:
    """As `group_ious`."""
    return group_ious(model.open, one)


def _open_miap(root: Path, is_wanted: Callable[[str], bool]) -> Items:
    """Masks of Open Images whose box is that of a person of MIAP, or lies inside one for clothing."""
    boxes: dict[str, list[Mapping[str, str]]] = {}
    for row in _rows(
        root / "open_images_extended_miap_boxes_test.csv",
        ("ImageID", "GenderPresentation", "AgePresentation"),
        _SIDES,
    ):
        strange = {row["GenderPresentation"], row["AgePresentation"]} - {*GROUPS, "Unknown"}
        if strange:
            raise FormatError(
                f"groups of {row['ImageID']} in MIAP's boxes must be {', '.join(GROUPS)} or Unknown, got "
                f"{strange.pop()!r:.40}. Get the file again."
            )
        boxes.setdefault(row["ImageID"], []).append(row)
    masks: dict[str, list[tuple[Path, tuple[str, ...]]]] = {}
    clothing = not is_wanted("/m/01g317")
    for row in _rows(
        root / "test-annotations-object-segmentation.csv",
        ("MaskPath", "ImageID", "LabelName"),
        [f"Box{side}" for side in _SIDES],
    ):
        if is_wanted(row["LabelName"]):
            person = next((p for p in boxes.get(row["ImageID"], ()) if _fits(row, p, inside=clothing)), None)
            if person is not None:
                groups = (person["GenderPresentation"], person["AgePresentation"])
                masks.setdefault(row["ImageID"], []).append(
                    (root / "masks" / inner_path(row["MaskPath"]), groups)
                )
    ids = sorted(masks)

    def read(index: int) -> Grouped:
        image = root / "test" / inner_path(f"{ids[index]}.jpg")
        size = read_image(image).shape[:2]
        runs = [_mask(path, size) for path, _ in masks[ids[index]]]
        groups = tuple(tuple(g for g in some if g in GROUPS) for _, some in masks[ids[index]])
        return Grouped(Record(ids[index], image, Masks(size, runs)), groups)

    return Items(ids, read)


def _mask(path: Path, size: tuple[int, int]) -> rle.Runs:
    """Open Images' masks may be smaller than the image; each pixel is taken from the nearest one."""
    pixels = read_image(path)[..., 0] > 127
    rows, columns = (
        np.arange(side) * length // side for side, length in zip(size, pixels.shape, strict=True)
    )
    return rle.encode(pixels[np.ix_(rows, columns)])


def _fits(mask: Mapping[str, str], person: Mapping[str, str], *, inside: bool) -> bool:
    """Whether the box of a mask is that of a person, within 1 % of its sides, or lies inside it."""
    own = [float(mask[f"Box{side}"]) for side in _SIDES]
    x0, y0, x1, y1 = (float(person[side]) for side in _SIDES)
    reach = [NEAR * (x1 - x0), NEAR * (y1 - y0)] * 2
    if inside:
        return (
            own[0] >= x0 - reach[0]
            and own[1] >= y0 - reach[1]
            and own[2] <= x1 + reach[2]
            and own[3] <= y1 + reach[3]
        )
    return all(abs(a - b) <= far for a, b, far in zip(own, (x0, y0, x1, y1), reach, strict=True))


def _rows(path: Path, texts: Sequence[str], sides: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a CSV file. Raises FormatError without the columns, and for a side that is no number."""
    with named_file(path), path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lacking = [name for name in (*texts, *sides) if name not in (reader.fieldnames or ())]
        if lacking:
            raise FormatError(
                f"{path} must have the column {lacking[0]}, got {reader.fieldnames}. Get it again."
            )
        rows = list(reader)
    for line, row in enumerate(rows, 2):
        for name in sides:
            json_fields.number(row[name], f"{name} in line {line} of {path}")
        if any(not row[name] for name in texts):
            raise FormatError(f"line {line} of {path} must have {', '.join(texts)}, got {row}. Correct it.")
    return rows


def read_groups(root: Path) -> Items:
    """Masks with a group each, such as skin tones: `groups.csv` with the columns image, mask, group.

    Paths are relative to the folder; a mask is a PNG that is white on the person.
    """
    masks: dict[str, list[tuple[str, str]]] = {}
    for row in _rows(root / "groups.csv", ("image", "mask", "group")):
        masks.setdefault(row["image"], []).append((row["mask"], row["group"]))
    ids = sorted(masks)

    def read(index: int) -> Grouped:
        image = root / inner_path(ids[index])
        size = read_image(image).shape[:2]
        runs = [_mask(root / inner_path(path), size) for path, _ in masks[ids[index]]]
        return Grouped(
            Record(ids[index], image, Masks(size, runs)), tuple((g,) for _, g in masks[ids[index]])
        )

    return Items(ids, read)


def _figures(rows: Sequence[Row]) -> Figures:
    """Means by group; groups in the order of names."""
    found = means(rows)

    def of(weights: Weights) -> Mapping[str, float]:
        return dict(sorted(found(weights).items()))

    return of


def _set(name: str, home: str, size: str, licence: str, folders: tuple[str, ...], needs: tuple[str, ...],
         open_: Callable[[Path], Items], note: str = "") -> TableSet:  # fmt: skip
    return TableSet(
        name=name, home=home, size=size, licence=licence, folders=folders, needs=needs, open=open_,
        measure=measure_groups, figures=_figures, note=note,
    )  # fmt: skip


_OPEN_IMAGES = (
    "storage.googleapis.com/openimages (MIAP boxes, segmentation masks and images of the test split)"
)
_FILES = (
    "open_images_extended_miap_boxes_test.csv",
    "test-annotations-object-segmentation.csv",
    "masks",
    "test",
)
CLOTHES = frozenset(("/m/09j2d",))
"""Open Images' class clothing."""

FAIRNESS_SETS = (
    _set(
        "MIAP, persons", _OPEN_IMAGES, "20 GB", "CC BY 4.0", ("open_images", "OpenImages"), _FILES,
        lambda root: _open_miap(root, PERSONS.__contains__),
    ),
    _set(
        "MIAP, clothing", _OPEN_IMAGES, "20 GB", "CC BY 4.0", ("open_images", "OpenImages"), _FILES,
        lambda root: _open_miap(root, CLOTHES.__contains__),
        note="Only the class clothing itself; the paper does not list its classes.",
    ),
    _set(
        "skin tones", "your own data; that of the paper is not public", "any", "yours", ("skin_tones",),
        ("groups.csv",), read_groups,
    ),
)  # fmt: skip
