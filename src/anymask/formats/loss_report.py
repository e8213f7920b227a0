"""Loss report: what writing lost, per mask, measured on what is read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anymask.files.reports.wording import counted
from anymask.formats.json_fields import file_name
from anymask.formats.writers import CROWD, LEFT_OUT, Page
from anymask.geometry import rle
from anymask.types import Record

__all__ = ["Loss", "MaskLoss", "Tally"]


_CALLED = {"labels": "labels (numbers of classes)", "categories": "categories (names of classes)"}
"""Facts whose names need a word more."""


@dataclass(frozen=True)
class MaskLoss:
    """A mask that is read back changed."""

    record: str
    """The record's id."""
    mask: int
    """Its number in the record, from 0."""
    iou: float
    """Between the mask and what is read back; 0 where nothing is."""
    notes: tuple[str, ...]
    """What was done to it."""


@dataclass(frozen=True)
class Loss:
    """What was written, and what of it was lost."""

    path: Path
    """Where it is."""
    format: str
    """In which format."""
    records: int
    masks: int
    mean_iou: float
    """Mean over all masks of the IoU with what is read back; 1 without masks."""
    changed: tuple[MaskLoss, ...]
    """The masks that are not held as they were."""
    dropped: Mapping[str, int]
    """Facts that the format has no place for, with the number of records that had them."""
    skipped: tuple[tuple[str, str], ...]
    """(id, reason) of records that were not written."""
    left_out: tuple[tuple[str, str, int], ...] = ()
    """(a record's id or a file, kind, how many) of what the source holds and no mask was made of."""

    @property
    def lossless(self) -> bool:
        """Whether everything is read back as it was."""
        return not (self.changed or self.dropped or self.skipped or self.left_out)

    def with_source(
        self, skipped: Iterable[tuple[str, str]], left_out: Iterable[tuple[str, str, int]] = ()
    ) -> Loss:
        """The report extended by what the reader of the source left out."""
        return replace(self, skipped=tuple(skipped), left_out=(*self.left_out, *left_out))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable values."""
        return {**asdict(self), "path": str(self.path), "dropped": dict(self.dropped)}

    def to_json(self) -> bytes:
        """The report as a JSON file."""
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=False).encode("utf-8", "replace")

    def summary(self) -> str:
        """The report as a few lines of text."""
        head = f"{counted(self.records, 'image')} with {counted(self.masks, 'mask')} as {self.format}"
        if self.lossless:
            return f"{head}, nothing lost"
        lines = [f"{head}, mean IoU of what is read back {self.mean_iou:.4f}"]
        worse = [one.iou for one in self.changed if one.iou < 1]
        if worse:
            lines.append(f"  {counted(len(worse), 'mask')} changed, the worst to IoU {min(worse):.3f}")
        notes = Counter(note for one in self.changed for note in one.notes)
        lines += [f"  {counted(count, 'mask')}: {note}" for note, count in _by_count(notes)]
        lines += [
            f"  {_CALLED.get(name, name)}: not stored ({counted(count, 'image')})"
            for name, count in self.dropped.items()
        ]
        left_out = Counter[str]()
        for _, kind, count in self.left_out:
            left_out[kind.partition(":")[0]] += count
        if left_out:
            told = ", ".join(f"{kind} ({count:,})" for kind, count in _by_count(left_out))
            lines.append(f"  not read: {told}")
        if self.skipped:
            lines.append(f"  {counted(len(self.skipped), 'image')} skipped")
        return "\n".join(lines)


class Tally:
    """Counts losses while records are written."""

    def __init__(self, keeps: frozenset[str]) -> None:
        """keeps: the facts that the format stores, see `facts`."""
        self._keeps = keeps
        self._records = self._masks = 0
        self._sum = 0.0
        self._changed: list[MaskLoss] = []
        self._dropped: Counter[str] = Counter()
        self._skipped: list[tuple[str, str]] = []
        self._left_out: list[tuple[str, str, int]] = []

    def skip(self, id: str, error: Exception) -> None:
        """Note a record that was not written."""
        self._skipped.append((id, str(error)))

    def add(self, record: Record, page: Page) -> None:
        """Measure a record that was written."""
        self._records += 1
        self._masks += len(record.masks)
        self._dropped.update(
            fact
            for fact in facts(record)
            if fact not in self._keeps and not (fact == "labels" and self._holds_classes(record))
        )
        self._left_out += [(record.id, kind, count) for kind, count in record.left_out.items()]
        crowds = [] if "crowds" in self._keeps else record.meta.get("crowds", [])
        for i, (wanted, got) in enumerate(zip(record.masks.rles, page.runs, strict=True)):
            iou = _iou(wanted, got, record.masks.size)
            self._sum += iou
            notes = (*page.notes.get(i, ()), *([LEFT_OUT] if got is None else []))
            notes += (CROWD,) if any(crowds[i : i + 1]) else ()
            if iou < 1 or notes:
                self._changed.append(MaskLoss(record.id, i, iou, notes))

    def _holds_classes(self, record: Record) -> bool:
        """Whether the names of the masks are stored, and tell the same classes apart as their numbers."""
        if "categories" not in self._keeps or record.masks.labels is None:
            return False
        names, numbers = record.meta.get("categories", ()), record.masks.labels.tolist()
        if len(names) != len(numbers):
            return False
        return len(set(zip(names, numbers, strict=True))) == len(set(names)) == len(set(numbers))

    def result(self, path: Path, format: str) -> Loss:
        """The report."""
        mean = self._sum / self._masks if self._masks else 1.0
        counts = (self._records, self._masks, mean)
        return Loss(
            path,
            format,
            *counts,
            tuple(self._changed),
            dict(self._dropped),
            tuple(self._skipped),
            tuple(self._left_out),
        )


def _iou(wanted: rle.Runs, got: rle.Runs | None, size: tuple[int, int]) -> float:
    """IoU of a mask with what is read back; two empty ones are the same."""
    if got is None:
        return 0.0
    if np.array_equal(wanted, got):
        return 1.0
    return float(rle.iou([wanted], [got], size)[0, 0])


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    """The largest counts first, equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def facts(record: Record) -> list[str]:
    """The facts that a record holds besides mask pixels, size and image name.

    Stated areas are none: every format's masks have areas of their own. Nor is a source that is "human":
    masks in a format without a source are taken for the work of people.
    """
    masks = record.masks
    found = [name for name in ("stability", "labels", "prompt", "logits") if getattr(masks, name) is not None]
    if len(masks) and (masks.scores != 1).any():
        found.append("scores")
    name = Path(file_name(record))
    if record.id not in (name.stem, name.with_suffix("").as_posix()):
        found.append("id")
    if record.ignore is not None:
        found.append("ignore")
    if record.source not in ("import", "human"):
        found.append("source")
    numbered = list(record.meta.get("ids", ())) == list(range(1, len(masks) + 1))  # says nothing
    return [
        *found,
        *(it for it in record.meta if it not in ("file_name", "areas") and not (it == "ids" and numbered)),
    ]
