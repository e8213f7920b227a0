"""The report of an analysis: JSON, figures, and one HTML page that needs no other file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from anymask.data.analysis.duplicates import ImageHashes
from anymask.data.analysis.figures import POINTS, group_chart, group_charts, mask_charts, points_text
from anymask.data.analysis.heat_map import cells, heat_map
from anymask.data.analysis.origins import Origins
from anymask.data.analysis.samples import SAMPLES
from anymask.data.analysis.tally import Tally
from anymask.data.dataset import Collection
from anymask.errors import FormatError
from anymask.files.reports import page
from anymask.files.reports.wording import counted

__all__ = ["analyse", "encode_report", "is_report_file"]

Advance = Callable[[int, int, str], None]
SAMPLED = f": up to {SAMPLES} images, taken evenly from the whole data set"
_FILES = re.compile(
    r"report\.json|index\.html|(masks-per-image|relative-size|concavity|scores|stability)\.svg"
    r"|groups-\d+-points-\d+\.svg|centres-\d+\.png|samples-\d+\.jpg"
)


def analyse(
    dataset: Collection,
    origins: Origins | None = None,
    advance: Advance | None = None,
    *,
    hashes: ImageHashes | None = None,
) -> dict[str, Any]:
    """Count what the masks of a data set are like; images are not decoded where the masks do not need it.

    origins: counts the images by country, too. advance: called with each image. hashes: finds images that
    are near-duplicates, for which every image is decoded. Damaged items are left out and counted. Returns
    JSON-able values, see docs/analysis.md.
    """
    tally = Tally()
    for index in range(len(dataset)):
        if advance is not None:
            advance(index, len(dataset), dataset.name)
        try:
            record = dataset.annotation(index)
        except FormatError:
            continue
        tally.add(record.masks)
        if origins is not None:
            name = str(record.meta.get("file_name", ""))
            origins.add(record.id, name, len(record.masks), partial(dataset.image_bytes, index))
        if hashes is not None:
            _hash_image(dataset, index, hashes)
    found = {"name": dataset.name, **tally.to_dict()}
    found |= {} if hashes is None else {"duplicate_images": hashes.to_dict()}
    found |= {} if origins is None else {"origins": origins.to_dict()}
    return found | {"damaged": dict(dataset.faults.messages)}


def _hash_image(dataset: Collection, index: int, hashes: ImageHashes) -> None:
    with suppress(FormatError):  # the data set reports it
        record = dataset[index]
        hashes.add(record.id, record.read())


def is_report_file(name: str) -> bool:
    """Whether a report has files of this name."""
    return _FILES.fullmatch(name) is not None


def encode_report(
    results: Sequence[Mapping[str, Any]],
    samples: Sequence[bytes | None] = (),
    facts: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """The files of a report by name: report.json, SVG figures, maps, sheets of sample images, index.html.

    samples: a sheet for each result, see `sample_sheet`. facts: where the report comes from, for its head.
    """
    masks = {name: chart.encode() for name, chart in mask_charts(results)}
    groups = {name: chart.encode() for name, chart in group_charts(results)}
    maps = {f"centres-{number}.png": heat_map(cells(one["centres"])) for number, one in enumerate(results, 1)}
    sheets = {f"samples-{number}.jpg": sheet for number, sheet in enumerate(samples, 1) if sheet is not None}
    parts = [
        _summary(results),
        *_sheets(results, samples),
        "<h2>Masks</h2>",
        page.figures(chart.decode() for chart in masks.values()),
        "<h2>Centres of masks</h2>",
        page.figures(_map(one, data) for one, data in zip(results, maps.values(), strict=True)),
        *(_origins(one) for one in results if "origins" in one),
        *(_clicks_by_group(one) for one in results if "clicks_by_group" in one),
    ]
    title = f"Masks of {', '.join(str(one['name']) for one in results)}"
    return {
        "report.json": json.dumps(list(results), indent=1).encode(),
        **masks, **groups, **maps, **sheets,
        "index.html": page.page(title, facts or {}, parts).encode(),
    }  # fmt: skip


def _sheets(results: Sequence[Mapping[str, Any]], samples: Sequence[bytes | None]) -> list[str]:
    """The sheets of sample images, below a title if there are any."""
    shown = [
        f"<figure>{page.image(sheet, 'jpeg', str(one['name']) + SAMPLED)}</figure>"
        for one, sheet in zip(results, samples, strict=False)
        if sheet is not None
    ]
    return ["<h2>Sample images with their masks</h2>", *shown] if shown else []


def _map(one: Mapping[str, Any], data: bytes) -> str:
    counts = cells(one["centres"])
    side = len(counts)
    return page.image(
        data,
        "png",
        f"{one['name']}: where the centres of masks lie in the image, in {side} x {side} cells; dark: none, "
        f"yellow: {counted(int(counts.max()), 'mask')}",
    )


def _summary(results: Sequence[Mapping[str, Any]]) -> str:
    """A table of what is known of at least one data set."""
    columns = [_cells(one) for one in results]
    lines = [[name, *(column[name] or "not given" for column in columns)] for name in columns[0]]
    known = [line for line in lines if any(column[line[0]] for column in columns)]
    return page.table(["", *(str(one["name"]) for one in results)], known)


def _cells(one: Mapping[str, Any]) -> dict[str, str]:
    """The rows of the summary for a data set; "" where nothing is known."""
    return {
        "images": f"{one['images']:,}",
        "masks": f"{one['masks']:,}",
        "masks per image": f"{one['masks_per_image']:.1f}",
        "median relative size": _median(one["relative_size"]),
        "median concavity": _median(one["concavity"]),
        "median predicted IoU": _median(one["scores"]),
        "touching the edge": f"{100 * one['share_touching_the_edge']:.1f} %",
        "near-duplicate masks": f"{100 * one['share_of_near_duplicates']:.1f} %",
        "near-duplicate images": _duplicates(one),
        "empty masks": f"{one['empty_masks']:,}",
        "damaged items": f"{len(one['damaged']):,}",
    }


def _duplicates(one: Mapping[str, Any]) -> str:
    return f"{one['duplicate_images']['images']:,}" if "duplicate_images" in one else ""


def _median(measure: Mapping[str, Any] | None) -> str:
    return "" if measure is None else f"{measure['quartiles'][1]:.3f}"


def _origins(one: Mapping[str, Any]) -> str:
    found = one["origins"]
    tables = []
    for key, name in (("regions", "region"), ("income_groups", "income group")):
        lines = [[row["group"], f"{row['countries']:,}", *_counts(row)] for row in found[key]]
        tables += [page.table([name, "countries", "images", "masks", "share"], lines)] if lines else []
    lines = [[row["country"], *_counts(row)] for row in found["countries"]]
    tables += [page.table(["country", "images", "masks", "share"], lines)] if lines else []
    notes = [f"{counted(found['images_without_a_country'], 'image')} without a country", found["source"]]
    if found["unknown_countries"]:
        notes.append(f"countries that no list knows: {', '.join(found['unknown_countries'])}")
    unused = found["rows_of_unknown_images"]
    if unused:
        notes.append(_unused(len(unused), "images"))
    return (
        page.heading(f"Where the images of {one['name']} come from")
        + page.figures(tables)
        + page.notes(f"{note}." for note in notes)
    )


def _unused(rows: int, what: str) -> str:
    verb = "names" if rows == 1 else "name"
    return f"{counted(rows, 'row')} of the table {verb} {what} that are not here"


def _clicks_by_group(one: Mapping[str, Any]) -> str:
    found = one["clicks_by_group"]
    lines = [
        [row["group"], f"{row['images']:,}", f"{row['masks']:,}", *(_iou(row[f"points_{n}"]) for n in POINTS)]
        for row in found["groups"]
    ]
    notes = [
        f"Dots: mean IoU of {found['model']} from random points, with 95 % bootstrap intervals over images.",
        "A group of a single image has no interval.",
    ]
    if found["unused_rows"]:
        notes.append(f"{_unused(len(found['unused_rows']), 'images or masks')}.")
    return (
        page.heading(f"Clicks by group, {one['name']}")
        + page.paragraph(
            "Rings: SAM ViT-H on the persons of its paper (tables 2 and 7). Model, images and persons differ "
            "from yours: the figures are not comparable one by one. Compare how far apart the groups lie.",
            "warning",
        )
        + page.figures(group_chart(found, points) for points in POINTS)
        + page.table(["group", "images", "masks", *map(points_text, POINTS)], lines)
        + page.notes(notes)
    )


def _iou(mean: Mapping[str, Any]) -> str:
    value = f"{mean['iou']:.3f}"
    if mean["low"] is None:
        return f"{value} (no interval)"
    return f"{value} ({mean['low']:.3f} to {mean['high']:.3f})"


def _counts(row: Mapping[str, Any]) -> list[str]:
    return [f"{row['images']:,}", f"{row['masks']:,}", f"{100 * row['share']:.1f} %"]
