"""`anymask engine audit`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pixels

from anymask.data.synthetic import shapes
from anymask.data_engine.project import Draft, images, masks, open_project
from anymask.data_engine.project.project import scan
from anymask.formats import sa1b
from anymask.geometry import rle


def test_an_audit_is_made_and_reported(run, dataset: Path) -> None:
    answer = run(
        "engine", "audit", dataset, "-o", "audit", "--max-images", "4", "--max-masks", "2", "--scratch", "0.5"
    )
    assert answer.code == 0, answer.err
    assert "8 masks to judge\nwrote audit\nnow run: anymask serve audit" in answer.out
    project = open_project("audit")
    for image in list(images.every(project.db))[:3]:
        images.mark(project.db, image.id, done=True)
    project.close()
    text = run("engine", "audit", "audit").out
    assert "corrected (paper)" in text
    assert "1 images are not marked as done yet" in text
    found = run("engine", "audit", "audit", "--json").json
    assert found["corrected"]["all"]["mean_iou"]["value"] == 1, "nobody changed them"
    assert found["from_scratch"]["all"]["mean_iou"]["value"] == 0, "nobody drew any"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photo.jpg"], "-o must name the folder of the audit, got nothing, and photo.jpg is none."),
        (["nowhere", "-o", "audit"], "nowhere"),
        (["made", "-o", "audit"], "-o must go with a data set, got an audit. Leave it out."),
    ],
)
def test_what_cannot_be_audited(run, dataset: Path, words: list[str], message: str) -> None:
    if words[0] == "made":
        assert run("engine", "audit", dataset, "-o", "made", "--max-images", "1").code == 0
    answer = run("engine", "audit", *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert not Path("audit").exists()


def test_the_status_of_a_project(run, dataset: Path) -> None:
    assert run("engine", "audit", dataset, "-o", "made", "--max-images", "3", "--scratch", "0").code == 0
    text = run("engine", "status", "made").out
    assert text.splitlines()[0].split()[:4] == ["stage", "model", "version", "images"]
    assert "automatic" in text
    (found,) = run("engine", "status", "made", "--json").json
    assert (found["stage"], found["images"], found["accept_rate"]) == ("automatic", 3, 1)


def test_a_folder_that_is_no_project_stays_one(run) -> None:
    Path("photos").mkdir()
    answer = run("engine", "status", "photos")
    assert answer.code == 2
    assert "PROJECT must be the folder of a project, got photos." in answer.err
    assert not list(Path("photos").iterdir())


@pytest.fixture
def annotated(workplace: Path) -> Path:
    """A project whose masks count as accepted."""
    folder = Path("photos")
    folder.mkdir()
    for number in range(12):
        Pixels.new("RGB", (64, 48), (20 * number, 0, 0)).save(folder / f"{number}.png")
    project = open_project(folder)
    list(scan(project))
    for image in images.every(project.db):
        bits = np.zeros(image.size, bool)
        bits[10:40, 10:50] = True
        draft = Draft(id="a", size=image.size, counts=rle.to_string(rle.encode(bits)))
        masks.save_all(project.db, image.id, [draft], author="eve")
    project.close()
    return folder


def test_a_project_is_retrained_and_its_versions_are_listed(
    run, annotated: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anymask.data_engine.suggest.MOST_HELD", 1)
    words = ["engine", "retrain", annotated, "--model", model, "--steps", "1", "--held", "0.4"]
    small = ["--set", "size=64", "loop.workers=0"]
    text = run(*words, *small)
    assert text.code == 0, text.err
    assert "mean IoU by clicks and boxes: 0." in text.out
    assert "AR@100 of the detector: -" in text.out, "the detector of the package reads other features"
    assert "masks are suggested from a predicted IoU of 0.6 on" in text.out, "12 small images tell nothing"
    found = run("engine", "models", annotated, "--json").json
    names = [one["name"] for one in found["versions"]]
    assert names == (["v1"] if "v1 is in use" in text.out else [])
    assert found["in_use"] == (names or ["compact"])[0]
    answer = run("engine", "models", annotated, "--use", "v9")
    assert (answer.code, answer.out) == (2, "")
    assert "version must be a known name, got 'v9'" in answer.err
    assert run("engine", "models", annotated, "--use", "compact").out.endswith(
        "in use: compact\nelsewhere: --model compact\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--set", "size=63"], "size must be a multiple of 32"),
        (["--set", "tune=all"], "tune must be decoder or scores"),
        (["--held", "0"], "held must be over 0"),
        (["--held", "0.001"], "Annotate more images"),
    ],
)
def test_what_cannot_be_retrained(run, annotated: Path, words: list[str], message: str) -> None:
    answer = run("engine", "retrain", annotated, *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_masks_are_suggested(run, annotated: Path, model: Path) -> None:
    words = ["engine", "suggest", annotated, "--model", model, "--points-per-side", "2", "--min-iou", "0"]
    found = run(*words, "--json").json
    assert found["images"] == 12
    project = open_project(annotated)
    assert images.count(project.db)["suggestions"] == found["masks"]
    project.close()
    assert "suggestions in" in run(*words).out
    assert run(*words, "--max-images", "3", "--json").json["images"] <= 3
    answer = run("engine", "suggest", annotated, "--min-iou", "7")
    assert "--min-iou must be 0 to 1, got 7.0" in answer.err


def test_the_queue_of_a_project(run, annotated: Path, model: Path) -> None:
    for number in range(3):
        Pixels.new("RGB", (64, 48), (0, 80 * number, 0)).save(annotated / f"new-{number}.png")
    text = run("engine", "queue", annotated, "--model", model, "--first", "2").out
    assert text.splitlines()[0].split() == ["place", "image", "predicted", "IoU", "disagreement", "novelty"]
    assert text.endswith("3 images in the queue\n")
    found = run("engine", "queue", annotated, "--model", model, "--json").json
    assert sorted(one["image"] for one in found) == ["new-0.png", "new-1.png", "new-2.png"]


def test_masks_are_rated(run, workplace: Path, model: Path) -> None:
    large = shapes(np.random.default_rng(0), (160, 200), 2)
    Path("set").mkdir()
    Pixels.fromarray(large.read()).save("set/a.png")
    Path("set/a.json").write_text(json.dumps(sa1b.to_document(large)))
    words = ["engine", "rate", "set", "-o", "rating", "--model", model, "--max-images", "2"]
    text = run(*words).out
    assert "jobs\nwrote rating/rate.html: send it to the raters" in text
    answer = run("engine", "rate", "rating")
    assert "RATING must hold ratings, got none in rating/ratings." in answer.err
    jobs = json.loads(Path("rating/key.json").read_text())["jobs"]
    lines = [f"{job},eve,{9 if one['method'] == 'truth' else 5}" for job, one in jobs.items()]
    Path("rating/ratings/eve.csv").write_text("\n".join(["job,rater,rating", *lines]))
    text = run("engine", "rate", "rating", "-o", "all.csv").out
    assert "truth   9.00 (- to -)" in text
    assert "debug - truth" in text
    assert Path("all.csv").read_text().startswith("mask,method,rating,rater\n")
    assert run("engine", "rate", "rating", "--json").json["methods"]["debug"]["value"] == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "-o must name the folder of the rating, got nothing, and"),
        (["-o", "new", "--model", "a/m.pt", "--model", "b/m.pt"], "a/m.pt"),
        (["-o", "new", "--model", "compact", "--model", "compact"], "--model must have different names"),
    ],
)
def test_what_cannot_be_rated(run, dataset: Path, words: list[str], message: str) -> None:
    answer = run("engine", "rate", dataset, *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
