"""The queue: what a model says of an image, and the order that follows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.data_engine import priority
from anymask.data_engine.priority import Look, look, order, queue
from anymask.data_engine.project import Draft, Project, images, masks, open_project
from anymask.data_engine.project.project import scan
from anymask.geometry import rle


def seen(score: float, disagreement: float, *vector: float) -> Look:
    array = np.array(vector, np.float32)
    return Look(score, disagreement, array / np.linalg.norm(array))


def test_what_is_typical_comes_first() -> None:
    angles = (0.0, 0.1, -0.1, np.pi, np.pi - 0.01)
    some = [seen(0.5, 0.5, np.cos(angle), np.sin(angle)) for angle in angles]
    rows, novelty = order(some)
    assert rows[0] == 0, "the middle of the larger group"
    assert rows[1] in (3, 4), "one of the other group"
    assert novelty[0] == 1
    assert novelty[1] > 1
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]


def test_what_the_model_is_unsure_of_comes_first() -> None:
    some = [seen(0.9, 0.1, 1, 0), seen(0.3, 0.9, 0, 1), seen(0.6, 0.5, -1, 0.001)]
    rows, novelty = order(some, [seen(0, 0, 0.7, 0.7), seen(0, 0, -0.7, 0.7)])
    assert rows[0] == 1, "all are as far from what is known"
    assert novelty[0] == pytest.approx(0.29, abs=0.01)


def test_what_is_like_known_images_comes_last() -> None:
    some = [seen(0.5, 0.5, 1, 0), seen(0.5, 0.5, 0, 1), seen(0.5, 0.5, 0.01, 1)]
    rows, novelty = order(some, [seen(0, 0, 1, 0.001)])
    assert rows[0] in (1, 2), "the first image is like the known one"
    assert novelty[1] < 0.01, "after that nothing is new"
    assert order([])[0].tolist() == []


def test_the_order_is_that_of_the_sum_of_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a plain implementation, with blocks and repetitions smaller than the images."""
    monkeypatch.setattr(priority, "BLOCK", 7)
    monkeypatch.setattr(priority, "AGAIN", 3)
    rng = np.random.default_rng(0)
    some = [seen(*rng.random(2), *rng.normal(size=5)) for _ in range(60)]
    known = [seen(0, 0, *rng.normal(size=5)) for _ in range(9)]
    vectors = np.stack([one.vector for one in some]).astype(np.float64)
    weights = 1 + priority._doubt(some)
    apart = 1 - vectors @ vectors.T
    nearest = (1 - vectors @ np.stack([one.vector for one in known]).astype(np.float64).T).min(axis=1)
    expected: list[int] = []
    for _ in some:
        gains = (weights[:, None] * np.maximum(nearest[:, None] - apart, 0)).sum(axis=0)
        gains[expected] = -1
        expected.append(int(gains.argmax()))
        nearest = np.minimum(nearest, apart[expected[-1]])
    assert order(some, known)[0].tolist()[:40] == expected[:40]  # then gains are 0 but for rounding
    monkeypatch.setattr(priority, "EXACT", 5)
    rows = order(some, known)[0].tolist()
    assert rows[:5] == expected[:5]
    assert sorted(rows) == list(range(60))


def test_a_look_at_an_image(model) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    found = look(model, pixels)
    assert 0 <= found.score <= 1
    assert 0 <= found.disagreement <= 1
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert look(model, pixels).score == found.score


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with five images: the first has a mask, the second is done, the third is no image."""
    place = tmp_path / "photos"
    place.mkdir()
    for number in range(5):
        Image.new("RGB", (64, 48), (number * 50, 0, 0)).save(place / f"{number}.png")
    opened = open_project(place)
    list(scan(opened))
    first, second, *_ = list(images.every(opened.db))
    counts = rle.to_string(rle.encode(np.ones(first.size, bool)))
    masks.save(opened.db, first.id, Draft(id="a", size=first.size, counts=counts), seen=0, author="eve")
    images.mark(opened.db, second.id, done=True)
    (place / "2.png").write_bytes(b"no image")
    yield opened
    opened.close()


def test_the_queue_of_a_project(project: Project, model, monkeypatch: pytest.MonkeyPatch) -> None:
    found = queue(project, model, "v1")
    names = [one.image.name for one in found]
    assert sorted(names) == ["3.png", "4.png"]
    everything = [*names, "0.png", "1.png", "2.png"]
    assert [one.name for one in images.listed(project.db, sort="queue")] == everything
    paged: list[str] = []
    page = images.listed(project.db, limit=2, sort="queue")
    while page:
        paged += [one.name for one in page]
        page = images.listed(project.db, page[-1].id, 2, sort="queue")
    assert paged == everything
    monkeypatch.setattr(priority, "look", lambda model, pixels: pytest.fail("it was looked at before"))
    assert [one.image.name for one in queue(project, model, "v1")] == names


def test_a_damaged_file_of_looks_is_made_anew(project: Project, model) -> None:
    names = [one.image.name for one in queue(project, model, "v1")]
    file = project.folder / ".anymask" / "looks.npz"
    file.write_bytes(b"PK\x03\x04 damaged")
    assert [one.image.name for one in queue(project, model, "v1")] == names
    copy = file.with_name("copy.npz")
    shutil.copy(file, copy)
    queue(project, model, "v2")
    assert copy.read_bytes() != file.read_bytes(), "another version looks anew"
