"""Copies of images for a second annotator, on both databases, and their comparison."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.data_engine.project import Draft, agreement, images, masks
from anymask.data_engine.project import import_export as exchange
from anymask.data_engine.project.project import scan
from anymask.errors import InputError
from anymask.geometry import rle


def square(image, id: str, x: int, side: int = 20, **facts: object) -> Draft:
    bits = np.zeros(image.size, bool)
    bits[:side, x : x + side] = True
    return Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(bits)), **facts)


@pytest.fixture
def pair(project):
    """An image with two masks, and a copy of it for eve."""
    image = images.listed(project.db)[0]
    for id, x in (("a", 0), ("b", 100)):
        masks.save(project.db, image.id, square(image, id, x), seen=0, author="ann")
    images.mark(project.db, image.id, assignee="ann")
    return image, agreement.give(project.db, image.id, "eve")


def test_a_copy_has_the_pixels_and_no_masks(project, pair) -> None:
    image, copy = pair
    assert (copy.masks, copy.size, copy.assignee, copy.done) == (0, image.size, "eve", False)
    assert project.file(copy) == project.file(image)
    list(scan(project))  # a copy is no missing file
    assert not images.find(project.db, copy.id).missing
    assert [record.meta["file_name"] for record in exchange.records(project, every=True)].count(
        copy.name
    ) == 1


def test_masks_are_paired_once_and_counted(project, pair) -> None:
    image, copy = pair
    db = project.db
    for id, x in (("a", 5), ("c", 0), ("d", 300)):  # c lies on a as well, and fits it better
        masks.save(db, copy.id, square(image, id, x), seen=0, author="eve")
    found = agreement.compare(db, copy.id)
    assert (found.matched, found.only_image, found.only_copy, found.same_label) == (1, 1, 2, 1)
    assert found.mean_iou == 1
    assert not found.known
    assert agreement.scores([found]) == []


def test_a_copy_of_an_accepted_image_scores_its_user(project, pair) -> None:
    image, copy = pair
    db = project.db
    images.mark(db, image.id, review="accepted")
    assert agreement.scores(agreement.compare_all(db)) == []  # nothing is done yet
    masks.save(db, copy.id, square(image, "a", 5), seen=0, author="eve")
    masks.save(db, copy.id, square(image, "s", 100, suggested_by="x"), seen=0, author="eve")  # no mask yet
    [score] = agreement.scores(agreement.compare_all(db))
    assert (score.name, score.images, score.found, score.missed, score.extra) == ("eve", 1, 1, 1, 0)
    assert score.mean_iou == pytest.approx(15 / 25)
    images.mark(db, copy.id, removed=True)
    assert agreement.compare_all(db) == []


def test_annotators_see_one_of_an_image_and_its_copies(project, pair) -> None:
    image, copy = pair

    def seen(viewer: str | None) -> set[str]:
        return {one.id for one in images.listed(project.db, viewer=viewer) if one.name == image.name}

    assert (seen("ann"), seen("eve"), seen("ben")) == ({image.id}, {copy.id}, {image.id})
    assert seen(None) == {image.id, copy.id}
    assert images.is_hidden(project.db, image.id, "eve")
    assert not images.is_hidden(project.db, image.id, "ann")


def test_nobody_gets_an_image_twice_and_copies_are_not_copied(project, pair) -> None:
    image, copy = pair
    for name in ("ann", "eve"):
        with pytest.raises(InputError, match=f"assignee must be another user, got '{name}'"):
            agreement.give(project.db, image.id, name)
    with pytest.raises(InputError, match="image must be no copy"):
        agreement.give(project.db, copy.id, "ben")
    with pytest.raises(InputError, match="image must be a copy"):
        agreement.compare(project.db, image.id)
