"""Automatic masks as suggestions: which are left out, which are replaced, what a second run does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymask.data_engine import suggest as module
from anymask.data_engine.project import Draft, Project, images, masks, open_project, suggestions, versions
from anymask.data_engine.project.project import scan
from anymask.data_engine.project.suggestions import AUTOMATIC
from anymask.data_engine.suggest import confident, judge_held, keep_held, least_worth, suggest
from anymask.errors import FormatError, InputError
from anymask.geometry import rle
from anymask.images.read import read_image
from anymask.types import Masks, Record


class Fake:
    """A model that is only asked for its fingerprint."""

    fingerprint = "fake"


def bits(size: tuple[int, int], x0: int, x1: int) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[10:50, x0:x1] = True
    return mask


@pytest.fixture
def project(tmp_path: Path, photos: Path) -> Iterator[Project]:
    """A project with two photos, the first one marked as done."""
    place = tmp_path / "photos"
    place.mkdir()
    for name in ("cat.jpg", "flower.jpg"):
        shutil.copy(photos / name, place)
    opened = open_project(place)
    list(scan(opened))
    images.mark(opened.db, next(images.every(opened.db)).id, done=True)
    yield opened
    opened.close()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, float]]:
    """What every image has: columns x0 to x1 with a score."""
    some = [(0, 40, 0.9), (60, 100, 0.8), (120, 160, 0.7), (180, 220, 0.3)]

    def automatic(model: Fake, pixels: np.ndarray, config: object) -> Masks:
        size = pixels.shape[:2]
        return Masks(size, [rle.encode(bits(size, x0, x1)) for x0, x1, _ in some], [s for *_, s in some])

    monkeypatch.setattr(module, "automatic", automatic)
    return some


def save(project: Project, id: str, x0: int, x1: int) -> None:
    image = list(images.every(project.db))[1]
    draft = Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(bits(image.size, x0, x1))))
    masks.save(project.db, image.id, draft, seen=0, author="eve")


def waiting(project: Project) -> list[tuple[float | None, str | None]]:
    image = list(images.every(project.db))[1]
    there = masks.current(project.db, image.id)
    return [(round(mask.score or 0, 6), mask.model) for mask in there if mask.is_suggestion]


def test_confident_masks_that_nobody_made_are_suggested(project: Project, found: list) -> None:
    save(project, "mine", 2, 41)
    told: list[tuple[int, int]] = []
    result = suggest(project, Fake(), progress=lambda done, total: told.append((done, total)))
    assert (result.images, result.masks, result.kept) == (1, 2, 0), "the first image is done"
    assert waiting(project) == [(0.8, "fake"), (0.7, "fake")]
    assert told == [(0, 1), (1, 1)]
    assert next(images.every(project.db)).suggestions == 0


def test_a_second_run_keeps_what_is_open_until_another_version_is_used(project: Project, found: list) -> None:
    assert suggest(project, Fake()).masks == 3
    image = list(images.every(project.db))[1]
    first, second, _ = masks.current(project.db, image.id)
    masks.save(project.db, image.id, replace(first.draft(), deleted=True), seen=1, author="eve")
    masks.save(project.db, image.id, replace(second.draft(), suggested_by=None), seen=1, author="eve")
    assert suggest(project, Fake()).kept == 1
    versions.models_folder(project).mkdir()
    folder = versions.models_folder(project) / "v1"
    folder.mkdir()
    version = versions.Version("v1", 0.0, "compact", "v1", None, 1, 1, {})
    (folder / versions.INFO).write_bytes(versions.to_json(version))
    versions.use(project, "v1")
    found.append((240, 280, 0.95))
    assert suggest(project, Fake()).masks == 2, "neither what was rejected nor what was accepted"
    assert sorted(score for score, _ in waiting(project)) == [0.7, 0.95]
    there = masks.current(project.db, image.id)
    assert {mask.suggested_by for mask in there if mask.is_suggestion} == {AUTOMATIC}


def test_images_that_cannot_be_read(project: Project, found: list) -> None:
    (project.folder / "flower.jpg").write_bytes(b"no image")
    assert suggest(project, Fake()).unreadable == 1


def test_the_least_score(project: Project, found: list) -> None:
    assert suggest(project, Fake(), least=0.75).masks == 2
    with pytest.raises(InputError, match=r"least must be 0 to 1, got 2\. The default is 0.6"):
        suggest(project, Fake(), least=2)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, 0.6),
        ({0.6: 5}, 0.5),
        ({0.6: 4}, 0.7),
        ({0.6: 10, 0.5: 7, 0.4: 4}, 0.5),
        ({0.6: 20, 0.5: 20, 0.4: 20, 0.3: 20, 0.2: 20}, 0.2),
        ({0.6: 0, 0.7: 1, 0.8: 2}, 0.9),
    ],
)
def test_judgements_tell_what_is_worth_suggesting(shares: dict[float, int], expected: float) -> None:
    judged = [(least + 0.05, number < kept) for least, kept in shares.items() for number in range(20)]
    assert confident(judged) == expected
    assert confident(judged[:19]) == 0.6, "too few to tell"


@pytest.mark.parametrize(
    ("shares", "held", "expected"),
    [
        ({}, {0.6: 5}, 0.5),
        ({}, {0.6: 4}, 0.6),
        ({0.6: 4}, {0.6: 5}, 0.5),
        ({0.6: 5}, {0.6: 0, 0.5: 5}, 0.4),
    ],
)
def test_held_back_images_only_lower_the_limit(
    shares: dict[float, int], held: dict[float, int], expected: float
) -> None:
    judged, found = (
        [(least + 0.05, number < kept) for least, kept in some.items() for number in range(20)]
        for some in (shares, held)
    )
    assert confident(judged, found) == expected


def test_automatic_masks_of_held_back_images_are_compared(
    project: Project, found: list, photos: Path, tmp_path: Path
) -> None:
    size = read_image(photos / "cat.jpg").shape[:2]
    true = Masks(size, [rle.encode(bits(size, x0, x1)) for x0, x1 in ((0, 41), (60, 90), (180, 220))])
    found.insert(1, (1, 41, 0.85))
    told: list[tuple[int, int]] = []
    record = Record("cat", photos / "cat.jpg", true, "human", {})
    judged = judge_held(Fake(), [record], progress=lambda done, total: told.append((done, total)))
    assert [one[1] for one in judged] == [True, False, False, False, True], "an object is found once"
    assert judged[0][0] == pytest.approx(0.9)
    assert told == [(0, 1), (1, 1)]
    none = replace(record, masks=Masks(size, []))
    assert not any(accepted for _, accepted in judge_held(Fake(), [none]))


def test_what_held_back_images_tell_is_kept_for_the_version_in_use(project: Project) -> None:
    versions.models_folder(project).mkdir(exist_ok=True)
    assert least_worth(project) == 0.6
    keep_held(project, [(0.65, True)] * 20)
    assert least_worth(project) == 0.5
    file = versions.models_folder(project) / "held-suggestions.json"
    file.write_text(file.read_text().replace("compact", "v1"))
    assert least_worth(project) == 0.6, "of another version"
    file.write_text("{")
    with pytest.raises(FormatError, match=r"held-suggestions.json must be .* Remove it"):
        least_worth(project)


def test_only_what_people_judged_counts(project: Project, found: list) -> None:
    suggest(project, Fake())
    image = list(images.every(project.db))[1]
    accepted, rejected, _ = masks.current(project.db, image.id)
    for mask, draft in (
        (accepted, replace(accepted.draft(), suggested_by=None)),
        (rejected, replace(rejected.draft(), deleted=True)),
    ):
        masks.save(project.db, image.id, draft, seen=mask.revision, author="eve")
    assert sorted(suggestions.judged(project.db)) == [
        (pytest.approx(0.8), False),
        (pytest.approx(0.9), True),
    ]
    suggestions.withdraw(project.db, author="eve")
    assert len(suggestions.judged(project.db)) == 2, "the third was withdrawn"
