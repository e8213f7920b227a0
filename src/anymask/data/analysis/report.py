"""The report of an analysis: JSON, figures, and one HTML page that needs no other file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from html import escape
from itertools import accumulate
from typing import Any

from anymask.data.analysis.charts import curves, dots, heat_map
from anymask.data.analysis.duplicates import ImageHashes
from anymask.data.analysis.origins import Origins
from anymask.data.analysis.tally import BINS, Tally
from anymask.data.dataset import Collection
from anymask.errors import FormatError

__all__ = ["analyse", "encode_report"]

Advance = Callable[[int, int, str], None]
POINTS = (1, 3)
"""How many points the IoU of groups is shown for."""


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


def encode_report(results: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """The files of a report by name: report.json, an SVG for each figure, a PNG for each map, index.html."""
    charts = dict(_charts(results))
    maps = {f"centres-{number}.png": heat_map(one["centres"]) for number, one in enumerate(results, 1)}
    files = {"report.json": json.dumps(list(results), indent=1).encode()}
    files |= {name: chart.encode() for name, chart in (*charts.items(), *_group_charts(results))} | maps
    files["index.html"] = _page(results, charts.values(), list(maps.values())).encode()
    return files


def _charts(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Figure 6 of the paper, and the distribution of scores."""
    per_image = {one["name"]: _share_by_count(one["images_by_masks"]) for one in results}
    yield "masks-per-image.svg", curves("Images with at most so many masks", "masks per image", per_image)
    for key, title in (
        ("relative_size", "Relative size of masks"),
        ("concavity", "Concavity of masks"),
        ("scores", "Predicted IoU"),
        ("stability", "Stability"),
    ):
        series = {one["name"]: _shares(one[key]["bins"]) for one in results if one[key] is not None}
        if series:
            yield f"{key.replace('_', '-')}.svg", curves(title, AXES[key], series)


def _group_charts(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The IoU of groups at each number of points, beside the published one of others."""
    for number, one in enumerate(results, 1):
        for points in POINTS if "clicks_by_group" in one else ():
            yield f"groups-{number}-points-{points}.svg", _group_chart(one["clicks_by_group"], points)


def _group_chart(found: Mapping[str, Any], points: int) -> str:
    key = f"points_{points}"
    own = [(row["group"], row[key]["iou"], row[key]["low"], row[key]["high"]) for row in found["groups"]]
    rings = [(f"{row['set']}: {row['group']}", row[key]) for row in found["published"] if key in row]
    return dots(f"Mean IoU at {_points(points)}", own, rings)


def _points(number: int) -> str:
    return f"{number} point{'s' if number > 1 else ''}"


AXES = {
    "relative_size": "square root of mask area / image area",
    "concavity": "1 - area / area of the convex hull",
    "scores": "predicted IoU",
    "stability": "stability",
}


def _share_by_count(counts: Mapping[str, int]) -> tuple[list[float], list[float]]:
    total = sum(counts.values()) or 1
    places = sorted((int(number), count) for number, count in counts.items())
    return [float(n) for n, _ in places], [done / total for done in accumulate(count for _, count in places)]


def _shares(bins: Sequence[int]) -> tuple[list[float], list[float]]:
    total = sum(bins) or 1
    return [(place + 0.5) / BINS for place in range(BINS)], [count / total for count in bins]


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child { text-align: left }
svg, figure { margin: .5rem 1rem .5rem 0; display: inline-block }
"""


def _page(results: Sequence[Mapping[str, Any]], charts: Iterable[str], maps: Sequence[bytes]) -> str:
    title = ", ".join(str(one["name"]) for one in results)
    figures = "".join(
        f'<figure><img alt="map of the centres of masks" src="data:image/png;base64,'
        f'{base64.b64encode(data).decode()}"><figcaption>{escape(str(one["name"]))}</figcaption></figure>'
        for one, data in zip(results, maps, strict=True)
    )
    origins = "".join(_origins(one) for one in results if "origins" in one)
    groups = "".join(_clicks_by_group(one) for one in results if "clicks_by_group" in one)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{_summary(results)}"
        f"<h2>Masks</h2>{''.join(charts)}<h2>Centres of masks</h2>{figures}{origins}{groups}</html>\n"
    )


def _summary(results: Sequence[Mapping[str, Any]]) -> str:
    columns = [_cells(one) for one in results]
    lines = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return _table(["", *(str(one["name"]) for one in results)], lines)


def _cells(one: Mapping[str, Any]) -> dict[str, str]:
    """The rows of the summary for a data set."""
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
    parts = [f"<h2>Where the images of {escape(str(one['name']))} come from</h2>"]
    for key, name in (("regions", "region"), ("income_groups", "income group")):
        lines = [[row["group"], f"{row['countries']:,}", *_counts(row)] for row in found[key]]
        parts.append(_table([name, "countries", "images", "masks", "share"], lines))
    lines = [[row["country"], *_counts(row)] for row in found["countries"]]
    parts.append(_table(["country", "images", "masks", "share"], lines))
    notes = [f"{found['images_without_a_country']:,} images without a country", found["source"]]
    if found["unknown_countries"]:
        notes.append(f"countries that no list knows: {', '.join(found['unknown_countries'])}")
    if found["rows_of_unknown_images"]:
        notes.append(
            f"{len(found['rows_of_unknown_images']):,} rows of the table name images that are not here"
        )
    return "".join(parts) + "".join(f"<p>{escape(note)}.</p>" for note in notes)


def _clicks_by_group(one: Mapping[str, Any]) -> str:
    found = one["clicks_by_group"]
    lines = [
        [row["group"], f"{row['images']:,}", f"{row['masks']:,}", *(_iou(row[f"points_{n}"]) for n in POINTS)]
        for row in found["groups"]
    ]
    notes = [f"Mean IoU of {found['model']} from random points, with 95 % bootstrap intervals over images"]
    notes.append("rings: means of SAM that its paper gives for other data")
    if found["unused_rows"]:
        notes.append(f"{len(found['unused_rows']):,} rows of the table name what is not here")
    return (
        f"<h2>Clicks by group, {escape(str(one['name']))}</h2>"
        + "".join(_group_chart(found, points) for points in POINTS)
        + _table(["group", "images", "masks", *map(_points, POINTS)], lines)
        + f"<p>{escape('; '.join(notes))}.</p>"
    )


def _iou(mean: Mapping[str, Any]) -> str:
    value = f"{mean['iou']:.3f}"
    return value if mean["low"] is None else f"{value} ({mean['low']:.3f} to {mean['high']:.3f})"


def _counts(row: Mapping[str, Any]) -> list[str]:
    return [f"{row['images']:,}", f"{row['masks']:,}", f"{100 * row['share']:.1f} %"]


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = ["".join(f"<td>{escape(cell)}</td>" for cell in line) for line in lines]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
