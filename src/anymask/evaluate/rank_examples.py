"""Ranking of examples for an in-context model: each one is left out in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import Kind, segment_like
from anymask.models import InContext
from anymask.types import Context, Masks, Record

__all__ = ["Standing", "rank_examples"]


@dataclass(frozen=True)
class Standing:
    """The contribution of one example."""

    index: int
    """Index of the example."""
    found: float
    """Mean IoU of its masks as predicted from the other examples; low if it differs from the rest."""
    gain: float
    """Change of the mean IoU on the other examples due to it: positive if it helps, negative if it hurts."""


def rank_examples(
    model: InContext,
    records: Sequence[Record],
    palette: NDArray[np.uint8] | None,
    *,
    kind: Kind = "instance",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Standing]:
    """Rank examples by their gain, the most helpful first; N examples need N * N predictions.

    Each example is predicted from all others together, and from all others except one. Of two examples, each
    is compared with having none. `progress` is called with the number of predictions done and in total.
    Raises InputError for fewer than two, and as `context` does.
    """
    count = len(records)
    if count < 2:
        raise InputError(f"records must be at least two to be compared, got {count}. Give more examples.")
    contexts = [context(record, palette, size=model.config.size) for record in records]
    iou = np.zeros((count, count))  # of query q without example e; on the diagonal from all others
    for done, (query, left) in enumerate(np.ndindex(count, count)):
        chosen = [one for index, one in enumerate(contexts) if index not in (query, left)]
        iou[query, left] = _predicted_iou(model, records[query], chosen, kind)
        progress(done + 1, count * count)
    gains = np.diag(iou)[:, None] - iou
    standings = [
        Standing(index, float(iou[index, index]), float(np.delete(gains[:, index], index).mean()))
        for index in range(count)
    ]
    return sorted(standings, key=lambda one: -one.gain)


def _predicted_iou(model: InContext, record: Record, contexts: Sequence[Context], kind: Kind) -> float:
    """Mean IoU over the labels of a record, predicted from examples; 0 without examples."""
    if not contexts:
        return 0.0
    found = segment_like(model, record.read(), contexts, kind=kind)
    white = contexts[0].palette is None
    truth, predicted = (_by_label(masks, white) for masks in (record.masks, found))
    empty = rle.encode(np.zeros(record.masks.size, np.bool_))
    pairs = [(runs, predicted.get(label, empty)) for label, runs in truth.items()]
    return float(np.mean([rle.iou([true], [got])[0, 0] for true, got in pairs]))


def _by_label(masks: Masks, white: bool) -> dict[int, rle.Runs]:
    """The union of the masks of each label; of all masks if there is no palette."""
    if white:
        labels = np.zeros(len(masks), np.int64)
    else:
        labels = np.arange(len(masks)) if masks.labels is None else masks.labels
    return {
        int(label): rle.union([masks.rles[i] for i in np.flatnonzero(labels == label)], masks.size)
        for label in np.unique(labels)
    }
