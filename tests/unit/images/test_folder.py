"""Which files of a folder are images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anymask.images.folder import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_video, list_files, list_folders, modified


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def listed(folder: Path, **options) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_files(folder, **options)]


def test_visible_images_of_the_folder_and_its_subfolders_count(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", ".b.jpg", "sub/c.jpg", "sub/.d/e.jpg", "notes.txt", "F.JPG", "film.mp4")
    (tmp_path / "folder.png").mkdir()
    assert listed(tmp_path) == ["F.JPG", "a.jpg", "sub/c.jpg"]
    both = listed(tmp_path, suffixes=(*IMAGE_SUFFIXES, *VIDEO_SUFFIXES))
    assert both == ["F.JPG", "a.jpg", "film.mp4", "sub/c.jpg"]
    assert [is_video(Path(name)) for name in both] == [False, False, True, False]


def test_photos_and_scans_that_need_an_extra_are_images_too(tmp_path: Path) -> None:
    touch(tmp_path, "a.heic", "b.HEIF", "c.avif", "d.dcm", "e.nii.gz")
    assert listed(tmp_path) == ["a.heic", "b.HEIF", "c.avif", "d.dcm"]


def test_a_hidden_folder_may_be_the_one_that_is_named(tmp_path: Path) -> None:
    touch(tmp_path, ".hidden/a.jpg")
    assert listed(tmp_path / ".hidden") == ["a.jpg"]


def test_links_to_files_count_and_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "sub" / "a.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert listed(tmp_path) == ["link.jpg", "sub/a.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_folders_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "locked/b.jpg")
    (tmp_path / "locked").chmod(0)
    errors: list[OSError] = []
    assert listed(tmp_path, on_error=errors.append) == ["a.jpg"]
    (tmp_path / "locked").chmod(0o755)
    assert [str(error.filename) for error in errors] == [str(tmp_path / "locked")]


def test_a_folder_is_modified_when_files_come_or_go(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "sub/deep/b.jpg", ".hidden/c.jpg")
    folders = list_folders(tmp_path)
    assert folders == [tmp_path, tmp_path / "sub", tmp_path / "sub" / "deep"]
    for folder in folders:
        os.utime(folder, (1, 1))
    before = modified(folders)
    assert before == dict.fromkeys(folders, 1_000_000_000)
    touch(tmp_path, "sub/deep/d.jpg")
    after = modified(folders)
    assert [folder for folder in folders if before[folder] != after[folder]] == [tmp_path / "sub" / "deep"]
    assert modified([tmp_path / "none"]) == {tmp_path / "none": 0}
