"""Backups: everything comes back, from and to both databases; nothing is overwritten, damage is named."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from anymask.cli import main
from anymask.data_engine.project import (
    Attribute,
    Draft,
    Label,
    comments,
    images,
    labels,
    masks,
    open_project,
    people,
)
from anymask.data_engine.project.backup import backup, restore
from anymask.data_engine.project.project import scan, upload
from anymask.errors import FormatError, InputError, OutputError
from anymask.geometry import rle


@pytest.fixture
def worked(project):
    """A project with a mask of two revisions, a comment, a label, a user and an upload."""
    db = project.db
    labels.replace(db, [Label("l", "cat", "#00ff00", (Attribute("note", "text"),))])
    upload(project, "more.jpg", (project.folder / "cat.jpg").read_bytes() + b"\0", 10**8)
    cat = next(one for one in images.listed(db) if one.name == "cat.jpg")
    total = cat.width * cat.height
    for seen, name in enumerate(("eve", "bob")):
        counts = rle.to_string(rle.from_coco({"size": cat.size, "counts": [seen, 5, total - 5 - seen]})[0])
        draft = Draft(id="m", size=cat.size, counts=counts, label_id="l", attributes={"note": "é"}, depth=2.5)
        masks.save(db, cat.id, draft, seen=seen, author=name)
    comments.save(db, cat.id, "c", "Fine.", mask_id="m", author="rob")
    people.add(db, "ann", "annotator")
    return project


def contents(project) -> dict:
    db = project.db
    found = images.listed(db)
    return {
        "images": found,
        "labels": labels.listed(db),
        "people": people.listed(db),
        "comments": [comments.listed(db, one.id) for one in found],
        "masks": [masks.current(db, one.id) for one in found],
        "history": masks.history(db, next(one.id for one in found if one.masks), "m"),
        "uploads": sorted(file.name for file in project.uploads.iterdir()),
    }


def test_all_comes_back_and_the_images_find_their_masks(worked, tmp_path: Path) -> None:
    counts = backup(worked, tmp_path / "a.zip")
    assert (counts.revisions, counts.uploads) == (2, 1)
    place = tmp_path / "new"
    place.mkdir()
    shutil.copy2(worked.folder / "cat.jpg", place)
    assert restore(tmp_path / "a.zip", place) == counts
    again = open_project(place)
    list(scan(again))
    assert contents(again) == contents(worked)
    again.close()


def test_a_project_moves_to_another_database(worked, tmp_path: Path, url: str, request) -> None:
    backup(worked, tmp_path / "a.zip")
    with pytest.raises(InputError, match="database must be empty"):
        restore(tmp_path / "a.zip", tmp_path / "new", url)
    assert not list((tmp_path / "new").rglob("*.db"))


def test_nothing_is_overwritten(worked, tmp_path: Path) -> None:
    backup(worked, tmp_path / "a.zip")
    with pytest.raises(OutputError, match="--force"):
        backup(worked, tmp_path / "a.zip")
    assert backup(worked, tmp_path / "a.zip", force=True).revisions == 2
    restore(tmp_path / "a.zip", tmp_path / "new")
    with pytest.raises(InputError, match="must not be a project yet"):
        restore(tmp_path / "a.zip", tmp_path / "new")


@pytest.mark.parametrize("kind", ["text", "empty", "other", "path", "cut", "database"])
def test_what_is_no_backup_is_refused(worked, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.zip"
    backup(worked, file)
    data = file.read_bytes()
    if kind == "text":
        file.write_text("no zip")
    elif kind == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        with zipfile.ZipFile(file, "w") as archive:
            if kind == "path":
                archive.writestr("project.db", b"")
                archive.writestr("images/../../evil.sh", b"")
            elif kind == "other":
                archive.writestr("readme.txt", b"")
            elif kind == "database":
                archive.writestr("project.db", b"SQLite format 3\0" + bytes(100))
    with pytest.raises(FormatError, match="Give a file that anymask backup wrote"):
        restore(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_commands(worked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = ["--database", worked.db.url.render_as_string(hide_password=False)]
    assert main(["backup", str(worked.folder), "-o", str(tmp_path / "a.zip"), *address]) == 0
    assert main(["restore", str(tmp_path / "a.zip"), str(tmp_path / "new")]) == 0
    assert "2 revisions, 1 uploaded images" in capsys.readouterr().out
    assert main(["restore", str(tmp_path / "a.zip"), str(tmp_path / "new")]) == 2
