"""Label Studio: one JSON file with a list of tasks.

`[{"id", "data": {"image"}, "annotations" or "predictions": [{"result": [{id, type, original_width,
original_height, value}]}], "meta"}]`, and its short form JSON-MIN. Read are brushes, bitmasks, polygons,
closed vectors, rectangles and ellipses (in percent), of the first annotation that was not cancelled, or the
first prediction; results of one id are one mask. Everything else is reported, including further annotations
of a task. A task with several images or pages is a record for each of them. Written are brushes, or with
`Outlines.polygons` polygons with one ring.
Masks that a model made become predictions. Added to a task's `meta`: `id`, `size`, `dataset`, `source`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.formats import attributes, json_fields
from anymask.formats.brush import from_bitmask, from_brush, to_brush
from anymask.formats.image_files import ImageFiles
from anymask.formats.labelstudio_answers import ANSWERS, answers_of, attributes_of
from anymask.formats.labelstudio_tasks import (
    answer_of,
    by_image,
    has_image,
    image_name,
    images_of,
    paged,
    whole_task,
)
from anymask.formats.labelstudio_vectors import vector_ring
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import as_ring, bridge, fill
from anymask.formats.reading import Items, NoMaskError, Reading, attempt
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["KEEPS", "LabelStudioWriter", "items"]

KEEPS = frozenset(("attributes", "id", "scores", "categories", "dataset", "source"))
"""Facts of a record that a file holds."""


class LabelStudioWriter:
    """Writes the list task by task."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        self._place, self._outlines, self._count = place, outlines, 0

    def add(self, record: Record) -> Page:
        """Write a task."""
        task, runs, notes = _task(record, self._count + 1, self._outlines)
        data = json_fields.to_json(task)
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
    told = attributes.of_record(record)
    runs: list[rle.Runs | None] = []
    for i, name in enumerate(json_fields.names(record)):
        kind, value, notes[i] = _value(record, i, outlines)
        runs.append(None if value is None else _runs_of(kind, value, (h, w)))
        if value is not None:
            head = {
                "id": f"mask{i}", "to_name": "image",
                "original_width": w, "original_height": h, "image_rotation": 0,
            }  # fmt: skip
            results.append({
                **head, "type": f"{kind}labels", "from_name": "label",
                "value": {**value, f"{kind}labels": [name]},
                **({} if masks.scores[i] == 1 else {"score": float(masks.scores[i])}),
            })  # fmt: skip
            results += [{**head, **answer} for answer in answers_of(told[i], value)]
    meta = {"id": record.id, "size": [h, w]}
    if "dataset" in record.meta:
        meta["dataset"] = record.meta["dataset"]
    if record.source == "human":
        meta["source"] = record.source
    answers = "predictions" if record.source == "auto" else "annotations"
    data = {"image": json_fields.file_name(record)}
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


def items(data: bytes, path: Path, reading: Reading) -> Items:
    """Id and reader of every image of every task. Raises FormatError where it is no list of tasks."""
    tasks = json_fields.parse_json(data, path)
    if isinstance(tasks, dict) and "data" in tasks:
        tasks = [tasks]
    if not isinstance(tasks, list):
        raise FormatError(f"path must hold a list of tasks, got another form in {path}. Export it as JSON.")
    files = ImageFiles(path, reading.images)
    left_out: Counter[str] = Counter()
    found = [
        entry for number, task in enumerate(tasks, 1) for entry in _entries(task, number, files, left_out)
    ]
    return Items(found, left_out)


def _entries(
    task: object, number: int, files: ImageFiles, left_out: Counter[str]
) -> Iterator[tuple[str, Callable[[], Record]]]:
    """The records of a task: one for each of its images that has results, at least one.

    Tasks that are of no image, or of an image of unknown size without results, are counted in `left_out`.
    """
    if not isinstance(task, Mapping):
        yield str(number), partial(_record, task, str(number), [], Counter(), files)
        return
    meta = task.get("meta")
    own = meta.get("id") if isinstance(meta, Mapping) else None
    id = str(task.get("id", number) if own is None else own)
    task = paged(whole_task(task))
    try:
        answer = answer_of(task)
    except FormatError as error:
        yield id, partial(_refuse, error)
        return
    if not has_image(task):
        left_out.update([str(one.get("type")) for one in answer.results if isinstance(one, Mapping)])
        left_out["task without an image"] += 1
        return
    for at, (key, results, told) in enumerate(by_image(answer, images_of(task))):
        name = id if at == 0 else f"{id}-{key}"
        entry = {**task, "image_field": key, "guess": answer.is_guess}
        if results or told or not _is_unknown(entry, files):
            yield name, partial(_record, entry, name, results, told, files)
        else:
            left_out["task without annotations"] += 1


def _is_unknown(task: Mapping[str, Any], files: ImageFiles) -> bool:
    """Whether nothing says the size of a task's image."""
    meta, data = task.get("meta"), task.get("data")
    if not isinstance(data, Mapping) or (isinstance(meta, Mapping) and "size" in meta):
        return False
    return not os.path.isfile(files.find(image_name(data, task["image_field"])))


def _refuse(error: FormatError) -> Record:
    raise error


def _own_name(name: str, image_path: Path) -> str:
    """The image name of a task; for an upload whose image is near under its original name, that name."""
    path = json_fields.inner_path(name)
    return path.with_name(image_path.name).as_posix() if path.name.endswith(f"-{image_path.name}") else name


def _record(
    task: object, id: str, results: Sequence[object], left_out: Counter[str], files: ImageFiles
) -> Record:
    entry = json_fields.mapping(task, f"task {id}")
    name = image_name(json_fields.field(entry, "data", dict, f"task {id}"), entry.get("image_field"))
    if name.startswith("data:image/"):  # the image itself
        name = f"task-{id}.{name[11:].partition(';')[0].partition('+')[0]}"
    image_path = files.find(name)
    left_out = Counter(left_out)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for i, result in enumerate(results):
        if isinstance(result, Mapping):
            groups.setdefault(str(result.get("id", i)), []).append(result)
        else:
            left_out["damaged: result must be an object"] += 1
    meta = entry["meta"] if isinstance(entry.get("meta"), Mapping) else {}
    size = _size([one for members in groups.values() for one in members], meta, image_path)
    found = [(_group_runs(members, size, left_out), members) for members in groups.values()]
    things = [(runs, members) for runs, members in found if runs is not None]
    firsts = [members[0] for _, members in things]
    labels = [next(iter(_labels(members)), "object") for _, members in things]
    told = attributes.as_meta(attributes_of(members) for _, members in things)
    if more := sum(max(0, len(_labels(members)) - 1) for _, members in things):
        left_out[FURTHER_LABEL] += more
    known = {"dataset": meta["dataset"]} if "dataset" in meta else {}
    made = "auto" if entry.get("guess") else "human" if meta.get("source") == "human" else "import"
    return Record(
        id,
        image_path,
        Masks(size, [runs for runs, _ in things], json_fields.scores(firsts, "score", left_out)),
        source=json_fields.source(made),
        meta={"file_name": _own_name(name, image_path), "categories": labels, **told, **known},
        left_out=dict(left_out),
    )


def _size(results: Sequence[Mapping[str, Any]], meta: Mapping[str, Any], image_path: Path) -> tuple[int, int]:
    """(H, W) from the results, the meta of the task, or the image."""
    first = next((result for result in results if "original_width" in result), {})
    noted = meta.get("size")
    if not first and isinstance(noted, list) and len(noted) == 2:
        first = {"original_height": noted[0], "original_width": noted[1]}
    return json_fields.size_beside(first, ("original_height", "original_width"), image_path)


FURTHER_LABEL = "further label of a mask"


def _labels(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """The labels of the results of one id."""
    values = [member.get("value") for member in members]
    lists = [v for value in values if isinstance(value, Mapping) for k, v in value.items() if "label" in k]
    return list(dict.fromkeys(str(name) for names in lists if isinstance(names, list) for name in names))


def _group_runs(
    members: Sequence[Mapping[str, Any]], size: tuple[int, int], left_out: Counter[str]
) -> rle.Runs | None:
    """The mask of the results of one id, None where none of them has an area."""
    shown: list[rle.Runs] = []
    told: Counter[str] = Counter()
    kinds = [re.sub(r"labels$", "", str(member.get("type"))) for member in members]
    has_mask = any(kind in _READERS for kind in kinds)
    for member, kind in zip(members, kinds, strict=True):
        is_fact = has_mask and kind in ANSWERS  # of the region, see `_attributes`
        if (kind and not is_fact) or len(members) == 1:  # one region comes twice, with and without its labels
            runs = attempt(told, partial(_runs_of_result, member, kind, size))
            shown += [runs] if runs is not None else []
    left_out.update(told.keys())
    return rle.union(shown, size) if shown else None


def _runs_of_result(member: Mapping[str, Any], kind: str, size: tuple[int, int]) -> rle.Runs:
    if kind not in _READERS:
        raise NoMaskError((kind or "labels")[:40])
    if member.get("image_rotation"):
        raise FormatError("result must be of an image that is not turned, got a turn. Turn it back.")
    return _runs_of(kind, json_fields.field(member, "value", dict, "result"), size)


def _runs_of(kind: str, value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """Runs of one result."""
    return _READERS[kind](value, size)


def _brush(value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    return from_brush(value.get("rle"), size)


def _polygon(value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    return fill([[as_ring(value.get("points") or []) * _percent(size)]], size)


def _rectangle(value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    x, y, w, h, turn = _numbers(value, ("x", "y", "width", "height"), size)
    return fill([[box_ring(x, y, x + w, y + h, degrees=turn, about="corner")]], size)


def _ellipse(value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    x, y, u, v, turn = _numbers(value, ("x", "y", "radiusX", "radiusY"), size)
    return fill([[ellipse_ring(x, y, u, v, degrees=turn)]], size)


def _numbers(value: Mapping[str, Any], names: Sequence[str], size: tuple[int, int]) -> list[float]:
    """Two places and two lengths in pixels, and a rotation in degrees."""
    x, y, u, v = (json_fields.number(value.get(name), name) for name in names)
    turn = json_fields.number(value.get("rotation") or 0, "rotation")
    return [*(_percent(size) * (x, y)).tolist(), *(_percent(size) * (u, v)).tolist(), turn]


def _percent(size: tuple[int, int]) -> NDArray[np.float64]:
    """Pixels of one percent, along x and y."""
    return np.array([size[1] / 100, size[0] / 100])


_READERS: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int]], rle.Runs]] = {
    "brush": _brush,
    "bitmask": from_bitmask,
    "polygon": _polygon,
    "vector": lambda value, size: fill([[vector_ring(value, _percent(size))]], size),
    "rectangle": _rectangle,
    "ellipse": _ellipse,
}
