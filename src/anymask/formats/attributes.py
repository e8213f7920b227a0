"""Attributes of masks, such as {"colour": "red", "occluded": True}: a mapping for each, in `Record.meta`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anymask.formats import json_fields
from anymask.types import Record

__all__ = ["as_meta", "as_text", "from_text", "joined", "of_record"]

Attributes = Mapping[str, Any]


def of_record(record: Record) -> Sequence[Attributes]:
    """The attributes of each mask, empty for none."""
    known = json_fields.per_mask(record, "attributes") or [None] * len(record.masks)
    return [one if isinstance(one, Mapping) else {} for one in known]


def as_meta(values: Iterable[object]) -> dict[str, list[dict[str, Any]]]:
    """The part of `Record.meta` that holds the attributes of all masks; empty where none has any."""
    found = [dict(one) if isinstance(one, Mapping) else {} for one in values]
    return {"attributes": found} if any(found) else {}


def joined(members: Iterable[object]) -> dict[str, Any]:
    """The attributes of an object in several parts; of one name the first part's."""
    found: dict[str, Any] = {}
    for one in members:
        found = {**one, **found} if isinstance(one, Mapping) else found
    return found


def as_text(value: object) -> str:
    """A value as text: true, false, text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def from_text(text: str) -> str | bool:
    """The value of text: true and false are truth values."""
    return {"true": True, "false": False}.get(text.strip().lower(), text)
