"""Time AR@1000, the matching of edges, and J and F against the official evaluators on the same predictions.

    python benchmarks/evaluation.py [--images 500] [--proposals 1000]

pycocotools and vos-benchmark are compared with where they are installed (`pip install pycocotools
vos-benchmark`); edges are compared with a matching of most pairs, without costs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.edge_matching import correspond, require_scipy, skeleton
from anymask.evaluate.proposals import SIZES, recalls
from anymask.evaluate.video_masks import object_scores
from anymask.formats.polygons.rasterise import draw
from anymask.geometry import rle

SIZE = (480, 640)
TRUTHS = 12
"""Annotated masks of an image, about as many as LVIS has."""


def timed(name: str, run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, which other work on the machine changes little, and result."""
    start = time.process_time()
    out = run()
    seconds = time.process_time() - start
    print(f"{name}: {seconds:.2f} s of CPU time", flush=True)
    return seconds, out


def ellipses(generator: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Compressed run lengths of ellipses of many sizes."""
    angles = np.arange(24) / 24 * 2 * np.pi
    centres, radii = generator.random((count, 2)) * SIZE[::-1], 4 + 160 * generator.random((count, 1)) ** 3
    rings = centres[:, None] + radii[:, None] * np.stack([np.cos(angles), 0.8 * np.sin(angles)], -1)
    return [rle.to_coco(runs, SIZE) for runs in draw(rings.reshape(-1, 2), np.full(count, 24), SIZE)]


def average_recall(images: int, proposals: int) -> None:
    """AR@1000 by size, from compressed run lengths."""
    generator = np.random.default_rng(0)
    scenes = [(ellipses(generator, TRUTHS), ellipses(generator, proposals)) for _ in range(images)]
    ours, values = timed("AR, anymask", lambda: [_recalled(*scene) for scene in scenes])
    try:
        importlib.import_module("pycocotools")
    except ImportError:
        return
    theirs, judge = timed("AR, pycocotools", lambda: _coco(scenes, proposals))
    mine = np.concatenate([one["all"] for one in values]).mean()
    print(f"AR: {mine:.6f} and {judge['recall'][:, 0, 0, 2].mean():.6f}; {theirs / ours:.1f} times as fast")


def _recalled(truths: Sequence[Any], found: Sequence[Any]) -> dict[str, NDArray[np.bool_]]:
    own, mine = (rle.from_strings([one["counts"] for one in some]) for some in (truths, found))
    ious = rle.iou(mine, own, SIZE)
    areas = rle.areas(own)
    groups = {"all": (0, 1 << 62), **SIZES}
    return {name: recalls(ious[:, (areas >= low) & (areas <= high)]) for name, (low, high) in groups.items()}


def _coco(scenes: Sequence[tuple[Sequence[Any], Sequence[Any]]], most: int) -> Any:
    coco, cocoeval = (importlib.import_module(f"pycocotools.{name}") for name in ("coco", "cocoeval"))
    images = [{"id": i, "height": SIZE[0], "width": SIZE[1]} for i in range(len(scenes))]
    annotations = [
        {"id": i * TRUTHS + k + 1, "image_id": i, "category_id": 1, "segmentation": one, "iscrowd": 0,
         "area": rle.area(rle.from_string(one["counts"])), "bbox": [0, 0, 1, 1]}
        for i, (truths, _) in enumerate(scenes)
        for k, one in enumerate(truths)
    ]  # fmt: skip
    results = [
        {"image_id": i, "category_id": 1, "segmentation": one, "score": 1 - k / most}
        for i, (_, found) in enumerate(scenes)
        for k, one in enumerate(found)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
        truth.createIndex()
        judge = cocoeval.COCOeval(truth, truth.loadRes(results), "segm")
        judge.params.useCats, judge.params.maxDets = 0, [1, 10, most]
        judge.evaluate()
        judge.accumulate()
    return judge.eval


def edges(count: int) -> None:
    """Edges of noise matched with the same noise moved a little."""
    generator, size, reach = np.random.default_rng(0), (321, 481), 0.0075 * 578.3
    graph = require_scipy("sparse.csgraph")
    pairs = []
    for _ in range(count):
        noise = cv2.GaussianBlur(generator.random(size).astype(np.float32), (0, 0), 2.5)
        lines = skeleton(np.abs(noise - 0.5) < 0.006)
        pairs.append((lines, np.roll(skeleton(np.abs(noise - 0.5) < 0.004), (2, 1), (0, 1))))
    ours, found = timed("edges, least cost", lambda: [correspond(*pair, reach) for pair in pairs])

    def most_pairs() -> int:
        return sum(_most(graph, *pair, reach) for pair in pairs)

    theirs, matched = timed("edges, most pairs", most_pairs)
    mine = sum(int(one.sum()) for one, _ in found)
    print(f"edges: {mine} and {matched} pairs; {theirs / ours:.1f} times as fast")


def _most(graph: Any, one: NDArray[np.bool_], other: NDArray[np.bool_], reach: float) -> int:
    tree = require_scipy("spatial").cKDTree
    near = tree(np.argwhere(one)).sparse_distance_matrix(tree(np.argwhere(other)), reach).tocsr()
    return int((graph.maximum_bipartite_matching(near, perm_type="column") >= 0).sum())


def video(frames: int) -> None:
    """J and F of three objects at 480 x 854."""
    generator = np.random.default_rng(0)
    noise = cv2.GaussianBlur(generator.random((480, 854, 4)).astype(np.float32), (0, 0), 40)
    truths = [np.roll(noise.argmax(-1).astype(np.uint8), 3 * i, axis=1) for i in range(frames)]
    found = [np.roll(one, (4, -5), (0, 1)) for one in truths]
    ours, scores = timed("J and F, anymask", lambda: object_scores(found, truths))
    try:
        evaluator = importlib.import_module("vos_benchmark.evaluator").Evaluator(name="made")
    except ImportError:
        return

    def official() -> Any:
        for one, truth in list(zip(found, truths, strict=True))[1:-1]:
            evaluator.feed_frame(one, truth)
        return evaluator.conclude()

    theirs, (js, fs) = timed("J and F, vos-benchmark", official)
    mine, their = np.mean(scores["jf"]), np.mean([*js.values(), *fs.values()]) / 100
    print(f"J and F: {mine:.6f} and {their:.6f}; {theirs / ours:.1f} times as fast")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--proposals", type=int, default=1000)
    options = parser.parse_args()
    average_recall(options.images, options.proposals)
    edges(8)
    video(30)


if __name__ == "__main__":
    main()
