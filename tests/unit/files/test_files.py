"""Files are whole or not there."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from anymask import files
from anymask.errors import OutputError
from anymask.files import check_target, folders, locked, remove_partial, staged, write_atomic


def test_writes_and_leaves_nothing_else(tmp_path):
    target = write_atomic(tmp_path / "a.bin", b"one")
    assert target.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks")
def test_a_lock_on_a_file_or_a_folder_is_one_s_own(tmp_path):
    for place in (tmp_path, tmp_path / "new.lock"):
        with locked(place) as ours, locked(place, wait=False) as second:
            assert (ours, second) == (True, False)
        with locked(place, wait=False) as again:
            assert again


def test_an_existing_file_stays_without_force(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"output must be a new file, got .*a, which exists\. Add --force"):
        write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    write_atomic(tmp_path / "a", b"new", force=True)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_force_keeps_the_mode(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o600)
    write_atomic(tmp_path / "a", b"new", force=True)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_missing_folder(tmp_path):
    with pytest.raises(
        OutputError, match=r"must lie in a folder that exists, got .*Make the folder .*no first"
    ):
        write_atomic(tmp_path / "no" / "a", b"")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OutputError, match=r"output must be a file, got the folder .*Add a file name"):
        check_target(tmp_path, force=True)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(
        OutputError, match=r"must be writable, got .*No space left on device.*Choose another place"
    ):
        write_atomic(tmp_path / "a", b"new", force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("fail", "kind", "words"),
    [
        (
            lambda new, tmp: (new / "no" / "a").write_bytes(b""),
            OutputError,
            r"must be writable, got .*out \(No such",
        ),
        (lambda new, tmp: raise_error(OSError(28, "No space left on device")), OutputError, "No space left"),
        (lambda new, tmp: (tmp / "source.jpg").read_bytes(), FileNotFoundError, r"source\.jpg"),
        (lambda new, tmp: raise_error(ConnectionResetError("gone")), ConnectionResetError, "gone"),
    ],
)
def test_only_errors_of_writing_are_the_output_s(fail, kind, words, tmp_path):
    def work():
        with staged(tmp_path / "out", may_replace=lambda name: True) as new:
            new.mkdir()
            fail(new, tmp_path)

    with pytest.raises(kind, match=words):
        work()
    assert not list(tmp_path.iterdir())


def test_a_stage_that_cannot_take_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: raise_error(OSError(30, "Read-only file system")))
    with (
        pytest.raises(OutputError, match=r"must be writable, got .*Read-only"),
        staged(tmp_path / "a") as new,
    ):
        new.write_bytes(b"new")
    assert not list(tmp_path.iterdir())


def raise_error(error):
    raise error


@pytest.mark.parametrize("name", ["a", "old", "clip.mp4"])
def test_a_stage_has_the_name_of_its_target(tmp_path, name):
    (tmp_path / "sets").mkdir()
    for content in (b"1", b"2"):
        with staged(tmp_path / name, force=True) as new:
            assert new.name == name
            new.write_bytes(content)
    assert (tmp_path / name).read_bytes() == b"2"
    for content in (b"1", b"2"):
        with staged(tmp_path / "sets" / name, force=True, may_replace=lambda name: True) as new:
            new.mkdir()
            (new / "file").write_bytes(content)
    assert (tmp_path / "sets" / name / "file").read_bytes() == b"2"


def test_what_killed_writes_left_is_removed(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/.a.jpg.x1.part").write_bytes(b"half")
    (tmp_path / ".state.pt.x2.part").mkdir()
    (tmp_path / ".state.pt.x2.part/state.pt").write_bytes(b"half")
    (tmp_path / "b.part").write_bytes(b"another program's")
    remove_partial(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b.part", "sub"]


def test_long_names(tmp_path):
    write_atomic(tmp_path / ("x" * 250), b"long")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("place", "platform", "variable", "tail"),
    [
        (files.cache_dir, "linux", "XDG_CACHE_HOME", "anymask"),
        (files.cache_dir, "win32", "LOCALAPPDATA", "anymask"),
        (files.cache_dir, "darwin", None, "Library/Caches/anymask"),
        (files.data_dir, "linux", None, ".local/share/anymask"),
        (files.data_dir, "win32", "APPDATA", "anymask"),
        (files.data_dir, "darwin", None, "Library/Application Support/anymask"),
    ],
)
def test_our_folders_follow_the_system(place, platform, variable, tail, tmp_path, monkeypatch):
    for name in ("ANYMASK_CACHE", "ANYMASK_DATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(folders.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    assert place() == tmp_path / tail


def test_our_folders_can_be_set(tmp_path, monkeypatch):
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("ANYMASK_DATA", str(tmp_path / "b"))
    assert (files.cache_dir(), files.data_dir()) == (tmp_path / "a", tmp_path / "b")
