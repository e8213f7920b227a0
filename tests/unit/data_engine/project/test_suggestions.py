"""Suggestions: found by a search, accepted or rejected by a user, replaced by the next search."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from anymask.data_engine.project import Draft, images, masks, open_database, open_project, suggestions
from anymask.data_engine.project import import_export as exchange
from anymask.data_engine.project.project import scan, upload
from anymask.errors import FormatError
from anymask.geometry import rle


@pytest.fixture
def project(url, tmp_path, photos):
    place = tmp_path / "photos"
    place.mkdir()
    for name in ("cat.jpg", "coffee.jpg", "flower.jpg"):
        shutil.copy(photos / name, place)
    opened = open_project(place, url)
    list(scan(opened))
    yield opened
    opened.close()


def draft(image, id: str, x: int = 3, **more) -> Draft:
    bits = np.zeros(image.size, bool)
    bits[5:20, x : x + 9] = True
    return Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(bits)), **more)


def open_ones(project, image) -> list[str]:
    return sorted(mask.id for mask in masks.current(project.db, image.id) if mask.is_suggestion)


def test_suggestions_are_counted_apart_and_accepted_by_a_save(project) -> None:
    cat, coffee, _ = images.listed(project.db)
    new = suggestions.replace(
        project.db,
        "example",
        {cat.id: [draft(cat, "a"), draft(cat, "b", 40)], coffee.id: [draft(coffee, "c")]},
        author="eve",
    )
    assert new == {cat.id: 2, coffee.id: 1}
    assert (images.count(project.db)["masks"], images.count(project.db)["suggestions"]) == (0, 3)
    assert [one.id for one in images.listed(project.db, show="suggestions")] == [cat.id, coffee.id]
    masks.save(project.db, cat.id, draft(cat, "a"), seen=1, author="bob")
    kept = images.find(project.db, cat.id)
    assert (kept.masks, kept.suggestions) == (1, 1)
    assert next(exchange.records(project)).id == "cat"
    assert [len(one.masks) for one in exchange.records(project)] == [1]
    assert [len(one.masks) for one in exchange.records(project, suggestions=True)] == [2, 1]


def test_a_second_search_replaces_its_own_open_suggestions_only(project) -> None:
    cat, coffee, _ = images.listed(project.db)
    masks.save(project.db, cat.id, draft(cat, "mine", 90), seen=0, author="bob")
    first = {cat.id: [draft(cat, "a"), draft(cat, "b", 40)], coffee.id: [draft(coffee, "c")]}
    suggestions.replace(project.db, "one", first, author="eve")
    suggestions.replace(project.db, "two", {coffee.id: [draft(coffee, "d", 60)]}, author="eve")
    rejected = draft(cat, "b", 40, deleted=True, suggested_by="one")
    masks.save(project.db, cat.id, rejected, seen=1, author="bob")
    again = {
        cat.id: [draft(cat, "e", 3), draft(cat, "f", 40), draft(cat, "g", 90), draft(cat, "h", 150)],
    }
    assert suggestions.replace(project.db, "one", again, author="eve") == {cat.id: 2}
    assert open_ones(project, cat) == ["e", "h"], "the rejected one and the mask are not suggested again"
    assert open_ones(project, coffee) == ["d"], "another search keeps its own"
    assert images.find(project.db, cat.id).masks == 1


def test_all_of_a_search_can_be_taken_back(project) -> None:
    cat, coffee, _ = images.listed(project.db)
    found = {cat.id: [draft(cat, "a")], coffee.id: [draft(coffee, "c")]}
    suggestions.replace(project.db, "one", found, author="eve")
    masks.save(project.db, cat.id, draft(cat, "a"), seen=1, author="eve")
    assert suggestions.replace(project.db, "one", {}, author="eve") == {}
    assert (images.count(project.db)["masks"], images.count(project.db)["suggestions"]) == (1, 0)
    found = {coffee.id: [draft(coffee, "d")]}
    assert suggestions.replace(project.db, "one", found, author="eve"), "withdrawn is not rejected"
    assert suggestions.withdraw(project.db, author="eve") == 1
    assert images.count(project.db)["suggestions"] == 0


def test_one_that_does_not_fit_changes_nothing(project) -> None:
    cat, coffee, _ = images.listed(project.db)
    suggestions.replace(project.db, "one", {cat.id: [draft(cat, "a")]}, author="eve")
    wrong = {coffee.id: [Draft(id="b", size=(1, 1), counts="1")]}
    with pytest.raises(FormatError):
        suggestions.replace(project.db, "one", wrong, author="eve")
    assert open_ones(project, cat) == ["a"]


def test_images_are_found_by_name_and_state(project) -> None:
    cat, coffee, flower = images.listed(project.db)
    masks.save(project.db, cat.id, draft(cat, "a"), seen=0, author="eve")
    images.mark(project.db, coffee.id, done=True)
    images.mark(project.db, flower.id, removed=True)

    def names(**how) -> list[str]:
        return [one.name for one in images.listed(project.db, **how)]

    assert names() == ["cat.jpg", "coffee.jpg"]
    assert names(search="CAT") == ["cat.jpg"]
    assert names(search="%") == []
    assert (names(show="todo"), names(show="done")) == (["cat.jpg"], ["coffee.jpg"])
    assert names(show="empty") == ["coffee.jpg"]
    assert [one.id for one in exchange.records(project)] == ["cat", "coffee"], "done: nothing is there"
    back, new = upload(project, "f.jpg", (project.folder / "flower.jpg").read_bytes(), 10**8)
    assert (back.removed, new) == (False, True)


def test_a_removed_upload_comes_back_with_its_masks(project) -> None:
    data = (project.folder / "cat.jpg").read_bytes() + b"\0"
    one, _ = upload(project, "u.jpg", data, 10**8)
    masks.save(project.db, one.id, draft(one, "a"), seen=0, author="eve")
    images.mark(project.db, one.id, removed=True)
    again, new = upload(project, "u.jpg", data, 10**8)
    assert (again.id, new, again.removed, again.masks) == (one.id, False, False, 1)


def test_files_that_cannot_be_read_are_named(project) -> None:
    (project.folder / "broken.jpg").write_bytes(b"no image")
    named: list[str] = []
    list(scan(project, named.append))
    assert named == ["broken.jpg"]


def test_masks_stored_before_are_masks_after_the_migration(old, url) -> None:
    with old.writing() as connection:
        for line in (
            "INSERT INTO pictures VALUES ('p', 'a.png', 'a.png', NULL, 4, 4, 1, 1, 1, 1, false)",
            "INSERT INTO heads VALUES ('p', 'm', 1)",
            "INSERT INTO revisions VALUES "
            "('p', 'm', 1, NULL, 4, 4, '4<', NULL, NULL, NULL, 0, false, 'eve', 0)",
        ):
            connection.exec_driver_sql(line)
    old.close()
    again = open_database(url)
    assert [mask.is_mask for mask in masks.current(again, "p")] == [True]
    (one,) = images.listed(again)
    assert (one.suggestions, one.done, one.removed) == (0, False, False)
    again.close()
