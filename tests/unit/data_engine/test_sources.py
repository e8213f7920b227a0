"""Images of folders and lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from anymask.data_engine.sources import find_items
from anymask.errors import InputError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_a_folder_gives_its_images_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "sub/a.png", "notes.txt", ".hidden.png", ".cache/x.png", "sub_a.tif")
    found = find_items(tmp_path)
    assert [item.id for item in found] == ["a", "b", "sub_a", "sub_a-2"]
    assert [item.path.relative_to(tmp_path).as_posix() for item in found] == [
        "a.png", "b.JPG", "sub/a.png", "sub_a.tif",
    ]  # fmt: skip


def test_hidden_files_do_not_count_and_subfolders_do(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", ".b.jpg", "sub/c.jpg")
    assert [item.id for item in find_items(tmp_path)] == ["a", "sub_c"]


def test_names_differ_by_more_than_case(tmp_path: Path) -> None:
    touch(tmp_path, "A.png", "a.png", "a-2.png")
    ids = [item.id for item in find_items(tmp_path)]
    assert len({id.casefold() for id in ids}) == 3


def test_a_list_is_taken_in_its_order_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# mine\nz.png\n\n  sub/z.png  \n/far/y.png\nz.png\n")
    told: list[str] = []
    found = find_items(tmp_path / "list.txt", note=told.append)
    assert [item.id for item in found] == ["z", "z-2", "y"]
    assert told == ["1 lines of list.txt name a file again; it is used once"]
    assert [item.path for item in found] == [tmp_path / "z.png", tmp_path / "sub/z.png", Path("/far/y.png")]


def test_nothing_to_look_at(tmp_path: Path) -> None:
    touch(tmp_path, "notes.md")
    with pytest.raises(InputError, match=r"source must hold images, got none in .*\. Known suffixes: .jpg"):
        find_items(tmp_path)
    with pytest.raises(InputError, match="source must be a folder or a list that exists, got nowhere"):
        find_items("nowhere.txt")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="source must be a folder or a text file"):
        find_items(tmp_path / "bad.txt")


def test_a_list_with_a_byte_order_mark(tmp_path):
    (tmp_path / "list.txt").write_bytes("\ufeffz.png\r\nünï.png\r\n".encode())
    assert [item.path.name for item in find_items(tmp_path / "list.txt")] == ["z.png", "ünï.png"]
