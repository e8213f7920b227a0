"""What may be stored, alike in both databases; a migration mends what older versions stored."""

from __future__ import annotations

import io
import json
import math
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import text

from anymask.data_engine.project import (
    Draft,
    Label,
    images,
    labels,
    masks,
    open_database,
    open_project,
    people,
)
from anymask.data_engine.project.checks import is_plain, new_name, plain_text
from anymask.data_engine.project.project import scan
from anymask.data_engine.project.tables import VERSION
from anymask.errors import FormatError, InputError, StoreError
from anymask.geometry import rle


@pytest.mark.parametrize("value", [None, True, 1.5, "é 😀", {"a": [1, {"b": []}]}, 2**53])
def test_plain_json(value) -> None:
    assert is_plain(value)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        {"a": "\ud800"},
        {"\udc00": 1},
        "a\0",
        10**400,
        2**53 + 1,
        json.loads("[" * 40 + "]" * 40),
        [[]] * 100_001,
        {1, 2},
    ],
)
def test_what_is_not_plain(value) -> None:
    assert not is_plain(value)


def test_names() -> None:
    assert plain_text(" a\ud800\x07b\n ") == "ab"
    assert new_name(" ann ") == "ann"
    for wrong in ("", "\n", "x" * 65, "Admin", "LOCAL"):
        with pytest.raises(InputError, match="name must"):
            new_name(wrong)


def test_the_store_refuses_what_it_cannot_give_back(project) -> None:
    [image] = images.listed(project.db)
    given = {"id": "m", "size": image.size, "counts": rle.to_string(rle.encode(np.ones(image.size, bool)))}
    for wrong in ({"score": math.inf}, {"score": math.nan}, {"seconds": math.nan}, {"prompts": "\ud800"}):
        with pytest.raises(FormatError):
            masks.save(project.db, image.id, Draft(**given, **wrong), seen=0, author="me")
        with pytest.raises(FormatError):
            masks.save_all(project.db, image.id, [Draft(**given, **wrong)], author="me")
    assert masks.save(project.db, image.id, Draft(**given, score=1.2), seen=0, author="me").score == 1
    [found] = json.loads(masks.current_json(project.db, image.id))
    assert found["score"] == 1


def test_a_list_in_a_file_is_the_list_in_memory(project) -> None:
    [image] = images.listed(project.db)
    assert masks.size_of_current(project.db, image.id) == 0
    bits = np.zeros(image.size, bool)
    for number in range(4):
        bits[number] = True
        given = {"size": image.size, "counts": rle.to_string(rle.encode(bits)), "prompts": {"a": [0.1, "é"]}}
        draft = Draft(id=f"m{number}", deleted=number == 2, **given)
        masks.save(project.db, image.id, draft, seen=0, author="me")
    file = io.BytesIO()
    masks.write_current(project.db, image.id, file)
    text = masks.current_json(project.db, image.id)
    assert json.loads(file.getvalue()) == json.loads(text)
    assert 0 < masks.size_of_current(project.db, image.id) < len(text)


def test_many_clients_make_labels_at_once(project) -> None:
    def make(number: int) -> dict[str, str]:
        labels.replace(project.db, [Label("c", "c", "#ff0000"), Label(f"l{number}", f"l{number}", "#00ff00")])
        return labels.ensure(project.db, [f"n{number}", "same"])

    with ThreadPoolExecutor(60) as pool:
        assert len(list(pool.map(make, range(60)))) == 60
    labels.ensure(project.db, ["same", "same again"])
    names = [label.name for label in labels.listed(project.db)]
    assert len(names) == len(set(names))


def test_many_clients_add_one_user(project) -> None:
    def add(_: int) -> bool:
        try:
            return bool(people.add(project.db, "ann", "annotator"))
        except InputError:
            return False

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(add, range(20))) == 1
    [ann] = people.listed(project.db)
    assert len(ann.id) == 16


def test_a_migration_mends_what_is_stored(old, url) -> None:
    database = old
    with database.writing() as connection:
        for line in (
            "INSERT INTO people VALUES ('admin', 'annotator', 'a'), ('ann', 'admin', 'b')",
            "INSERT INTO labels VALUES ('c', 'c\x07at', '#ff0000', 0, false)",
            "INSERT INTO labels VALUES ('d', 'cat', '#ff0000', 1, false)",
            "INSERT INTO pictures VALUES ('p', 'p', 'p', NULL, 2, 2, 1, 1, 0, 0, false)",
        ):
            connection.exec_driver_sql(line)
        huge = "9e999" if database.file else "'Infinity'"
        rows = {
            "a": (huge, "NULL"),
            "b": ("1.5", "'[\"\\ud800\"]'"),
            "c": ("0.5", "'[1.5]'"),
            "d": ("-2", "'5'"),
        }
        for id, (score, prompts) in rows.items():
            connection.exec_driver_sql(
                "INSERT INTO revisions (picture_id, id, revision, height, width, counts, score, prompts, "
                "seconds, deleted, author, time) "
                f"VALUES ('p', '{id}', 1, 2, 2, '4', {score}, {prompts}, 0, false, 'me', 1)"
            )
            connection.exec_driver_sql(f"INSERT INTO heads VALUES ('p', '{id}', 1)")
    database.close()
    again = open_database(url)
    found = {mask.id: (mask.score, mask.prompts) for mask in masks.current(again, "p")}
    assert found == {"a": (None, None), "b": (1.0, None), "c": (0.5, [1.5]), "d": (0.0, 5)}
    assert [label.name for label in labels.listed(again)] == ["cat 2", "cat"]
    users = people.listed(again)
    assert [one.name for one in users] == ["admin-2", "ann"]
    assert len({one.id for one in users}) == 2
    with again.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == VERSION
    again.close()


def test_a_full_disk_does_not_prevent_reading(tmp_path, photos, monkeypatch) -> None:
    shutil.copy(photos / "cat.jpg", tmp_path)
    project = open_project(tmp_path)
    list(scan(project))
    [image] = images.listed(project.db)
    given = {"size": image.size, "counts": rle.to_string(rle.encode(np.ones(image.size, bool)))}
    masks.save(project.db, image.id, Draft(id="m", **given), seen=0, author="me")
    project.close()

    class Full(sqlite3.Connection):
        """As on a disk without room for the log."""

        def execute(self, statement: str, *given: object) -> sqlite3.Cursor:
            if statement.startswith("PRAGMA journal_mode"):
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(statement, *given)

    connect = sqlite3.connect
    kinds = {True: sqlite3.Connection, False: Full}
    with monkeypatch.context() as full:
        full.setattr(sqlite3, "connect", lambda *a, **m: connect(*a, **m, factory=kinds["uri" in m]))
        again = open_project(tmp_path)
        assert [mask.id for mask in masks.current(again.db, image.id)] == ["m"]
        with pytest.raises(StoreError, match="read-only"):
            masks.save(again.db, image.id, Draft(id="n", **given), seen=0, author="me")
    masks.save(again.db, image.id, Draft(id="n", **given), seen=0, author="me")
    assert [mask.id for mask in masks.current(again.db, image.id)] == ["m", "n"]
    again.close()
