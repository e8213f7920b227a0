"""Manifests: rows, shards, and files that are none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from anymask.data_engine.distributed.listing import open_source
from anymask.data_engine.distributed.manifest import Manifest, Row, hashed, rows_per_shard, write_rows
from anymask.errors import ImageError, InputError


def written(path: Path, count: int) -> list[Row]:
    rows = [Row(f"ä{number}", f"sub/\udcff{number}.jpg", f"{number:064x}", number) for number in range(count)]
    with path.open("wb") as file:
        assert write_rows(file, rows) == count
    return rows


@pytest.mark.parametrize("per_shard", [None, 1, 3, 7, 8])
def test_shards_cover_all_rows_in_order(tmp_path: Path, per_shard: int | None) -> None:
    rows = written(tmp_path / "m", 7)
    manifest = Manifest(tmp_path / "m", per_shard)
    assert manifest.rows == 7
    found = [row for shard in range(len(manifest)) for row in manifest.read(shard)]
    assert found == rows
    assert [manifest.span(shard)[0] for shard in range(len(manifest))] == list(
        range(0, 7, manifest.per_shard)
    )
    assert manifest.span(len(manifest) - 1)[1] == 7


def test_shards_depend_on_the_number_of_images_alone() -> None:
    assert [rows_per_shard(count) for count in (1, 64, 65, 6_400, 10**6, 11 * 10**6)] == [
        1, 1, 2, 100, 512, 512,
    ]  # fmt: skip


@pytest.mark.parametrize("text", [b"", b'{"id": "a"', b'{"id": "a"}\n', b"[1]\n", b"\xff\n"])
def test_files_that_are_no_manifest(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "m").write_bytes(text)
    with pytest.raises(InputError, match="manifest must hold"):
        Manifest(tmp_path / "m").read(0)


@pytest.mark.parametrize("id", ["../a", "", "..", "/etc/passwd"])
def test_ids_never_lead_out_of_the_data_set(tmp_path: Path, id: str) -> None:
    with (tmp_path / "m").open("wb") as file:
        write_rows(file, [Row(id, "a.jpg", "", 0)])
    with pytest.raises(InputError, match="id must be a file name"):
        Manifest(tmp_path / "m").read(0)


def test_hashes_keep_the_order_and_unreadable_images_get_none() -> None:
    def read(path: str):
        if path == "p5":
            raise ImageError("no")
        yield path.encode()

    named = [(f"i{number}", f"p{number}", number) for number in range(100)]
    rows = list(hashed(named, read))
    assert [row.id for row in rows] == [id for id, _, _ in named]
    assert rows[7].sha256 == hashlib.sha256(b"p7").hexdigest()
    assert [row.path for row in rows if not row.sha256] == ["p5"]


def test_a_file_that_a_list_names_twice_is_used_once(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "list.txt").write_text("a.jpg\nb.jpg\na.jpg\ngone.jpg\n")
    told: list[str] = []
    source = open_source(str(tmp_path / "list.txt"), told.append)
    assert list(source.images()) == [("a", "a.jpg", 1), ("b", "b.jpg", 1), ("gone", "gone.jpg", 0)]
    assert told == ["1 lines of list.txt name a file again; it is used once"]


def test_files_whose_names_become_the_same_keep_their_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/b.jpg", "a_b.jpg", "A_B.png", "a.b.jpg", ".hidden.jpg"):
        (tmp_path / name).write_bytes(b"x")
    found = [(id, path) for id, path, _ in open_source(str(tmp_path)).images()]
    assert len({id.casefold() for id, _ in found}) == 4
    assert sorted(path for _, path in found) == ["A_B.png", "a.b.jpg", "a/b.jpg", "a_b.jpg"]


def test_a_source_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source must hold images, got none in"):
        list(open_source(str(tmp_path)).images())
