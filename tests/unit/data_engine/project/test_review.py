"""Review on both databases: states, assignment, tags, comments, attributes, depth; old databases."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anymask.data_engine.project import (
    Attribute,
    Draft,
    Label,
    comments,
    images,
    labels,
    masks,
    open_database,
)
from anymask.data_engine.project import import_export as exchange
from anymask.errors import FormatError, UnknownNameError
from anymask.geometry import rle


@pytest.fixture
def db(project):
    return project.db


@pytest.fixture
def cat(db):
    return images.listed(db)[0]


def drawn(image, id: str = "m", **facts: object) -> Draft:
    bits = np.zeros(image.size, bool)
    bits[:9, :9] = True
    return Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(bits)), **facts)


def shown(db, **how: object) -> list[str]:
    return [one.name for one in images.listed(db, **how)]


def test_an_image_is_done_accepted_returned_and_done_again(db, cat) -> None:
    states = []
    for facts in ({"done": True}, {"review": "accepted"}, {"review": "returned"}, {"done": True}):
        now = images.mark(db, cat.id, **facts)
        states.append((now.done, now.review))
    assert states == [(True, None), (True, "accepted"), (False, "returned"), (True, None)]
    assert shown(db, show="review") == ["cat.jpg"]
    assert shown(db, show="returned") == shown(db, show="accepted") == []
    images.mark(db, cat.id, review="returned")
    assert shown(db, show="returned") == shown(db, show="todo") == ["cat.jpg"]


def test_images_are_found_by_assignee_and_by_whole_tags(db, cat) -> None:
    assert images.mark(db, cat.id, assignee="eve", tags=["50%", "night sky", "night sky"]).tags == (
        "50%",
        "night sky",
    )
    assert shown(db, assignee="eve") == shown(db, tag="night sky") == shown(db, tag="50%") == ["cat.jpg"]
    assert shown(db, assignee="ev") == shown(db, tag="night") == shown(db, tag="%") == []
    assert images.tags_used(db) == ["50%", "night sky"]
    now = images.mark(db, cat.id, assignee="", tags=["a\nb", " "])
    assert (now.assignee, now.tags) == (None, ("ab",))


def test_comments_are_counted_while_they_are_open(db, cat) -> None:
    first = comments.save(db, cat.id, "c1", "The tail\nis missing.", mask_id="m", author="rob")
    assert (
        comments.save(db, cat.id, "c1", "The tail is missing.", mask_id=None, author="eve")
        == (comments.listed(db, cat.id)[0])
    ), "the text is new, the author and the mask are not"
    assert (first.author, comments.listed(db, cat.id)[0].mask_id) == ("rob", "m")
    comments.save(db, cat.id, "c2", "Well done", mask_id=None, author="eve")
    assert images.find(db, cat.id).comments == 2
    assert comments.resolve(db, cat.id, "c1", True).resolved
    assert images.find(db, cat.id).comments == 1
    assert shown(db, show="comments") == ["cat.jpg"]
    comments.remove(db, cat.id, "c2")
    assert shown(db, show="comments") == []
    assert [one.id for one in comments.listed(db, cat.id)] == ["c1"]


@pytest.mark.parametrize("text", ["", " \n\t", "x" * (comments.LONGEST + 1)])
def test_comments_without_words_or_end_are_refused(db, cat, text: str) -> None:
    with pytest.raises(FormatError, match="text must have 1 to 4000 letters"):
        comments.save(db, cat.id, "c", text, mask_id=None, author="rob")
    assert comments.listed(db, cat.id) == []


def test_unknown_comments_and_images_are_named(db, cat) -> None:
    for ask in (
        lambda: comments.resolve(db, cat.id, "no", True),
        lambda: comments.remove(db, cat.id, "no"),
        lambda: comments.listed(db, "no"),
        lambda: comments.save(db, "no", "c", "text", mask_id=None, author="rob"),
    ):
        with pytest.raises(UnknownNameError, match="'no'"):
            ask()


def test_attributes_and_depth_are_part_of_a_revision(db, cat) -> None:
    kinds = (Attribute("occluded", "choice", ("no", "partly")), Attribute("height", "number"))
    labels.replace(db, [Label("a", "tree", "#00ff00", kinds)])
    assert labels.listed(db)[0].attributes == kinds
    facts = {"occluded": "partly", "height": 2.5, "é": True}
    one = drawn(cat, label_id="a", attributes=facts, depth=-1.5)
    kept = masks.save(db, cat.id, one, seen=0, author="eve")
    assert (kept.attributes, kept.depth) == (facts, -1.5)
    (read,) = json.loads(masks.current_json(db, cat.id))
    assert (read["attributes"], read["depth"]) == (facts, -1.5)
    assert masks.save(db, cat.id, one, seen=0, author="eve").revision == 1, "the same again changes nothing"
    again = masks.save(db, cat.id, drawn(cat, label_id="a"), seen=1, author="eve")
    assert (again.revision, again.attributes, again.depth) == (2, None, 0)
    assert masks.history(db, cat.id, "m")[0].attributes == facts


@pytest.mark.parametrize("facts", [{"a": float("nan")}, {"a": ["list"]}, {"\ud800": 1}])
def test_attributes_that_cannot_be_stored_are_refused(db, cat, facts: dict) -> None:
    with pytest.raises(FormatError, match="attributes must be names with"):
        masks.save(db, cat.id, drawn(cat, attributes=facts), seen=0, author="eve")


def test_an_old_database_has_images_without_review_and_masks_without_attributes(old, url) -> None:
    with old.writing() as connection:
        for line in (
            "INSERT INTO pictures VALUES ('p', 'a.png', 'a.png', NULL, 4, 4, 1, 1, 1, 1, false)",
            "INSERT INTO labels VALUES ('l', 'tree', '#00ff00', 0, false)",
            "INSERT INTO heads VALUES ('p', 'm', 1)",
            "INSERT INTO revisions VALUES "
            "('p', 'm', 1, 'l', 4, 4, '4<', NULL, NULL, NULL, 0, false, 'eve', 0)",
        ):
            connection.exec_driver_sql(line)
    old.close()
    now = open_database(url)
    (one,) = images.listed(now)
    assert (one.review, one.assignee, one.tags, one.comments) == (None, None, (), 0)
    (mask,) = masks.current(now, "p")
    assert (mask.attributes, mask.depth, mask.label_id) == (None, 0, "l")
    assert labels.listed(now)[0].attributes == ()
    comments.save(now, "p", "c", "new", mask_id="m", author="rob")
    now.close()


def test_attributes_are_exported_or_told_to_be_lost(project, db, cat, tmp_path) -> None:
    facts = {"occluded": "partly", "height": 2.5}
    masks.save(db, cat.id, drawn(cat, attributes=facts), seen=0, author="eve")
    masks.save(db, cat.id, drawn(cat, id="n"), seen=0, author="eve")
    for format in ("coco", "yolo"):
        (tmp_path / format).mkdir()
    kept = exchange.take(project, "coco", tmp_path / "coco")
    entries = json.loads((tmp_path / "coco" / "annotations.json").read_text())["annotations"]
    assert [entry.get("attributes") for entry in entries] == [facts, None]
    assert "attributes" not in kept.dropped
    assert "attributes" in exchange.take(project, "yolo", tmp_path / "yolo").dropped
