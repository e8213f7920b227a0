"""A whole turn of the data engine with simulated people, who know the true masks: see runs/data_engine.sh.

A quarter of the images for each turn: one by clicks, two with suggestions, one fully automatic and audited.
The model is retrained after each of the first three. What each version brings is tried on images of the last
quarter, always the same, in projects of their own: people work there by clicks alone, and with suggestions,
with the least predicted IoU that people's work in the main project tells by then.

How long they take, in seconds: LOOK for a suggestion (accepted from an IoU of GOOD with an object that has
no mask yet, else rejected), START for a new mask and CLICK for each click, at the deepest error, until the
IoU is ENOUGH or after MOST clicks; what is wrong then is painted over in PAINT. They begin with the largest
object and leave an image after TIME, or when all its objects have a mask.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import anymask
from anymask.cli import main as cli
from anymask.data import open_dataset
from anymask.data_engine.project import (
    Draft,
    Image,
    Project,
    images,
    masks,
    open_project,
    versions,
)
from anymask.data_engine.project.project import scan
from anymask.data_engine.suggest import least_worth
from anymask.evaluate.metrics import iou
from anymask.evaluate.simulated_clicks import next_click
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.geometry.regions import inner_point
from anymask.images.write import encode_png
from anymask.models import Promptable
from anymask.types import Embedding, Masks, Prompt

LOOK, START, CLICK, PAINT, TIME = 1.5, 4.0, 2.0, 20.0, 120.0
GOOD, ENOUGH, MOST = 0.85, 0.9, 10
OBJECTS = ("instance", "part")
Mask = NDArray[np.bool_]


@dataclass
class Work:
    """What people did."""

    version: str
    way: str
    images: int = 0
    masks: int = 0
    seconds: float = 0.0
    clicks: int = 0
    clicked: int = 0
    suggestions: int = 0
    accepted: int = 0
    iou: float = 0.0
    least: float = 0.0
    """Predicted IoU of suggestions."""
    by_image: list[tuple[int, float]] = field(default_factory=list)
    """Masks and seconds of each image."""


def prepare(dataset: str, out: Path, count: int) -> None:
    """Photos without masks, in an order shuffled once, and their true masks apart."""
    found = open_dataset(dataset)
    order = np.random.default_rng(0).permutation(len(found))
    (out / "photos").mkdir(parents=True)
    (out / "truth").mkdir()
    usable = (found[int(index)] for index in order)
    for number, record in enumerate(islice((one for one in usable if len(_objects(one))), count)):
        true = replace(
            record.with_masks(_objects(record)), id=f"{number:04d}", image=Path(f"{number:04d}.png")
        )
        write_atomic(out / "photos" / f"{number:04d}.png", encode_png(record.read()))
        write_atomic(out / "truth" / f"{number:04d}.json", json.dumps(sa1b.to_document(true)).encode())
    project = open_project(out / "photos")
    list(scan(project))
    project.close()


def _objects(record: anymask.Record) -> Masks:
    """The masks of objects; all where none is one."""
    kinds = record.meta.get("kinds") or ["instance"] * len(record.masks)
    rows = [row for row, kind in enumerate(kinds) if kind in OBJECTS]
    some = record.masks[rows] if rows else record.masks
    return some[some.areas > 0]


def truth_of(out: Path, name: str) -> list[Mask]:
    """The true masks of a photo, the largest first."""
    record = sa1b.read(out / "truth" / Path(name).with_suffix(".json"))
    return [record.masks[int(row)].dense()[0] for row in np.argsort(-record.masks.areas, kind="stable")]


def work(project: Project, out: Path, model: str, images_of: Sequence[Image], done: Work) -> None:
    """People work on some photos of a project; `done` counts what they do."""
    network = anymask.load_sam(model)
    for image in images_of:
        _work_on(project, image, network, truth_of(out, image.name), done)
    done.iou /= max(done.masks, 1)


def _work_on(project: Project, image: Image, model: Promptable, truth: list[Mask], done: Work) -> None:
    """Judge the suggestions, add what is missing, mark the image as done."""
    missing, before = dict(enumerate(truth)), done.masks
    spent = _judge_suggestions(project, image, missing, done)
    pixels = project.pixels(image)
    embedding = anymask.embed(model, pixels) if missing else None
    for number, true in missing.items():
        if spent >= TIME or embedding is None:
            break
        mask, points, labels = clicked(model, embedding, true)
        seconds, clicks = START + CLICK * len(points), len(points)
        if iou(mask, true) < ENOUGH:
            mask, seconds = true, seconds + PAINT
        draft = Draft(
            id=f"click-{number}",
            size=image.size,
            counts=rle.to_string(rle.encode(mask)),
            prompts={"points": points, "labels": labels},
            model=model.fingerprint,
            seconds=seconds,
        )
        masks.save(project.db, image.id, draft, seen=0, author="simulated")
        spent, done.clicks, done.clicked = spent + seconds, done.clicks + clicks, done.clicked + 1
        done.masks, done.iou = done.masks + 1, done.iou + iou(mask, true)
    done.images, done.seconds = done.images + 1, done.seconds + spent
    done.by_image.append((done.masks - before, spent))
    images.mark(project.db, image.id, done=True)


def _judge_suggestions(project: Project, image: Image, missing: dict[int, Mask], done: Work) -> float:
    """Accept or reject each suggestion; takes the objects that have a mask now out of `missing`."""
    spent = 0.0
    for one in masks.current(project.db, image.id):
        if not one.is_suggestion:
            continue
        spent, done.suggestions = spent + LOOK, done.suggestions + 1
        mask = rle.decode(rle.from_string(one.counts), one.size)
        ious = {number: iou(mask, true) for number, true in missing.items()}
        best = max(ious, key=lambda number: ious[number], default=-1)
        kept = best >= 0 and ious[best] >= GOOD
        draft = replace(one.draft(), suggested_by=None, seconds=LOOK) if kept else None
        draft = draft or replace(one.draft(), deleted=True)
        masks.save(project.db, image.id, draft, seen=one.revision, author="simulated")
        if kept:
            del missing[best]
            done.accepted, done.masks, done.iou = done.accepted + 1, done.masks + 1, done.iou + ious[best]
    return spent


def clicked(model: Promptable, embedding: Embedding, true: Mask) -> tuple[Mask, list[Any], list[int]]:
    """A mask by clicks at the deepest error, with the points and labels that it took."""
    points, labels = [inner_point(true)], [1]
    found = anymask.predict(
        model, embedding, [Prompt(points=points, labels=labels)], multimask=True, logits=True
    )
    found = found[int(np.argmax(found.scores))]
    while iou(found.dense()[0], true) < ENOUGH and len(points) < MOST:
        click = next_click(found.dense()[0], true, clicked=np.stack(points))
        if click is None:
            break
        points.append(click[0])
        labels.append(click[1])
        assert found.logits is not None
        prompt = Prompt(points=np.stack(points), labels=np.array(labels), mask=found.logits[0])
        found = anymask.predict(model, embedding, [prompt], multimask=False, logits=True)
    return found.dense()[0], [[float(x), float(y)] for x, y in points], labels


def judge(out: Path) -> None:
    """People correct the masks of the audit, and draw those of images that have none to start from.

    A mask that is good enough stays as it is; one without a true object is removed, although things that
    nobody annotated are good masks too.
    """
    project = open_project(out / "audit")
    items = {one["name"]: one["item"] for one in json.loads((out / "audit/audit.json").read_text())["images"]}
    for image in images.every(project.db):
        truth = truth_of(out, items[image.name])
        there = masks.current(project.db, image.id)
        for one in there:
            mask = rle.decode(rle.from_string(one.counts), one.size)
            ious = [iou(mask, true) for true in truth]
            best = int(np.argmax(ious))
            draft = replace(one.draft(), deleted=True)
            if ious[best] >= 0.5:
                kept = mask if ious[best] >= ENOUGH else truth[best]
                draft = replace(one.draft(), counts=rle.to_string(rle.encode(kept)))
            masks.save(project.db, image.id, draft, seen=one.revision, author="simulated")
        if not there:
            masks.save_all(project.db, image.id, _drawn(truth), author="simulated")
        images.mark(project.db, image.id, done=True)
    project.close()


def _drawn(truth: Sequence[Mask]) -> list[Draft]:
    return [
        Draft(id=f"drawn-{number}", size=one.shape, counts=rle.to_string(rle.encode(one)))  # type: ignore[arg-type]
        for number, one in enumerate(truth)
    ]


def curve(out: Path) -> None:
    """Print the trials as a Markdown table, with the change since the version before on the same images."""
    heads = [
        "version",
        "way",
        "least IoU",
        "masks an image",
        "change (95 %)",
        "seconds a mask",
        "change (95 %)",
    ]
    heads += ["clicks a mask", "suggestions accepted", "IoU"]
    print(f"| {' | '.join(heads)} |\n|---|---|{'---:|' * (len(heads) - 2)}")
    trials = [Work(**json.loads(line)) for line in (out / "trials.jsonl").read_text().splitlines()]
    last: dict[str, Work] = {}
    for done in trials:
        share = f"{done.accepted} of {done.suggestions}" if done.suggestions else "-"
        masks, seconds = _changes(last.get(done.way), done)
        cells = [done.version, done.way, f"{done.least:.1f}" if done.least else "-"]
        cells += [f"{done.masks / max(done.images, 1):.1f}", masks]
        cells += [f"{done.seconds / max(done.masks, 1):.1f}", seconds]
        cells += [f"{done.clicks / max(done.clicked, 1):.1f}", share, f"{done.iou:.3f}"]
        print(f"| {' | '.join(cells)} |")
        last[done.way] = done


def _changes(before: Work | None, now: Work) -> tuple[str, str]:
    """The change of masks an image and of seconds a mask, with intervals by bootstrap over images."""
    if before is None:
        return "", ""
    pairs = np.array([before.by_image, now.by_image], np.float64)  # (2, images, masks and seconds)
    draws = np.random.default_rng(0).integers(0, pairs.shape[1], (2000, pairs.shape[1]))
    sums = pairs[:, draws].sum(2)  # (2, draws, masks and seconds)
    masks = (sums[1, :, 0] - sums[0, :, 0]) / pairs.shape[1]
    seconds = sums[1, :, 1] / sums[1, :, 0] - sums[0, :, 1] / sums[0, :, 0]
    ends = [np.quantile(one, (0.025, 0.975)) for one in (masks, seconds)]
    return f"{ends[0][0]:+.1f} to {ends[0][1]:+.1f}", f"{ends[1][0]:+.1f} to {ends[1][1]:+.1f}"


def anymask_command(*words: object) -> None:
    """Run a command of anymask in this process."""
    print(f"$ anymask {shlex.join(map(str, words))}", flush=True)
    code = cli([str(word) for word in words])
    if code:
        sys.exit(code)


def turn_of_the_engine(given: argparse.Namespace) -> None:
    """All stages, then what they brought."""
    out, photos, quarter = given.out, given.out / "photos", given.images // 4
    prepare(given.dataset, out, given.images)
    files = sorted(photos.glob("*.png"))
    last = files[3 * quarter :][: given.tried]
    _try(given, last)
    for number in range(3):
        if number:
            chosen = ["--max-images", quarter, *given.model, *shlex.split(given.suggest)]
            anymask_command("engine", "suggest", photos, *chosen)
        project = open_project(photos)
        some = list(images.every(project.db))[number * quarter : (number + 1) * quarter]
        work(project, out, _in_use(given)[1], some, Work("", ""))
        project.close()
        anymask_command("engine", "retrain", photos, *given.model, *shlex.split(given.retrain))
        _try(given, last)
    _automatic(given, last)
    print("What people did on the last quarter, always the same images:")
    curve(out)
    anymask_command("engine", "models", photos)
    anymask_command("engine", "status", photos)
    anymask_command("engine", "audit", out / "audit")


def _in_use(given: argparse.Namespace) -> tuple[str, str, list[str]]:
    """The name of the version in use, its model, and the options that name its detector."""
    project = open_project(given.out / "photos")
    used = versions.in_use(project)
    model, detector = versions.places_in_use(project)
    project.close()
    if used is None:
        return versions.SHIPPED, given.model[-1] if given.model else model, []
    return used.name, model, ["--detector", detector] if detector else []


def _try(given: argparse.Namespace, files: Sequence[Path]) -> None:
    """People work on the same images with the version and the limit in use, unless they were tried before."""
    version, model, detector = _in_use(given)
    main = open_project(given.out / "photos")
    least = least_worth(main)
    main.close()
    for way in ("clicks", "suggestions"):
        place = given.out / (f"clicks-{version}" if way == "clicks" else f"suggestions-{version}-{least:g}")
        if place.exists():
            continue
        place.mkdir()
        for file in files:
            shutil.copy(file, place)
        project = open_project(place)
        list(scan(project))
        done = Work(version, way)
        if way == "suggestions":
            done.least = least
            chosen = ["--model", model, *detector, "--min-iou", least, *shlex.split(given.suggest)]
            anymask_command("engine", "suggest", place, *chosen)
        work(project, given.out, model, list(images.every(project.db)), done)
        project.close()
        with (given.out / "trials.jsonl").open("a") as file:
            file.write(json.dumps(vars(done)) + "\n")


def _automatic(given: argparse.Namespace, files: Sequence[Path]) -> None:
    """Automatic masks of the last images, their audit and their analysis."""
    out, auto, audit = given.out, given.out / "automatic", given.out / "audit"
    _, model, detector = _in_use(given)
    (out / "last").mkdir()
    for file in files:
        shutil.copy(file, out / "last")
    words = ["--model", model, *detector, *given.model, *shlex.split(given.auto)]
    anymask_command("auto", out / "last", "-o", auto, *words)
    anymask_command("engine", "audit", auto, "-o", audit)
    judge(out)
    anymask_command("data", "analyse", auto, "-o", out / "report")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=80)
    parser.add_argument("--tried", type=int, help="of the last quarter; all by default")
    parser.add_argument("--model", type=lambda text: ["--model", text], default=[], help="instead of compact")
    for name in ("retrain", "suggest", "auto"):
        parser.add_argument(
            f"--{name}", default="", metavar="OPTIONS", help="further options of this command"
        )
    given = parser.parse_args(words)
    if given.out.exists():
        sys.exit(f"OUT must be a new folder, got {given.out}.")
    turn_of_the_engine(given)


if __name__ == "__main__":
    main()
