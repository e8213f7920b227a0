"""The store on SQLite and on PostgreSQL: migrations, revisions, people, and what goes wrong."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import inspect, text

from anymask.data_engine.project import (
    Draft,
    Label,
    images,
    labels,
    masks,
    open_database,
    open_project,
    people,
    statistics,
)
from anymask.data_engine.project.project import scan, upload
from anymask.data_engine.project.tables import METADATA, VERSION
from anymask.errors import (
    ConflictError,
    FormatError,
    ImageWarning,
    InputError,
    MissingExtraError,
    StoreError,
    UnknownNameError,
)
from anymask.geometry import rle


def draft(image, id: str = "m", x: int = 3, **more) -> Draft:
    bits = np.zeros(image.size, bool)
    bits[5:20, x : x + 9] = True
    return Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(bits)), **more)


def test_images_that_need_a_missing_extra_are_left_out_with_a_note(project, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (project.folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    with pytest.warns(ImageWarning, match=r"images are left out: .*\[heic\]"):
        list(scan(project))
    with project.db.reading() as connection:
        assert list(images.by_path(connection)) == ["cat.jpg"]


def test_the_migrations_make_the_tables(url) -> None:
    database = open_database(url)
    found = inspect(database.engine)
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == VERSION
    assert set(found.get_table_names()) == {*METADATA.tables, "alembic_version"}
    for name, table in METADATA.tables.items():
        columns = {column["name"]: column for column in found.get_columns(name)}
        assert set(columns) == set(table.columns.keys())
        for column in table.columns:
            assert columns[column.name]["nullable"] == column.nullable
        made = {
            (one["name"], tuple(one["column_names"])) for one in found.get_indexes(name) if not one["unique"]
        }
        assert made == {(one.name, tuple(column.name for column in one.columns)) for one in table.indexes}
    database.close()


def test_a_database_of_a_newer_version_is_refused(url) -> None:
    database = open_database(url)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(
        StoreError, match=r"must be of this anymask or an older one, .* version 9999\. Upgrade"
    ):
        open_database(url)


def test_opening_again_keeps_everything(project, url) -> None:
    [image] = images.listed(project.db)
    saved = masks.save(project.db, image.id, draft(image, prompts={"box": [1, 2]}), seen=0, author="eve")
    again = open_database(url)
    assert masks.current(again, image.id) == [saved]
    again.close()


def test_revisions_conflicts_and_retries(project) -> None:
    [image] = images.listed(project.db)
    first = masks.save(project.db, image.id, draft(image), seen=0, author="eve")
    assert masks.save(project.db, image.id, draft(image), seen=0, author="bob") == first
    second = masks.save(project.db, image.id, draft(image, x=30, model="abc"), seen=1, author="bob")
    with pytest.raises(ConflictError) as caught:
        masks.save(project.db, image.id, draft(image, x=60), seen=1, author="eve")
    assert caught.value.current == second
    assert masks.history(project.db, image.id, "m") == [first, second]
    assert images.find(project.db, image.id).changes == 2


def test_masks_as_json_are_the_same(project) -> None:
    [image] = images.listed(project.db)
    assert masks.current_json(project.db, image.id) == "[]"
    third = {"score": 1 / 3, "seconds": 0.1, "model": 'a "b" \\ é\n'}
    drafts = [
        draft(image, "z", prompts={"points": [[0.1, 2]], "text": "😀 \\"}),
        draft(image, "b"),
        draft(image, "gone", deleted=True),
        draft(image, "a", x=40, **third),
    ]
    for one in drafts:
        masks.save(project.db, image.id, one, seen=0, author="Zoë")
    masks.save(project.db, image.id, draft(image, "z", x=9, label_id=None), seen=1, author="bob")
    wanted = json.loads(json.dumps([vars(mask) for mask in masks.current(project.db, image.id)]))
    found = json.loads(masks.current_json(project.db, image.id))
    assert [one["id"] for one in found] == ["z", "b", "a"]
    assert found == wanted


def test_old_revisions_do_not_slow_lists(project) -> None:
    if project.db.file is None:
        pytest.skip("PostgreSQL has figures of its own to plan by")
    with project.db.reading() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {masks._AS_JSON}"), {"image": "p"}).all()
    looked_up = [row.detail.partition(" USING")[0] for row in plan if row.detail.startswith("SEARCH")]
    assert looked_up == ["SEARCH heads", "SEARCH mask", "SEARCH first"]
    assert [row.detail.count("=?") for row in plan if "revisions_1" in row.detail] == [3, 3]


def test_of_many_at_once_one_wins(project) -> None:
    [image] = images.listed(project.db)
    gate = threading.Barrier(8)

    def save(number: int) -> bool:
        gate.wait()
        try:
            masks.save(project.db, image.id, draft(image, x=number), seen=0, author=str(number))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(8))) == 1
    assert len(masks.history(project.db, image.id, "m")) == 1
    assert images.count(project.db).items() >= {"images": 1, "annotated": 1, "masks": 1}.items()


def test_work_that_shares_a_transaction_fails_alone(project) -> None:
    [image] = images.listed(project.db)
    gate = threading.Barrier(12)

    def save(number: int) -> bool:
        gate.wait()
        what = draft(image, f"m{number}") if number % 3 else Draft(id="z", size=(1, 1), counts="1")
        try:
            masks.save(project.db, image.id, what, seen=0, author="eve")
        except FormatError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        kept = list(pool.map(save, range(12)))
    assert kept == [bool(number % 3) for number in range(12)]
    assert {mask.id for mask in masks.current(project.db, image.id)} == {
        f"m{number}" for number in range(12) if number % 3
    }
    assert images.find(project.db, image.id).changes == 8


def test_an_archive_of_masks_is_kept_whole_or_not_at_all(project) -> None:
    [image] = images.listed(project.db)
    damaged = Draft(id="z", size=image.size, counts="11")
    with pytest.raises(ValueError, match="counts must sum to"):
        masks.save_all(project.db, image.id, [draft(image), damaged], author="eve")
    assert masks.current(project.db, image.id) == []
    assert masks.save_all(project.db, image.id, [draft(image), draft(image, "n")], author="eve") == 2


def test_statistics(project) -> None:
    [image] = images.listed(project.db)
    labels.replace(project.db, [Label("c", "cat", "#ff0000")])
    masks.save(project.db, image.id, draft(image, seconds=2.0, label_id="c"), seen=0, author="eve")
    found = statistics.collect(project.db)
    assert (found["masks"], found["revisions"], found["seconds"]) == (1, 1, 2.0)
    assert found["by_label"] == [{"name": "cat", "masks": 1, "seconds": 2.0}]


def test_labels_and_people(project) -> None:
    assert labels.replace(project.db, [Label("c", "cat 🐈", "#ff0000")]) == labels.listed(project.db)
    token = people.add(project.db, "eve", "reviewer")
    person = people.by_token(project.db, token)
    assert (person.name, person.role) == ("eve", "reviewer")
    assert people.by_token(project.db, "x") is None
    with pytest.raises(UnknownNameError, match="role must be a known name, got 'revewer'"):
        people.add(project.db, "bob", "revewer")


def test_uploads_and_hashes(project, photos) -> None:
    data = (photos / "coffee.jpg").read_bytes()
    image, new = upload(project, "coffee.jpg", data, 10**8)
    assert new
    assert upload(project, "again.jpg", data, 10**8) == (image, False)
    assert project.sha256(image) in image.path
    list(scan(project))
    assert [one.name for one in images.listed(project.db)] == ["cat.jpg", "coffee.jpg"]


def test_the_scan_leaves_out_hidden_files_and_takes_subfolders(tmp_path, photos) -> None:
    folder = tmp_path / "folder"
    for name in ("a.jpg", ".b.jpg", "sub/c.jpg", ".trash/d.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / "cat.jpg", folder / name)
    opened = open_project(folder)
    list(scan(opened))
    assert sorted(image.name for image in images.listed(opened.db)) == ["a.jpg", "sub/c.jpg"]
    opened.close()


def test_a_file_that_is_no_database(tmp_path) -> None:
    (tmp_path / "a.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match="the file is not a database"):
        open_database(tmp_path / "a.db")


def test_addresses_that_cannot_be_used(tmp_path, monkeypatch) -> None:
    for address in ("mysql://a/b", "postgresql//x://"):
        with pytest.raises(InputError, match="database must be an address"):
            open_database(address)
    with pytest.raises(StoreError, match="the file cannot be opened"):
        open_database(tmp_path / "no" / "a.db")
    pytest.importorskip("psycopg")
    with pytest.raises(
        StoreError,
        match=r"postgresql\+psycopg://me:\*\*\*@/x.* cannot be used: the server cannot be reached",
    ):
        open_database(f"postgresql://me:secret@/x?host={tmp_path}")
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"\[postgres\]"):
        open_database("postgresql://me@/x")


def test_folders_that_are_no_project(tmp_path) -> None:
    with pytest.raises(InputError, match="project must be a folder that exists"):
        open_project(tmp_path / "nope")
    (tmp_path / ".anymask").write_text("in the way")
    with pytest.raises(InputError, match="project must be a folder that can be written to"):
        open_project(tmp_path)


def test_the_time_of_a_mask_that_was_changed_counts_once(project) -> None:
    (image,) = images.listed(project.db)
    for seen, seconds in enumerate((10.0, 16.0, 20.0)):  # a revision holds the time of those before it
        masks.save(project.db, image.id, draft(image, x=seen, seconds=seconds), seen=seen, author="eve")
    found = statistics.collect(project.db)
    assert (found["revisions"], found["seconds"]) == (3, 20.0)
