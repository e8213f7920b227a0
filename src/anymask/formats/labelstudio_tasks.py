"""Contents of a Label Studio task: its images, the results of each, and what is not read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from anymask.errors import FormatError
from anymask.formats import json_fields

__all__ = ["Answer", "answer_of", "by_image", "has_image", "image_name", "images_of", "paged", "whole_task"]

_SUFFIX = re.compile(r"\.(jpe?g|png|webp|tiff?|bmp|gif|avif|heic)($|[?#&])", re.IGNORECASE)
_ADDRESS = re.compile(r"data:image/|[a-z0-9]+://|/data/", re.IGNORECASE)
_OTHER = re.compile(r"\.(mp4|webm|mov|avi|mkv|mp3|wav|txt|json|csv|html|pdf)($|[?#&])", re.IGNORECASE)


def whole_task(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """A task in the full form; JSON-MIN has fields of the data and lists of values side by side."""
    if "data" in task or not any(isinstance(value, str) for value in task.values()):
        return task
    data = {key: value for key, value in task.items() if isinstance(value, str) and _is_image(value)}
    results = [
        _result(value, name)
        for name, values in task.items()
        if isinstance(values, list)
        for value in values
        if isinstance(value, Mapping)
    ]
    return {"id": task.get("id"), "data": data, "annotations": [{"result": results}]} if data else task


def _result(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A value of JSON-MIN as a result; its kind is the name of its list of labels, or told by its fields."""
    kinds = [key for key, names in value.items() if key.endswith("labels") and isinstance(names, list)]
    fields = {"brush": "rle", "polygon": "points", "ellipse": "radiusX", "rectangle": "width"}
    guess = next((kind for kind, field in fields.items() if field in value), "value")
    sizes = {
        key: value[key] for key in ("original_width", "original_height", "image_rotation") if key in value
    }
    return {"type": kinds[0] if kinds else guess, "from_name": name, "value": value, **sizes}


def _is_image(text: str) -> bool:
    address = _SUFFIX.search(text) or _ADDRESS.match(text)
    return address is not None and _OTHER.search(text) is None


def paged(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """A task whose lists of images (pages) are fields of their own: pages become `pages.0`, `pages.1`, ..."""
    data = task.get("data")
    if not isinstance(data, Mapping):
        return task
    pages = {
        f"{key}.{at}": page
        for key, value in data.items()
        if isinstance(value, list)
        for at, entry in enumerate(value)
        if (page := _page(entry)) is not None
    }
    return {**task, "data": {**data, **pages}, "pages": list(pages)} if pages else task


def _page(entry: object) -> str | None:
    """The image that an entry of a list is, or has in one of its fields."""
    values = entry.values() if isinstance(entry, Mapping) else [entry]
    return next((value for value in values if isinstance(value, str) and _is_image(value)), None)


def images_of(task: Mapping[str, Any]) -> list[str]:
    """The fields of a task's data that name an image."""
    data = task.get("data")
    if not isinstance(data, Mapping):
        return []
    if isinstance(task.get("pages"), list):
        return list(task["pages"])
    texts = [key for key, value in data.items() if isinstance(value, str)]
    files = [key for key in texts if _SUFFIX.search(data[key])]
    named = files or [key for key in texts if _is_image(data[key])]
    return named or (["image"] if "image" in texts else texts[:1])


def has_image(task: Mapping[str, Any]) -> bool:
    """Whether a task may be of an image: not where its data are videos, texts and the like alone."""
    data = task.get("data")
    if not isinstance(data, Mapping):
        return True  # damaged, which is found when it is read
    texts = [value for value in data.values() if isinstance(value, str)]
    known = any(key in data for key in ("image", "img")) or "pages" in task
    return known or any(map(_is_image, texts)) or not any(_OTHER.search(one) or " " in one for one in texts)


def image_name(data: Mapping[str, Any], key: str | None = None) -> str:
    """The file name of a task's image, from a path or URL. Raises FormatError if there is none."""
    place = data.get("image" if key is None else key) or data.get("image")
    if not isinstance(place, str):
        raise FormatError("task must name its image in data.image, got no text. Export it again.")
    address = re.fullmatch(r"(?:/data/local-files/\?d=|[a-z0-9]+://[^/]*/|/data/)(.*)", place)
    return unquote(address.group(1).split("?")[0]) if address else place


@dataclass
class Answer:
    """The annotation or prediction of a task."""

    results: list[object] = field(default_factory=list)
    is_guess: bool = False
    """Whether it is a prediction."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What else the task holds."""


def answer_of(task: Mapping[str, Any]) -> Answer:
    """The first annotation that was not cancelled, or the first prediction."""
    found = Answer()
    chosen = False
    for key, word in (("annotations", "annotation"), ("predictions", "prediction"), ("drafts", "draft")):
        for entry in task.get(key) or () if isinstance(task.get(key), list) else ():
            if not isinstance(entry, Mapping):
                continue
            results = entry.get("result") or []
            if not isinstance(results, list):
                results = json_fields.field(entry, "result", list, key)
            if entry.get("was_cancelled"):
                found.left_out["result of a cancelled annotation"] += len(results)
            elif not chosen and word != "draft":
                found.results, found.is_guess, chosen = list(results), word == "prediction", True
            else:
                found.left_out[f"result of another {word}"] += len(results)
    found.left_out += Counter()  # without zeros
    return found


_Part = tuple["str | None", list[object], Counter[str]]


def by_image(answer: Answer, keys: Sequence[str]) -> list[_Part]:
    """For each image of a task that has results: its field, its results, and what is left out.

    A result says by `to_name` which image it is of: by the field's name, or where a task has as many
    names as images, by their order; of pages by its `item_index`, or the number at the end of `to_name`.
    Other contents of the task are reported with its first image.
    """
    fields = _fields([name for name in map(_to_name, answer.results) if name is not None], keys)
    first = next(iter(keys), None)
    parts: dict[str | None, list[object]] = {}
    for result in answer.results:
        name = _to_name(result)
        if name is None or name in fields:
            parts.setdefault(first if name is None else fields[name], []).append(result)
        else:
            answer.left_out["result of an unknown image"] += 1
    if not parts:
        parts[first] = []
    return [
        (key, found, answer.left_out if at == 0 else Counter())
        for at, (key, found) in enumerate(parts.items())
    ]


def _fields(names: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
    """The field of each image's name."""
    distinct = list(dict.fromkeys(names))
    pages = {key.rpartition(".")[2]: key for key in keys if _PAGE.search(key)}
    if pages:
        numbers = {name: found[1] if (found := _NUMBER.search(name)) else "0" for name in distinct}
        return {name: pages[number] for name, number in numbers.items() if number in pages}
    if len(keys) == 1:
        return dict.fromkeys(distinct, keys[0])
    same = {name: name for name in distinct if name in keys}
    if not same and len(distinct) == len(keys):
        return dict(zip(distinct, keys, strict=True))
    return same


def _to_name(result: object) -> str | None:
    if not isinstance(result, Mapping) or not isinstance(result.get("to_name"), str):
        return None
    page = result.get("item_index")
    return f"{result['to_name']}.{page}" if isinstance(page, int) else str(result["to_name"])


_PAGE, _NUMBER = re.compile(r"\.\d+$"), re.compile(r"(\d+)$")
