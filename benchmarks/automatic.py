"""Time and memory from an embedding to automatic masks, compared with `segment-anything` on the same weights.

    python benchmarks/automatic.py                       # sam_vit_b, random weights, 12 megapixels
    python benchmarks/automatic.py --points 32 --peer-points 4 --peer-batch 16 --max-memory 2GB

The weights and the embedding are random but smooth, so that masks are regions and not noise. The thresholds
are the medians over a few points, so that about a quarter of the masks is kept. Each implementation runs in
its own process; memory is the growth of its resident size after the embedding. The reference's time grows
with the number of points and its memory with the batch size, so fewer points and smaller batches than its
default 64 are enough to measure both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer import generator
from random_weights import smooth_features, smoothed
from timing import print_header

from anymask.geometry.frame import Frame
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic, candidates
from anymask.models import Sam, build
from anymask.models.config import SAM_VIT_B
from anymask.models.devices import find_dtype
from anymask.types import Embedding


@dataclass(frozen=True)
class Cost:
    """Time and memory of a run."""

    points: int
    masks: int
    seconds: float
    processor: float
    """CPU seconds, summed over all cores."""
    growth: float
    """Growth of the resident size in bytes."""


@contextmanager
def watched() -> Iterator[list[int]]:
    """A list of resident sizes in bytes: first the one at the start, last the peak so far."""
    sizes, stop = [_resident()], threading.Event()

    def look() -> None:
        while not stop.wait(0.002):
            sizes[1:] = [max(*sizes, _resident())]

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield sizes
    finally:
        stop.set()
        thread.join()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def prepared(options: argparse.Namespace) -> tuple[Sam, Embedding]:
    """A model with positive scores, and an embedding."""
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = smoothed(build(SAM_VIT_B).eval()).to(getattr(torch, options.dtype))
    with torch.no_grad():
        model.mask_decoder.iou_prediction_head.layers[-1].bias.add_(0.5)
    frame = Frame.fit(tuple(options.size), SAM_VIT_B.size, square=True)
    features = smooth_features().to(model.dtype).contiguous(memory_format=torch.channels_last)
    return model, Embedding(features, (), frame, model.fingerprint)


def measured(call: Callable[[], Any], points: int) -> Cost:
    """Run once."""
    with watched() as sizes:
        start, busy = time.perf_counter(), time.process_time()
        masks = call()
        seconds, processor = time.perf_counter() - start, time.process_time() - busy
    return Cost(points, len(masks), seconds, processor, sizes[-1] - sizes[0])


def ours(options: argparse.Namespace) -> tuple[Cost, AutoConfig]:
    """The cost of anymask, and the thresholds that it chose."""
    model, embedding = prepared(options)
    some = candidates(model, embedding, AutoConfig(points_per_side=4, min_iou=0.0, min_stability=0.0)).masks
    assert some.stability is not None
    config = AutoConfig(min_iou=float(np.median(some.scores)), min_stability=float(np.median(some.stability)))
    full = replace(config, points_per_side=options.points, max_memory=options.max_memory)
    return measured(lambda: automatic(model, embedding, full), options.points**2), config


def theirs(options: argparse.Namespace, config: AutoConfig) -> Cost:
    """The cost of the reference generator, which supports float32 only."""
    model, embedding = prepared(argparse.Namespace(**vars(options) | {"dtype": "float32"}))
    image = np.zeros((*options.size, 3), np.uint8)
    made = generator(
        model,
        "vit_b",
        embedding,
        points_per_side=options.peer_points,
        points_per_batch=options.peer_batch,
        pred_iou_thresh=config.min_iou,
        stability_score_thresh=config.min_stability,
    )
    return measured(lambda: made.generate(image), options.peer_points**2)


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Measure both implementations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=2, default=[3000, 4000], help="height and width")
    parser.add_argument("--points", type=int, default=32)
    parser.add_argument("--peer-points", type=int, default=4, help="0 skips the reference")
    parser.add_argument("--peer-batch", type=int, default=8)
    parser.add_argument("--max-memory", default=None)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--dtype", default="auto", help="auto is bfloat16 where the CPU computes in it")
    options = parser.parse_args()
    options.dtype = str(find_dtype(options.dtype, torch.device("cpu"))).removeprefix("torch.")
    title = f"automatic masks, sam_vit_b, {options.size[0]} x {options.size[1]}, {options.dtype}"
    print_header(f"{title}, max_memory {options.max_memory}")
    print("| what | points | masks | seconds | ms per point | CPU ms per point | memory MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    mine, config = apart(ours, options)
    print_cost("anymask", mine)
    if options.peer_points:
        peer = apart(theirs, options, config)
        print_cost(f"segment-anything, batch {options.peer_batch}", peer)
        speed, work = (
            getattr(peer, name) / peer.points / (getattr(mine, name) / mine.points)
            for name in ("seconds", "processor")
        )
        memory = mine.growth / peer.growth
        print(f"\n{speed:.1f}x as fast per point, {work:.1f}x less CPU time; {memory:.2f} of the memory")


def print_cost(name: str, cost: Cost) -> None:
    """A row of the table."""
    each, busy = (1e3 * it / cost.points for it in (cost.seconds, cost.processor))
    facts = (str(cost.points), str(cost.masks), f"{cost.seconds:.1f}", f"{each:.1f}", f"{busy:.1f}")
    row = " | ".join(["", name, *facts, f"{cost.growth / 1e6:.0f}", ""]).strip()
    print(row, flush=True)


if __name__ == "__main__":
    main()
