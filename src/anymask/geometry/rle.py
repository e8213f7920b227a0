"""Run-length codes of masks, compatible with COCO.

Runs are a uint32 array of lengths of alternating runs of 0 and 1, zeros first, over the mask read column by
column; they sum to H * W. Sizes are (H, W). Only the first run may be 0.
Source: the format of the COCO API (`maskApi`, functions rleEncode, rleToString and their inverses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.geometry.rle_strings import Runs, as_runs, from_string, from_strings, to_string

__all__ = [
    "Runs",
    "area",
    "areas",
    "box",
    "decode",
    "encode",
    "encode_numbers",
    "encode_region",
    "from_coco",
    "from_edges",
    "from_string",
    "from_strings",
    "intersection",
    "iou",
    "paste",
    "to_coco",
    "to_edges",
    "to_string",
    "union",
]


Bits: TypeAlias = NDArray[np.bool_]


def encode(mask_HW: NDArray[Any]) -> Runs:
    """Encode a mask (H, W), bool or numbers (non-zero is inside). An empty mask is one run of zeros."""
    bits = _as_bytes(mask_HW)
    x, y, w, h = cv2.boundingRect(bits) if bits.size else (0, 0, 0, 0)
    return encode_region(bits[y : y + h, x : x + w], (x, y), (bits.shape[0], bits.shape[1]))


def encode_numbers(numbers_HW: NDArray[Any]) -> dict[int, Runs]:
    """Encode a map of whole numbers (H, W): the mask of each number but 0, in ascending order.

    The map is passed over once, however many numbers it has.
    """
    flat = np.ascontiguousarray(numbers_HW.T).ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])[: flat.size]
    ends = np.append(starts[1:], flat.size)
    values = flat[starts]
    order = np.argsort(values, kind="stable")
    edges = np.stack([starts[order], ends[order]], axis=1)
    known, first = np.unique(values[order], return_index=True)
    size = (numbers_HW.shape[0], numbers_HW.shape[1])
    parts = np.split(edges, first[1:])
    return {
        int(number): from_edges(part.ravel(), size)
        for number, part in zip(known, parts, strict=False)
        if number
    }


def encode_region(mask_hw: NDArray[Any], xy: tuple[int, int], size: tuple[int, int]) -> Runs:
    """Encode a mask of `size` that is empty outside the region `mask_hw`, whose corner lies at `xy`."""
    bits = _as_bytes(mask_hw)
    (x, y), (h, w), (full_h, full_w) = xy, bits.shape, size
    assert 0 <= x <= full_w - w, "region outside the mask"
    assert 0 <= y <= full_h - h, "region outside the mask"
    if bits.size == 0:
        return from_edges(np.zeros(0, np.int64), size)
    gap = int(h < full_h)  # one row of zeros below separates the columns
    columns = np.zeros((w, h + gap), np.uint8)
    columns[:, :h] = cv2.transpose(bits)
    flat = columns.ravel() != 0
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0] if flat[0] else [], edges, [flat.size] if flat[-1] else [])).astype(np.int64)
    column = edges // (h + gap)  # 8 times as fast as divmod
    row = edges - column * (h + gap)
    return from_edges((column + x) * full_h + row + y, size)


def _as_bytes(mask: NDArray[Any]) -> NDArray[np.uint8]:
    """View a mask as uint8, 0 outside, without a copy if it is bool."""
    if mask.ndim != 2:
        raise FormatError(f"mask must have shape (H, W), got {mask.shape}. Give one mask at a time.")
    bits = mask if mask.dtype == np.bool_ else mask != 0
    view: NDArray[np.uint8] = bits.view(np.uint8)
    return view


def from_edges(edges: NDArray[np.int64], size: tuple[int, int]) -> Runs:
    """Build runs from the ascending positions, counted column by column, at which a mask changes."""
    total = size[0] * size[1]
    if edges.size and edges[-1] == total:
        edges = edges[:-1]
    return np.diff(edges, prepend=0, append=total).astype(np.uint32)


def to_edges(runs: Runs) -> NDArray[np.int64]:
    """Start and end of every run of ones, alternating: an int64 array of even length."""
    ends = np.cumsum(runs, dtype=np.int64)
    return ends[: ends.size // 2 * 2]


def decode(runs: Runs, size: tuple[int, int], out: Bits | None = None) -> Bits:
    """Decode to a bool array (H, W) in C order: a new one, or `out`, which must be all False."""
    h, w = size
    budget.check("mask", "pixels", h * w)
    _check_total(runs, size)
    found = np.zeros((h, w), np.bool_) if out is None else out
    edges = to_edges(runs)
    if edges.size == 0 or edges[-1] == edges[0]:
        return found
    first, last = int(edges[0]) // h, int(edges[-1] - 1) // h + 1
    lengths = np.diff(edges - first * h, prepend=0, append=(last - first) * h)
    ones = np.zeros(lengths.size, np.uint8)
    ones[1::2] = 1
    columns = np.repeat(ones, lengths).reshape(last - first, h)
    found[:, first:last] = cv2.transpose(columns).view(np.bool_)
    return found


def area(runs: Runs) -> int:
    """Number of pixels inside the mask."""
    return int(np.add.reduce(runs[1::2], dtype=np.int64))


def areas(many: Sequence[Runs]) -> NDArray[np.int64]:
    """Number of pixels inside each mask: (N,) int64."""
    ones = [runs[1::2] for runs in many]
    counts = list(map(len, ones))
    if not counts or not all(counts):
        return np.array([area(runs) for runs in many], np.int64)
    starts = np.fromiter(accumulate(counts[:-1], initial=0), np.int64, len(counts))
    total = np.add.reduceat(np.concatenate(ones, dtype=np.float64), starts)  # exact, as all are whole numbers
    return total.astype(np.int64)


def box(runs: Runs, size: tuple[int, int]) -> NDArray[np.float32]:
    """The tight half-open box (x0, y0, x1, y1) in pixels, float32; zeros for an empty mask."""
    h = size[0]
    starts, ends = _ones(runs)
    if starts.size == 0:
        return np.zeros(4, np.float32)
    x_first, y_first = np.divmod(starts, h)
    x_last, y_last = np.divmod(ends - 1, h)
    tall = bool((x_last > x_first).any())  # a run that continues in the next column touches bottom and top
    y0, y1 = (0, h) if tall else (int(y_first.min()), int(y_last.max()) + 1)
    return np.array([x_first[0], y0, x_last[-1] + 1, y1], np.float32)


def _ones(runs: Runs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and end of every non-empty run of ones."""
    edges = to_edges(runs)
    starts, ends = edges[0::2], edges[1::2]
    some = ends > starts
    return (starts, ends) if some.all() else (starts[some], ends[some])


def iou(
    runs_a: Sequence[Runs], runs_b: Sequence[Runs], size: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """Intersection over union of every pair, without decoding: (A, B) float64. Two empty masks give 0.

    `size` as for `intersection`.
    """
    inter = intersection(runs_a, runs_b, size).astype(np.float64)
    union = areas(runs_a)[:, None] + areas(runs_b) - inter
    return np.divide(inter, union, out=inter, where=union > 0)


def intersection(
    runs_a: Sequence[Runs], runs_b: Sequence[Runs], size: tuple[int, int] | None = None
) -> NDArray[np.int64]:
    """Number of pixels that every pair has in common, without decoding: (A, B) int64.

    All masks must have the same size. Passing it as `size` is faster: pairs whose boxes do not overlap are
    skipped. Edges of `a` are looked up in the cumulative pixel count of each `b`.
    """
    out = np.zeros((len(runs_a), len(runs_b)), np.int64)
    a = _pack(runs_a)
    b = a if runs_b is runs_a else _pack(runs_b)
    boxes_a, boxes_b = a.boxes(size), b.boxes(size)
    for j in range(len(runs_b)):
        overlap = (boxes_a[:, :2] < boxes_b[j, 2:]) & (boxes_a[:, 2:] > boxes_b[j, :2])
        meets = np.flatnonzero(overlap.all(axis=1))
        if meets.size:
            edges, counts = a.of(meets)
            inside = _below(edges, b.of(np.array([j]))[0])
            starts = np.cumsum(counts) - counts
            out[meets, j] = np.add.reduceat(inside[1::2] - inside[0::2], starts // 2)
    return out


@dataclass(frozen=True)
class _Edges:
    """The edges of many masks in a row, as of `to_edges`, without empty runs."""

    flat: NDArray[np.int64]
    ends: NDArray[np.int64]
    """(N + 1,): where the edges of each mask end, from 0."""

    def of(self, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The edges of some masks in a row, and how many each has."""
        starts, counts = self.ends[which], self.ends[which + 1] - self.ends[which]
        if which.size == 1:
            return self.flat[starts[0] : starts[0] + counts[0]], counts
        before = np.cumsum(counts) - counts
        return self.flat[np.arange(int(counts.sum())) + np.repeat(starts - before, counts)], counts

    def boxes(self, size: tuple[int, int] | None) -> NDArray[np.int64]:
        """Boxes (N, 4) as of `box`; without a size as if the mask were a single column; zeros if empty."""
        found = np.zeros((self.ends.size - 1, 4), np.int64)
        some = np.flatnonzero(np.diff(self.ends))
        if not some.size:
            return found
        starts, lasts = self.flat[0::2], self.flat[1::2] - 1
        first, past = self.ends[some], self.ends[some + 1]
        if size is None:
            found[some] = np.stack([0 * first, self.flat[first], 0 * first + 1, self.flat[past - 1]], axis=1)
            return found
        h, pairs = size[0], first // 2
        x_first, x_last = starts // h, lasts // h
        tall = np.maximum.reduceat(x_last > x_first, pairs)  # a run over two columns touches bottom and top
        low = np.minimum.reduceat(starts - x_first * h, pairs)
        high = np.maximum.reduceat(lasts - x_last * h, pairs) + 1
        found[some, 0], found[some, 2] = x_first[pairs], x_last[past // 2 - 1] + 1
        found[some, 1], found[some, 3] = np.where(tall, 0, low), np.where(tall, h, high)
        return found


def _pack(many: Sequence[Runs]) -> _Edges:
    """The edges of masks, computed for all together."""
    sizes = np.fromiter(map(len, many), np.int64, len(many))
    flat = np.cumsum(np.concatenate([np.zeros(0, np.uint32), *many]), dtype=np.int64)
    ends = np.cumsum(sizes)
    offsets = np.concatenate([[0], flat])[ends - sizes]
    flat -= np.repeat(offsets, sizes)
    if (sizes % 2).any():
        flat = np.delete(flat, ends[sizes % 2 == 1] - 1)
    counts = sizes // 2 * 2
    empty = flat[0::2] == flat[1::2]
    if empty.any():
        owner = np.repeat(np.arange(len(many)), counts // 2)
        counts = 2 * np.bincount(owner[~empty], minlength=len(many))
        flat = flat[np.repeat(~empty, 2)]
    return _Edges(flat, np.concatenate([[0], np.cumsum(counts)]))


_MOST_TABLE = 1 << 22
"""Pixels between the first and the last of a mask for which counts are held."""


def _below(places: NDArray[np.int64], knots: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of pixels of the mask of the edges `knots` before each place."""
    first, last = int(knots[0]), int(knots[-1])
    if last - first > min(_MOST_TABLE, 8 * places.size):
        counts = np.zeros(knots.size, np.float64)
        counts[1::2] = np.cumsum(knots[1::2] - knots[0::2])
        counts[2::2] = counts[1:-1:2]
        return np.rint(np.interp(places, knots, counts)).astype(np.int64)
    ones = np.zeros(knots.size - 1, np.int32)
    ones[0::2] = 1
    table = np.zeros(last - first + 1, np.int32)
    np.cumsum(np.repeat(ones, np.diff(knots)), out=table[1:])
    return np.asarray(table[np.clip(places - first, 0, last - first)], np.int64)


def paste(runs: Runs, size: tuple[int, int], xy: tuple[int, int], full: tuple[int, int]) -> Runs:
    """Paste a mask of `size` into an empty one of size `full` with its corner at `xy`, cropped to fit.

    The corner may be negative, so that this also crops a window out of a mask. Nothing is decoded.
    """
    if size == full and xy == (0, 0):
        return runs
    h, (x, y), (full_h, full_w) = size[0], xy, full
    starts, ends = _ones(runs)
    first, last = starts // h, (ends - 1) // h  # a run over several columns is split, one per column
    count = last - first + 1
    run = np.repeat(np.arange(count.size), count)
    column = first[run] + np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
    top = np.maximum(np.maximum(starts[run] - column * h, 0) + y, 0)
    bottom = np.minimum(np.minimum(ends[run] - column * h, h) + y, full_h)
    column = column + x
    inside = (column >= 0) & (column < full_w) & (top < bottom)
    edges = np.stack([column * full_h + top, column * full_h + bottom], axis=1)[inside].reshape(-1)
    joined = np.flatnonzero(edges[1:-1:2] == edges[2::2])  # runs that continue in the next column
    return from_edges(np.delete(edges, np.concatenate([2 * joined + 1, 2 * joined + 2])), full)


def union(many: Sequence[Runs], size: tuple[int, int]) -> Runs:
    """The union of masks of `size`; an empty mask for an empty list."""
    if len(many) == 1:
        return many[0]
    spans = [_ones(runs) for runs in many]
    starts = np.sort(np.concatenate([np.zeros(0, np.int64), *(s for s, _ in spans)]))
    ends = np.sort(np.concatenate([np.zeros(0, np.int64), *(e for _, e in spans)]))
    if starts.size == 0:
        return from_edges(starts, size)
    # a gap of the union lies between the i-th end and the next start, if that is later
    gaps = np.flatnonzero(starts[1:] > ends[:-1])
    edges = np.empty(2 * gaps.size + 2, np.int64)
    edges[0], edges[-1] = starts[0], ends[-1]
    edges[1:-1:2], edges[2:-1:2] = ends[gaps], starts[gaps + 1]
    return from_edges(edges, size)


def to_coco(runs: Runs, size: tuple[int, int]) -> dict[str, Any]:
    """COCO's compressed form, {"size": [H, W], "counts": string}, ready for JSON."""
    return {"size": [int(size[0]), int(size[1])], "counts": to_string(runs)}


def from_coco(segmentation: Mapping[str, Any]) -> tuple[Runs, tuple[int, int]]:
    """Read {"size", "counts"}, compressed (str or bytes) or a list of run lengths: (runs, (H, W)).

    Raises FormatError if a key is missing or the runs do not sum to the size.
    """
    try:
        h, w = (int(side) for side in segmentation["size"])
        counts = segmentation["counts"]
    except (KeyError, TypeError, ValueError):
        raise FormatError(
            "segmentation must be {'size': [H, W], 'counts': ...}, got another form. Write the file again."
        ) from None
    runs = from_string(counts) if isinstance(counts, (str, bytes)) else _from_list(counts)
    _check_total(runs, (h, w))
    return runs, (h, w)


def _from_list(counts: object) -> Runs:
    """Read uncompressed run lengths."""
    numbers = np.asarray(counts if isinstance(counts, (list, tuple, np.ndarray)) else ["not a list"])
    if numbers.size == 0:
        return np.zeros(0, np.uint32)
    is_whole = numbers.dtype.kind in "iu" or (numbers.dtype.kind == "f" and bool((numbers % 1 == 0).all()))
    if numbers.ndim != 1 or not is_whole:
        raise FormatError(
            "counts must be a string or a list of whole numbers, got another form. Write the file again."
        )
    return as_runs(numbers.astype(np.int64))


def _check_total(runs: Runs, size: tuple[int, int]) -> None:
    """Raise FormatError unless the runs sum to H * W."""
    total = int(runs.sum(dtype=np.int64))
    if min(size) < 0 or total != size[0] * size[1]:
        raise FormatError(
            f"counts must sum to {size[0]} x {size[1]} = {size[0] * size[1]} pixels, got {total}. "
            "Check that the size is (height, width) of the mask."
        )
