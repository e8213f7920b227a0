"""Audits: the sample, what people made of it, and the shares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.data import open_dataset
from anymask.data_engine.audit import (
    FILE,
    Audited,
    is_audit,
    make_audit,
    measure_audit,
    report_audit,
)
from anymask.data_engine.project import Draft, images, masks, open_project
from anymask.errors import FormatError, InputError, OutputError
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.types import Masks, Record

SIZE = (40, 60)


def box(x0: int, y0: int, x1: int, y1: int) -> rle.Runs:
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return rle.encode(mask)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Six images with three automatic masks each, one without any, and a damaged one."""
    folder = tmp_path / "set"
    folder.mkdir()
    runs = [box(0, 0, 20, 20), box(30, 0, 50, 20), box(0, 25, 5, 30)]
    for number in range(7):
        Image.new("RGB", SIZE[::-1], (number, 0, 0)).save(folder / f"{number}.png")
        found = Masks(SIZE, runs, [0.95, 0.9, 0.7]) if number < 6 else Masks(SIZE, [])
        record = Record(str(number), folder / f"{number}.png", found, "auto")
        (folder / f"{number}.json").write_text(json.dumps(sa1b.to_document(record)))
    (folder / "8.png").write_bytes(b"no image")
    (folder / "8.json").write_text("{}")
    return folder


def correct(project, image, runs: dict[str, rle.Runs | None]) -> None:
    """As a user does: change, remove or add masks, and mark the image as done."""
    there = {mask.id: mask for mask in masks.current(project.db, image.id)}
    for id, one in runs.items():
        old = there.get(id)
        counts = "" if one is None else rle.to_string(one)
        draft = Draft(id=id, size=SIZE, counts=counts) if old is None else replace(old.draft(), counts=counts)
        if one is None:
            draft = replace(old.draft(), deleted=True)
        masks.save(project.db, image.id, draft, seen=0 if old is None else old.revision, author="eve")
    images.mark(project.db, image.id, done=True)


def test_an_audit_from_the_draw_to_the_report(dataset: Path, tmp_path: Path) -> None:
    assert make_audit(open_dataset(dataset), tmp_path / "audit", count=8, scratch=0.25, seed=1) == 18
    assert is_audit(tmp_path / "audit")
    stored = json.loads((tmp_path / "audit" / FILE).read_text())["images"]
    scratch = [entry["name"] for entry in stored if entry["scratch"]]
    assert 1 <= len(scratch) <= 2
    project = open_project(tmp_path / "audit")
    found = list(images.every(project.db))
    assert len(found) == 6
    assert {image.masks for image in found if image.name in scratch} == {0}
    assert {image.masks for image in found if image.name not in scratch} == {3}
    assert measure_audit(project) == ([], 6)
    for image in found:
        if image.name in scratch:  # one object as it is, one much smaller, one not at all
            correct(project, image, {"a": box(0, 0, 20, 20), "b": box(30, 0, 50, 12)})
        else:  # one kept, one smaller, one removed
            correct(project, image, {"mask-1": box(30, 0, 50, 17), "mask-2": None})
    audited, waiting = measure_audit(project)
    project.close()
    assert waiting == 0
    assert {round(one.iou, 2) for one in audited if not one.scratch} == {1.0, 0.85, 0.0}
    assert {round(one.iou, 2) for one in audited if one.scratch} == {1.0, 0.6, 0.0}
    report = report_audit(audited, waiting)
    shares = report["corrected"]["all"]
    assert shares["over_90"]["value"] == pytest.approx(1 / 3)
    assert shares["over_75"]["value"] == pytest.approx(2 / 3)
    assert shares["removed"] * 3 == shares["masks"]
    assert report["from_scratch"]["all"]["over_75"]["value"] == pytest.approx(1 / 3)
    assert report["corrected"]["by_score"]["0.92 to 0.96"]["over_90"]["value"] == 1
    assert report["corrected"]["by_score"]["0.8 to 0.88"] is None
    assert (
        report["corrected"]["by_size"]["small"]["removed"] == report["corrected"]["by_size"]["small"]["masks"]
    )
    json.dumps(report)


def test_the_draw_is_random_and_repeatable(dataset: Path, tmp_path: Path) -> None:
    def drawn(name: str, seed: int) -> list[tuple[str, list[str]]]:
        make_audit(open_dataset(dataset), tmp_path / name, count=4, most=2, seed=seed)
        entries = json.loads((tmp_path / name / FILE).read_text())["images"]
        return [(entry["item"], [mask["id"] for mask in entry["masks"]]) for entry in entries]

    one = drawn("a", 1)
    assert one == drawn("b", 1)
    assert one != drawn("c", 2)
    assert {len(ids) for _, ids in one} == {2}


def test_intervals_are_over_images_not_masks() -> None:
    some = [Audited(str(image), False, float(image % 2), 0.9, 0.1) for image in range(10) for _ in range(50)]
    shares = report_audit(some, 0)["corrected"]["all"]
    assert shares["over_90"]["value"] == 0.5
    assert shares["over_90"]["high"] - shares["over_90"]["low"] > 0.4, "ten images, not five hundred"
    assert report_audit([], 3)["corrected"]["all"] is None


@pytest.mark.parametrize("words", [{"count": 0}, {"scratch": 1.5}, {"most": 0}])
def test_numbers_out_of_range(dataset: Path, tmp_path: Path, words: dict) -> None:
    with pytest.raises(InputError, match="audit must have 1 image or more"):
        make_audit(open_dataset(dataset), tmp_path / "audit", **words)
    assert not (tmp_path / "audit").exists()


def test_nothing_is_left_of_an_audit_that_cannot_be_made(dataset: Path, tmp_path: Path) -> None:
    for name in ("set", "no/where"):
        with pytest.raises(OutputError, match="output must be a new folder"):
            make_audit(open_dataset(dataset), tmp_path / name)
    for file in dataset.glob("[0-5].*"):
        file.unlink()
    with pytest.raises(InputError, match="data set must hold images with masks, got none in set"):
        make_audit(open_dataset(dataset), tmp_path / "audit")
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"images": [{}]}', '{"images": 3}'])
def test_a_damaged_audit(dataset: Path, tmp_path: Path, text: str) -> None:
    make_audit(open_dataset(dataset), tmp_path / "audit", count=1)
    (tmp_path / "audit" / FILE).write_text(text)
    project = open_project(tmp_path / "audit")
    with pytest.raises(FormatError, match="audit must be a folder that 'anymask engine audit' made"):
        measure_audit(project)
    project.close()
