"""Label Studio's answers about a region: choices, texts, numbers and ratings that have the region's id.

They are the attributes of its mask, named by the tag that asks (`from_name`). Several choices are a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anymask.formats import attributes

__all__ = ["ANSWERS", "answers_of", "attributes_of"]

ANSWERS: Mapping[str, str] = {
    "choices": "choices",
    "textarea": "text",
    "number": "number",
    "rating": "rating",
    "taxonomy": "taxonomy",
    "datetime": "datetime",
}
"""The kinds of answers, and the field of the value that holds each."""


def attributes_of(members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The attributes in the results of one region."""
    found: dict[str, Any] = {}
    for member in members:
        value, field = member.get("value"), ANSWERS.get(str(member.get("type")))
        if field is not None and isinstance(value, Mapping) and value.get(field) is not None:
            found[str(member.get("from_name", field))] = _plain(value[field])
    return found


def _plain(answer: Any) -> Any:
    single = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    return attributes.from_text(single) if isinstance(single, str) else single


def answers_of(told: Mapping[str, Any], region: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The results that hold the attributes of a region, without its id. region: its value."""
    for name, value in told.items():
        kind, answer = _answer(value)
        yield {"type": kind, "from_name": name, "value": {**region, ANSWERS[kind]: answer}}


def _answer(value: object) -> tuple[str, object]:
    """The kind of answer that holds a value, and how."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number", value
    if isinstance(value, list) and len(value) != 1 and all(isinstance(one, str) for one in value):
        return "choices", value
    return ("choices" if isinstance(value, bool) else "textarea"), [attributes.as_text(value)]
