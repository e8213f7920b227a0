"""Label Studio: one JSON file with a list of tasks.

`[{"id", "data": {"image"}, "annotations" or "predictions": [{"result": [{id, type, original_width,
original_height, value}]}], "meta"}]`. Read are brushes, polygons, rectangles and ellipses (in percent), of
the first annotation that was not cancelled, or the first prediction; results of one id are one mask. Written
are brushes, or with `Outlines.polygons` polygons with one ring. Masks that a model made become predictions.
Added to a task's `meta`: `id`, `size`, `dataset`, `source`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from anymask.errors import FormatError
from anymask.formats import json_fields as common
from anymask.formats.brush import from_brush, to_brush
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import as_ring, bridge, fill
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["KEEPS", "LabelStudioWriter", "items"]

KEEPS = frozenset(("id", "scores", "categories", "dataset", "source"))
"""Facts of a record that a file holds."""
_KINDS = ("brush", "polygon", "rectangle", "ellipse")


class LabelStudioWriter:
    """Writes the list task by task."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        self._place, self._outlines, self._count = place, outlines, 0

    def add(self, record: Record) -> Page:
        """Write a task."""
        task, runs, notes = _task(record, self._count + 1, self._outlines)
        data = common.to_json(task)
        with self._place.open("ab") as file:
            file.write((b",\n" if self._count else b"[\n") + data)
        self._count += 1
        return Page(data, runs, notes)

    def close(self) -> None:
        """End the list."""
        with self._place.open("ab") as file:
            file.write(b"\n]\n" if self._count else b"[]\n")


_Notes = dict[int, tuple[str, ...]]


def _task(record: Record, number: int, outlines: Outlines) -> tuple[dict[str, Any], list[Any], _Notes]:
    masks, notes = record.masks, _Notes()
    h, w = masks.size
    results: list[dict[str, Any]] = []
    runs: list[rle.Runs | None] = []
    for i, name in enumerate(common.names(record)):
        kind, value, notes[i] = _value(record, i, outlines)
        runs.append(None if value is None else _runs_of(kind, value, (h, w)))
        if value is not None:
            results.append({
                "id": f"mask{i}", "type": f"{kind}labels", "from_name": "label", "to_name": "image",
                "original_width": w, "original_height": h, "image_rotation": 0,
                "value": {**value, f"{kind}labels": [name]},
                **({} if masks.scores[i] == 1 else {"score": float(masks.scores[i])}),
            })  # fmt: skip
    meta = {"id": record.id, "size": [h, w]}
    if "dataset" in record.meta:
        meta["dataset"] = record.meta["dataset"]
    if record.source == "human":
        meta["source"] = record.source
    answers = "predictions" if record.source == "auto" else "annotations"
    data = {"image": common.file_name(record)}
    return {"id": number, "data": data, answers: [{"result": results}], "meta": meta}, runs, notes


def _value(record: Record, i: int, outlines: Outlines) -> tuple[str, dict[str, Any] | None, tuple[str, ...]]:
    """Kind and value of one mask's result, None where there is no ring to draw."""
    masks = record.masks
    if not outlines.polygons:
        return "brush", {"format": "rle", "rle": to_brush(masks.rles[i], masks.size)}, ()
    parts = outlines.of(record, i)
    if not parts:
        return "polygon", None, ()
    percent = bridge(parts) * (100 / masks.size[1], 100 / masks.size[0])
    value = {"points": percent.round(5).tolist(), "closed": True}
    return "polygon", value, (*cut_notes(parts, parts=True), *outlines.notes)


def items(data: bytes, path: Path, pictures: Path | None) -> Iterator[tuple[str, Callable[[], Record]]]:
    """Id and reader of every task of the file at `path`. Raises FormatError where it is no list of tasks."""
    tasks = common.parse_json(data, path)
    if not isinstance(tasks, list):
        raise FormatError(f"path must hold a list of tasks, got another form in {path}. Export it as JSON.")
    for number, task in enumerate(tasks, start=1):
        meta = task.get("meta") if isinstance(task, Mapping) else None
        own = meta.get("id") if isinstance(meta, Mapping) else None
        default = task.get("id", number) if isinstance(task, Mapping) else number
        id = str(default if own is None else own)
        yield id, partial(_record, task, id, path, pictures)


def _record(task: object, id: str, path: Path, pictures: Path | None) -> Record:
    entry = common.mapping(task, f"task {id}")
    name = _picture_name(common.field(entry, "data", dict, f"task {id}"))
    picture = common.find_picture(path, name, pictures)
    source, results = _answer(entry)
    meta = entry["meta"] if isinstance(entry.get("meta"), Mapping) else {}
    size = _size(results, meta, picture)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for i, result in enumerate(results):
        groups.setdefault(str(result.get("id", i)), []).append(result)
    found = [(_group_runs(members, size), members) for members in groups.values()]
    things = [(runs, members) for runs, members in found if runs is not None]
    firsts = [members[0] for _, members in things]
    known = {"dataset": meta["dataset"]} if "dataset" in meta else {}
    return Record(
        id,
        picture,
        Masks(size, [runs for runs, _ in things], common.scores(firsts, "score")),
        source=source if source == "auto" or meta.get("source") != "human" else "human",
        meta={"file_name": name, "categories": [_label(members) for _, members in things], **known},
    )


def _picture_name(data: Mapping[str, Any]) -> str:
    """The picture's file name, out of a path or an address."""
    place = data.get("image") or next((text for text in data.values() if isinstance(text, str)), None)
    if not isinstance(place, str):
        raise FormatError("task must name its picture in data.image, got no text. Export it again.")
    address = re.fullmatch(r"(?:/data/local-files/\?d=|[a-z0-9]+://[^/]*/|/data/)(.*)", place)
    return unquote(address.group(1).split("?")[0]) if address else place


def _answer(task: Mapping[str, Any]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
    """Who made the task's masks, and its results."""
    for key, source in (("annotations", "import"), ("predictions", "auto")):
        for answer in task.get(key) or ():
            entry = common.mapping(answer, key)
            if not entry.get("was_cancelled"):
                results = common.field(entry, "result", list, key)
                return source, [common.mapping(result, "result") for result in results]
    return "import", []


def _size(results: Sequence[Mapping[str, Any]], meta: Mapping[str, Any], picture: Path) -> tuple[int, int]:
    """(H, W) as the results say it, or the task's meta, or the picture."""
    first = next((result for result in results if "original_width" in result), {})
    noted = meta.get("size")
    if not first and isinstance(noted, list) and len(noted) == 2:
        first = {"original_height": noted[0], "original_width": noted[1]}
    return common.size_beside(first, ("original_height", "original_width"), picture)


def _label(members: Sequence[Mapping[str, Any]]) -> str:
    """The first label of the results of one id."""
    values = [member.get("value") for member in members]
    lists = [v for value in values if isinstance(value, Mapping) for k, v in value.items() if "label" in k]
    return next((str(names[0]) for names in lists if isinstance(names, list) and names), "object")


def _group_runs(members: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> rle.Runs | None:
    """The mask of the results of one id, None where none of them has an area."""
    shown: dict[str, rle.Runs] = {}
    for member in members:
        kind = re.sub(r"labels$", "", str(member.get("type")))
        if kind not in _KINDS:
            continue
        if member.get("image_rotation"):
            raise FormatError("result must be of a picture that is not turned, got a turn. Turn it back.")
        value = common.field(member, "value", dict, "result")
        shown.setdefault(kind, _runs_of(kind, value, size))  # with and without labels it comes twice
    return rle.union(list(shown.values()), size) if shown else None


def _runs_of(kind: str, value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """Runs of one result."""
    if kind == "brush":
        return from_brush(value.get("rle"), size)
    pixel = np.array([size[1] / 100, size[0] / 100])
    if kind == "polygon":
        return fill([[as_ring(value.get("points") or []) * pixel]], size)
    turn = common.number(value.get("rotation", 0), "rotation")
    names = ("x", "y", "width", "height") if kind == "rectangle" else ("x", "y", "radiusX", "radiusY")
    x, y, u, v = (common.number(value.get(name), name) for name in names)
    (x, y), (u, v) = pixel * (x, y), pixel * (u, v)
    if kind == "rectangle":
        return fill([[box_ring(x, y, x + u, y + v, degrees=turn, about="corner")]], size)
    return fill([[ellipse_ring(x, y, u, v, degrees=turn)]], size)
