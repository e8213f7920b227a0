"""Does the order of `anymask engine queue` teach a model more than a random one? A simulation.

python benchmarks/queue_order.py SET... [--seeds 5] [--pool 60] [--test 24] [--counts 8 20] [-o OUT]

For each seed a pool of images and others to test on are drawn from all data sets together. The decoder of
compact is fine-tuned on the true masks of the first images of the pool, in the queue's order and in a random
one, and measured by one click and by boxes, without crops. Intervals are those of the mean over seeds (t).
OUT keeps a line for each seed; a run with more seeds resumes it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from anymask.data import open_dataset
from anymask.data_engine.priority import Look, look, order
from anymask.evaluate import clicks
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.images.write import encode_png
from anymask.models.loading import load_sam
from anymask.train import recipes
from anymask.types import Record

T_95 = {2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262}
"""Two-sided 95 % of Student's t by degrees of freedom."""
OBJECTS = ("instance", "part")
FIGURES = ("click_1", "box")


def read(sets: Sequence[str]) -> list[Record]:
    """All images with objects, in memory."""
    found = []
    for name in sets:
        dataset = open_dataset(name)
        for record in dataset:
            kinds = record.meta.get("kinds") or ["instance"] * len(record.masks)
            rows = [row for row, kind in enumerate(kinds) if kind in OBJECTS]
            if rows:
                plain = record.with_masks(record.masks[rows])
                found.append(replace(plain, id=f"{dataset.name}-{record.id}", image=record.read()))
    return found


def write(some: Sequence[Record], place: Path) -> None:
    """Pairs that `anymask train` reads."""
    place.mkdir(parents=True)
    for number, record in enumerate(some):
        name = f"{number:04d}"
        document = sa1b.to_document(replace(record, id=name, image=Path(f"{name}.png")))
        write_atomic(place / f"{name}.png", encode_png(record.read()))
        write_atomic(place / f"{name}.json", json.dumps(document).encode())


def measured(model: str, test: Sequence[Record]) -> float:
    """The mean of FIGURES."""
    config = clicks.ClicksConfig(
        clicks=(1,), noc=(), random_click=False, grabcut_masks=0, most_masks=6, zoom=False, resamples=1
    )
    network = load_sam(model, runtime="torch", dtype="float32")
    numbers = clicks.run(network, {"test": test}, config).mean.numbers
    return float(np.mean([numbers[name].value for name in FIGURES]))


def learned(some: Sequence[Record], test: Sequence[Record], steps: int, seed: int) -> float:
    """What the model reaches after learning some images."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(some, place / "data")
        settings = [f"loop.steps={steps}", f"loop.seed={seed}", "loop.every_save=0"]
        recipes.run(recipes.recipe("finetune_decoder", settings), [place / "data"], place / "run")
        return measured(str(place / "run"), test)


def mean_interval(values: Sequence[float]) -> str:
    half = T_95[len(values) - 1] * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{np.mean(values):.4f} ± {half:.4f}"


def needed(counts: Sequence[int], curve: Sequence[float], goal: float) -> float:
    """How many images reach a goal, between the counts by a line; the last count where it is not reached."""
    best = np.maximum.accumulate(curve)
    return float(np.interp(goal, best, counts)) if best[-1] >= goal else float(counts[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pool", type=int, default=60)
    parser.add_argument("--test", type=int, default=24)
    parser.add_argument("--counts", type=int, nargs="+", default=[8, 20])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("-o", "--output", type=Path, default=Path("queue.jsonl"))
    given = parser.parse_args()
    records = read(given.sets)
    model = load_sam("compact")
    looks: dict[int, Look] = {}
    lines = given.output.read_text().splitlines() if given.output.exists() else []
    rows = [json.loads(line) for line in lines]  # of an earlier run, which this one resumes
    for seed in range(len(rows), given.seeds):
        drawn = np.random.default_rng(seed).permutation(len(records)).tolist()
        pool, test = drawn[: given.pool], drawn[given.pool : given.pool + given.test]
        for one in pool:
            looks[one] = looks.get(one) or look(model, records[one].read())
        first = [pool[row] for row in order([looks[one] for one in pool])[0].tolist()]
        tested = [records[one] for one in test]
        row = {"seed": seed, "start": measured("compact", tested), "random": [], "queue": []}
        for name, ordered in (("random", pool), ("queue", first)):
            for count in given.counts:
                some = [records[one] for one in ordered[:count]]
                row[name].append(learned(some, tested, given.steps, seed))
                print(seed, name, count, f"{row[name][-1]:.4f}", flush=True)
        rows.append(row)
        with given.output.open("a") as file:
            file.write(json.dumps(row) + "\n")
    if len(rows) > 2:
        report(given.counts, rows)


def report(counts: Sequence[int], rows: Sequence[dict]) -> None:
    """Print the curves, and how many images the queue needs for what random order reaches."""
    print("start", mean_interval([row["start"] for row in rows]))
    for place, count in enumerate(counts):
        pairs = [(row["queue"][place], row["random"][place]) for row in rows]
        cells = [mean_interval([one[kind] for one in pairs]) for kind in (0, 1)]
        print(count, "images: queue", cells[0], "random", cells[1], end=" ")
        print("difference", mean_interval([a - b for a, b in pairs]))
    steps = [0, *counts]
    saved = []
    for row in rows:
        goal = max(row["random"])
        most = needed(steps, [row["start"], *row["random"]], goal)
        if most:  # else nothing was learned in random order
            saved.append(1 - needed(steps, [row["start"], *row["queue"]], goal) / most)
    print("fewer images for the best of random order, by seed:", [f"{share:.2f}" for share in saved])


if __name__ == "__main__":
    main()
