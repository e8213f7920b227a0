"""Do fewer images teach as much in the order of `anymask engine queue` as in a random one? A simulation.

python benchmarks/queue_order.py SET... [--seeds 5] [--pool 80] [--test 60] -o OUT

A project of all data sets together, in which people outline all objects of an image. What is learned is told
by the rest: in each held-back image the objects are found by the in-context model from the annotated image
that is most like it (the cosine of mean embeddings of compact), and the mean IoU of their union counts.

For each seed a pool and held-back images are drawn, with RANDOM random orders of the pool. Goals are what
random orders reach with an eighth, a quarter and half of the pool, on the mean curve of seeds, made monotone;
how many images the queue needs is read off its own. Intervals of means are over seeds (t), those of shares by
the jackknife over seeds. OUT keeps what was computed; a run with more seeds resumes it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import anymask
from anymask.data import open_dataset
from anymask.data_engine.priority import Look, look, order
from anymask.geometry import rle
from anymask.models import InContext, Promptable
from anymask.types import Context, Masks, Record

T_95 = {2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262}
"""Two-sided 95 % of Student's t by degrees of freedom."""
OBJECTS = ("instance", "part")
RANDOM = 4
GOALS = (8, 4, 2)
"""Parts of the pool that random orders have for a goal: 1 / 8 and so on."""
Order = Callable[[Sequence[Look]], Sequence[int]]
Curve = NDArray[np.float64]


@dataclass(eq=False)
class Project:
    """Images of several data sets, what the models say of them, and the file that keeps it."""

    sets: Sequence[str]
    file: Path
    looks: dict[str, Look] = field(default_factory=dict)
    pairs: dict[tuple[str, str], float] = field(default_factory=dict)
    """IoU in the first image with the second as its example."""

    def __post_init__(self) -> None:
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            row = json.loads(line)
            if "iou" in row:
                self.pairs[row["query"], row["example"]] = row["iou"]
            else:
                vector = np.array(row["vector"], np.float32)
                self.looks[row["image"]] = Look(row["score"], row["disagreement"], vector)

    @cached_property
    def places(self) -> dict[str, tuple[anymask.data.Collection, int]]:
        """The data set and index of every image with objects, by its name."""
        found = {}
        for name in self.sets:
            dataset = open_dataset(name)
            for index in range(len(dataset)):
                record = dataset.annotation(index)
                if len(objects(record)):
                    found[f"{dataset.name}-{record.id}"] = dataset, index
        return found

    @cached_property
    def compact(self) -> Promptable:
        return anymask.load_sam("compact")

    @cached_property
    def context(self) -> InContext:
        return anymask.load_painter("context")

    def record(self, name: str) -> Record:
        """An image with the union of its objects."""
        dataset, index = self.places[name]
        record = dataset[index]
        some = objects(record)
        return replace(record, masks=Masks(some.size, [rle.union(list(some.rles), some.size)]))

    @lru_cache(256)  # noqa: B019 - one project lives as long as the script
    def example(self, name: str) -> Context:
        return anymask.context(self.record(name), size=self.context.config.size)

    def look(self, name: str) -> Look:
        if name not in self.looks:
            self.looks[name] = found = look(self.compact, self.record(name).read())
            row = {"image": name, "score": found.score, "disagreement": found.disagreement}
            self._keep({**row, "vector": found.vector.tolist()})
        return self.looks[name]

    def iou(self, query: str, example: str) -> float:
        """How well the objects of an image are found from one annotated image."""
        if (query, example) not in self.pairs:
            record = self.record(query)
            found = anymask.segment_like(self.context, record.read(), [self.example(example)])
            whole = rle.union(list(found.rles), found.size)
            value = float(rle.iou(list(record.masks.rles), [whole])[0, 0])
            self.pairs[query, example] = value
            self._keep({"query": query, "example": example, "iou": value})
        return self.pairs[query, example]

    def _keep(self, row: Mapping[str, object]) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps(row) + "\n")


def objects(record: Record) -> Masks:
    kinds = record.meta.get("kinds") or ["instance"] * len(record.masks)
    return record.masks[[row for row, kind in enumerate(kinds) if kind in OBJECTS]]


def curve(project: Project, ordered: Sequence[str], test: Sequence[str]) -> Curve:
    """The mean IoU of held-back images after 1, 2, ... annotated ones."""
    known = np.stack([project.look(name).vector for name in ordered])
    total = np.zeros(len(ordered))
    for query in test:
        like = known @ project.look(query).vector
        best = [int(like[: count + 1].argmax()) for count in range(len(ordered))]
        total += [project.iou(query, ordered[row]) for row in best]
    return total / len(test)


def rising(values: Curve) -> Curve:
    """The nearest curve that never falls (isotonic regression)."""
    blocks: list[list[float]] = []  # mean and length
    for value in values.tolist():
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (low, many), (high, more) = blocks[-2:]
            blocks[-2:] = [[(low * many + high * more) / (many + more), many + more]]
    return np.concatenate([np.full(int(length), mean) for mean, length in blocks])


def needed(reached: Curve, goal: float) -> float:
    """How many images reach a goal, between two numbers by a line; all of them where none does."""
    there = np.flatnonzero(reached >= goal - 1e-9)
    if not len(there) or not there[0]:
        return 1.0 if len(there) else float(len(reached))
    before, after = reached[there[0] - 1 : there[0] + 1]
    return float(there[0] + (goal - before) / (after - before))


def saved(found: Sequence[Mapping[str, Sequence[Curve]]], name: str, count: int) -> float:
    """The share of images that an order saves for what random orders reach with `count` images."""
    random, own = (
        rising(np.mean([np.mean(of[one], axis=0) for of in found], axis=0)) for one in ("random", name)
    )
    goal = random[count - 1]
    return 1 - needed(own, goal) / needed(random, goal)


def interval(values: Sequence[float]) -> str:
    half = T_95[len(values) - 1] * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{np.mean(values):.3f} ± {half:.3f}"


def jackknifed(of: Callable[[list[int]], float], seeds: int) -> str:
    """A figure of all seeds with its interval from those without each."""
    rows = list(range(seeds))
    without = [of([row for row in rows if row != left]) for left in rows]
    half = T_95[seeds - 1] * ((seeds - 1) * float(np.var(without))) ** 0.5
    return f"{of(rows):.2f} ± {half:.2f}"


def curves(
    project: Project, seed: int, sizes: tuple[int, int], orders: Mapping[str, Order]
) -> dict[str, list[Curve]]:
    """The curves of a seed: of random orders, and of each other one.

    sizes: of the pool, and of the held-back images.
    """
    names = sorted(project.places)
    drawn = [names[row] for row in np.random.default_rng(seed).permutation(len(names))]
    pool, test = drawn[: sizes[0]], drawn[sizes[0] : sum(sizes)]
    looks = [project.look(name) for name in pool]
    shuffled = [np.random.default_rng([seed, one]).permutation(len(pool)).tolist() for one in range(RANDOM)]
    rows = {"random": shuffled, **{name: [list(make(looks))] for name, make in orders.items()}}
    return {
        name: [curve(project, [pool[row] for row in one], test) for one in some]
        for name, some in rows.items()
    }


def report(found: Sequence[Mapping[str, Sequence[Curve]]], name: str) -> None:
    """Print the curves of an order beside random ones, and how many images fewer it needs for each goal."""
    length = len(found[0]["random"][0])
    for count in (length // part for part in GOALS):
        random = [float(np.mean([one[count - 1] for one in of["random"]])) for of in found]
        own = [float(of[name][0][count - 1]) for of in found]
        gain = [a - b for a, b in zip(own, random, strict=True)]
        share = jackknifed(lambda rows, n=count: saved([found[row] for row in rows], name, n), len(found))  # type: ignore[misc]
        print(f"{count} images: random {interval(random)}, {name} {interval(own)}", end=", ")
        print(f"difference {interval(gain)}, fewer images for the same {share}", flush=True)
    halves = [
        np.mean(of[name][0][: length // 2]) - np.mean([one[: length // 2] for one in of["random"]])
        for of in found
    ]
    print(f"mean difference up to {length // 2} images: {interval([float(one) for one in halves])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pool", type=int, default=80)
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("-o", "--output", type=Path, default=Path("queue.jsonl"))
    given = parser.parse_args()
    project = Project(given.sets, given.output)
    print(f"{len(project.places)} images with objects", flush=True)
    found = []
    for seed in range(given.seeds):
        orders: dict[str, Order] = {"queue": lambda looks: order(looks)[0].tolist()}
        found.append(curves(project, seed, (given.pool, given.test), orders))
        print(f"seed {seed} is done", flush=True)
    if len(found) > 2:
        report(found, "queue")


if __name__ == "__main__":
    main()
