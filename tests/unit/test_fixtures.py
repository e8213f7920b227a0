"""Numbers that Python and the browser's JavaScript must both arrive at; tests/web reads the same files.

Run as a program, this writes tests/fixtures anew from what Python answers.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anymask.geometry import rle
from anymask.geometry.boxes import suppress
from anymask.geometry.frame import Frame
from anymask.geometry.outlines import guide, outline
from anymask.inference.promptable.crops import Crop, click_crop, distinct, mask_crop, merge_similar
from anymask.types import Prompt

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
RULES = {
    "compact": {"size": 384, "square": False, "multiple": 32},
    "sam": {"size": 1024, "square": True, "multiple": 16},
    "tiny": {"size": 64, "square": False, "multiple": 32},
}
SIZES = [(300, 451), (427, 640), (1, 1), (1, 700), (1500, 3), (33, 32), (2160, 3840), (64, 64)]
SHARES = 9973.7  # whole numbers of such parts: sums in another order differ in the last bits, never by a part
PARTS = 99.37  # likewise, for logits
PROMPTS: list[dict[str, Any]] = [
    {"points": [[10.5, 20.25]], "labels": [1], "box": None},
    {"points": [[10.5, 20.25], [300.125, 7]], "labels": [1, 0], "box": None},
    {"points": [], "labels": [], "box": [3.5, 4.25, 200.75, 90]},
    {"points": [[0.1, 0.7]], "labels": [0], "box": [-20, -3.5, 500, 400]},
    {"points": [], "labels": [], "box": None},
]


def text(array: np.ndarray) -> str:
    """Bytes as JSON takes them."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def array_of(value: str, kind: type, shape: list[int]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(value), kind).reshape(shape)


def frame_of(case: dict[str, Any]) -> Frame:
    rule = RULES[case["rule"]]
    return Frame.fit(
        tuple(case["size"]), rule["size"], square=bool(rule["square"]), multiple=int(rule["multiple"])
    )


def frame_answer(case: dict[str, Any]) -> dict[str, Any]:
    frame = frame_of(case)
    return {
        "scaled": list(frame.scaled_hw),
        "padded": list(frame.padded_hw),
        "grid": list(frame.grid_hw),
        "content": list(frame.content_hw),
        "points": frame.to_model_xy(case["given"]).tolist(),
    }


def logits_answer(case: dict[str, Any]) -> dict[str, Any]:
    frame = frame_of(case)
    grid = array_of(case["logits"], np.float32, [1, *frame.grid_hw])
    return {str(t): rle.to_string(frame.masks_rle(grid, float(t))[0]) for t in (-1, 0, 1)}


def coverage_answer(case: dict[str, Any]) -> dict[str, Any]:
    frame = frame_of(case)
    mask = rle.decode(rle.from_string(case["counts"]), frame.size_hw)
    parts = np.floor(frame.mask_to_grid(mask).astype(np.float64) * SHARES + 0.5)
    return {"coverage": parts.astype(int).reshape(-1).tolist()}


def resize_answer(case: dict[str, Any]) -> dict[str, Any]:
    frame = frame_of(case)
    return {"rgb": text(frame.resize(array_of(case["image"], np.uint8, [*case["size"], 3])))}


def prompt_answer(case: dict[str, Any]) -> dict[str, Any]:
    asked = case["prompt"]
    prompt = Prompt(asked["points"] or None, asked["labels"] or None, asked["box"])
    points, labels, _ = prompt.arrays(frame_of(case))
    return {"points": points.reshape(-1).tolist(), "labels": labels.tolist(), "ambiguous": prompt.ambiguous}


def rle_answer(case: dict[str, Any]) -> dict[str, Any]:
    size = tuple(case["size"])
    a, b = (rle.encode(array_of(case[name], np.bool_, case["size"])) for name in ("a", "b"))
    return {
        "counts": rle.to_string(a),
        "runs": a.tolist(),
        "area": rle.area(a),
        "box": rle.box(a, size).tolist(),
        "intersection": int(rle.intersection([a], [b])[0, 0]),
        "union": rle.to_string(rle.union([a, b], size)),
    }


def suppress_answer(case: dict[str, Any]) -> dict[str, Any]:
    boxes, scores = np.array(case["boxes"], np.float32), np.array(case["scores"])
    owner = suppress(boxes, scores, case["overlap"])
    kept = np.flatnonzero(owner == np.arange(len(owner)))
    return {"kept": kept[np.argsort(-scores[kept], kind="stable")].tolist()}


def in_parts(logits: np.ndarray) -> list[int]:
    return np.floor(logits.reshape(-1).astype(np.float64) * PARTS + 0.5).astype(int).tolist()


def zoom_answer(case: dict[str, Any]) -> dict[str, Any]:
    size, asked, part = tuple(case["size"]), case["prompt"], case["part"]
    prompt = Prompt(asked["points"] or None, asked["labels"] or None, asked["box"])
    runs = [rle.from_string(counts) for counts in case["counts"]]
    closes = [mask_crop(prompt, one, size) for one in runs]
    near = click_crop(prompt, size)
    x0, y0, x1, y1 = part["xyxy"]
    whole = Frame.fit(size, 96, square=False)
    inner = Frame.fit((y1 - y0, x1 - x0), 64, square=False)
    grid = array_of(case["grid"], np.float32, list(whole.grid_hw))
    seen = whole.logits_in(inner, (x0, y0), grid)
    found = np.floor(3.5 - seen.astype(np.float64)).astype(np.float32)
    close = Crop(size, (x0, y0, x1, y1))
    joined = close.logits(grid, found, whole, inner)
    pasted = rle.paste(rle.from_string(part["counts"]), inner.size_hw, (x0, y0), size)
    return {
        "closes": [None if one is None else list(one.xyxy) for one in closes],
        "shared": [None if one is None else list(one.xyxy) for one in merge_similar(closes)],
        "surroundings": None if near is None else list(near.xyxy),
        "different": distinct(runs, np.array(case["quality"], np.float32), 3),
        "cut": [close.cuts_off(rle.from_string(counts)) for counts in part["masks"]],
        "logits": in_parts(seen),
        "joined": in_parts(joined),
        "pasted": rle.to_string(pasted),
    }


def outline_answer(case: dict[str, Any]) -> dict[str, Any]:
    frame = frame_of(case)
    image = array_of(case["image"], np.uint8, [*case["size"], 3])
    logits = array_of(case["logits"], np.float32, list(frame.grid_hw))
    clicks = None
    if "clicks" in case:
        points = np.asarray(case["clicks"]["points"], np.float32)
        positive = np.asarray(case["clicks"]["labels"]) == 1
        clicks = points[positive], points[~positive]
    return {"counts": rle.to_string(outline(guide(frame, image), logits, clicks))}


ANSWERS = {
    "outlines": outline_answer,
    "frames": frame_answer,
    "logits": logits_answer,
    "coverage": coverage_answer,
    "resize": resize_answer,
    "prompts": prompt_answer,
    "rle": rle_answer,
    "suppress": suppress_answer,
    "zoom": zoom_answer,
}


def frame_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "size": list(size), "given": (rng.random((3, 2)) * size[::-1]).tolist()}
        for rule in RULES
        for size in SIZES
    ]


def logits_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    cases = []
    for size in [(50, 71), (64, 40), (7, 5), (1, 300), (200, 20)]:
        case: dict[str, Any] = {"rule": "tiny", "size": list(size)}
        shape = frame_of(case).grid_hw
        smooth = rng.normal(size=shape).cumsum(0).cumsum(1)
        for grid in (rng.normal(size=shape) * 3, smooth, np.full(shape, -2.0), np.full(shape, 2.0)):
            cases.append(case | {"logits": text(np.round(grid * 64).astype(np.float32) / 64)})
    return cases


def coverage_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"rule": "tiny", "size": list(size), "counts": rle.to_string(rle.encode(rng.random(size) < 0.6))}
        for size in [(50, 71), (128, 100), (5, 9), (1, 64)]
    ]


def resize_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"rule": "tiny", "size": list(size), "image": text(rng.integers(0, 256, (*size, 3), np.uint8))}
        for size in [(50, 91), (130, 101), (9, 5), (64, 20), (1, 80)]
    ]


def prompt_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "size": [300, 451], "prompt": prompt}
        for rule in ("compact", "sam")
        for prompt in PROMPTS
    ]


def rle_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    masks = [((6, 9), 0.5), ((1, 7), 0.5), ((8, 1), 0.5), ((40, 30), 0.02), ((5, 5), 0.0), ((5, 5), 1.0)]
    return [
        {"size": list(size), "a": text(rng.random(size) < share), "b": text(rng.random(size) < 0.5)}
        for size, share in masks
    ]


def suppress_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    corners = rng.integers(0, 60, (30, 2))
    boxes = np.concatenate([corners, corners + rng.integers(20, 50, (30, 2))], axis=1)
    scores = np.round(rng.random(30), 3)
    return [
        {"boxes": boxes.tolist(), "scores": scores.tolist(), "overlap": overlap} for overlap in (0.3, 0.7)
    ]


def zoom_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    cases = []
    for size, xyxy in [
        ((300, 451), (20, 31, 97, 108)),
        ((640, 427), (300, 0, 427, 127)),
        ((90, 60), (0, 7, 50, 57)),
    ]:
        h, w = xyxy[3] - xyxy[1], xyxy[2] - xyxy[0]
        smooth = rng.normal(size=Frame.fit(size, 96, square=False).grid_hw).cumsum(0).cumsum(1) / 4
        for prompt in PROMPTS[:4]:
            masks = [np.zeros(size, np.bool_) for _ in range(4)]  # the last stays empty
            for mask, side in zip(masks, (14, 18, 200), strict=False):
                mask[12 : 12 + side, 9 : 9 + side // 2] = True
            edges = [np.zeros((h, w), np.bool_) for _ in range(5)]  # left, top, right, bottom, within
            areas = [np.s_[9:20, :9], np.s_[:9, 9:20], np.s_[9:20, -9:], np.s_[-9:, 9:20], np.s_[9:20, 9:20]]
            for mask, own in zip(edges, areas, strict=True):
                mask[own] = True
            cases.append(
                {
                    "size": list(size),
                    "quality": [0.25, 0.75, 0.5, 0.125],
                    "prompt": prompt,
                    "counts": [rle.to_string(rle.encode(mask)) for mask in masks],
                    "part": {
                        "xyxy": xyxy,
                        "counts": rle.to_string(rle.encode(rng.random((h, w)) < 0.1)),
                        "masks": [rle.to_string(rle.encode(mask)) for mask in edges],
                    },
                    "grid": text(np.round(smooth).astype(np.float32)),
                }
            )
    return cases


def outline_cases(rng: np.random.Generator) -> list[dict[str, Any]]:
    cases = []
    for rule, size, low, high in [
        ("tiny", (45, 64), (12, 18), (30, 50)),
        ("tiny", (70, 41), (0, 0), (33, 41)),
        ("compact", (24, 30), (3, 4), (20, 22)),
    ]:
        mask = np.zeros(size, np.bool_)
        mask[low[0] : high[0], low[1] : high[1]] = True
        noise = rng.integers(0, 30, (*size, 3))
        image = np.where(mask[..., None], (170, 60, 90), (50, 110, 140)) + noise
        frame = frame_of({"rule": rule, "size": size})
        logits = 5 * frame.mask_to_grid(mask) - 2 + rng.normal(0, 0.4, frame.grid_hw)
        cases.append(
            {
                "rule": rule,
                "size": list(size),
                "image": text(image.astype(np.uint8)),
                "logits": text(logits.astype(np.float32)),
            }
        )
    return [*cases, speck_case(rng)]


def speck_case(rng: np.random.Generator) -> dict[str, Any]:
    """A noisy mask with specks; one island and one hole hold a click."""
    size = (76, 92)
    mask = np.zeros(size, np.bool_)
    mask[8:68, 10:80] = True
    image = np.where(mask[..., None], (170, 60, 90), (160, 70, 80)) + rng.integers(0, 60, (*size, 3))
    frame = frame_of({"rule": "tiny", "size": size})
    logits = 2 * frame.mask_to_grid(mask) - 1 + rng.normal(0, 0.9, frame.grid_hw)
    case = {"rule": "tiny", "size": list(size), "image": text(image.astype(np.uint8))}
    case["logits"] = text(logits.astype(np.float32))
    bits = rle.decode(rle.from_string(outline_answer(case)["counts"]), size)
    points = []
    for value in (True, False):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            (bits == value).view(np.uint8), None, None, None, 4
        )
        inner = [n for n in range(1, len(stats)) if stats[n][:2].min() > 0 and 2 < stats[n][4] < 9]
        row, column = np.argwhere(labels == inner[0])[0].tolist()
        points.append([column + 0.5, row + 0.5])
    return {**case, "clicks": {"points": points, "labels": [1, 0]}}


MAKERS = {
    "outlines": outline_cases,
    "frames": frame_cases,
    "logits": logits_cases,
    "coverage": coverage_cases,
    "resize": resize_cases,
    "prompts": prompt_cases,
    "rle": rle_cases,
    "suppress": suppress_cases,
    "zoom": zoom_cases,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_python_answers_what_the_fixtures_say(kind: str) -> None:
    cases = json.loads((FIXTURES / f"{kind}.json").read_text("utf-8"))
    assert cases
    for case in cases:
        assert ANSWERS[kind](case) == case["answer"]


def write() -> None:
    """Make the cases anew."""
    FIXTURES.mkdir(exist_ok=True)
    for kind, make in MAKERS.items():
        cases = [case | {"answer": ANSWERS[kind](case)} for case in make(np.random.default_rng(0))]
        lines = ",\n".join(json.dumps(case) for case in cases)
        (FIXTURES / f"{kind}.json").write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    write()
