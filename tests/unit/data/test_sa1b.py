"""A made-up SA-1B: opened without unpacking, queried, its index kept up to date."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.data import open_dataset
from anymask.data import sa1b as module
from anymask.data.sa1b import INDEX, parse_query
from anymask.data.shards import TarPairs
from anymask.data.summary import check, stats
from anymask.data.synthetic import shapes
from anymask.errors import FormatError, InputError, UnknownNameError
from anymask.formats import sa1b


def write_shard(path: Path, numbers: range) -> None:
    """A shard as SA-1B has it: `./sa_1.jpg` and `./sa_1.json`, ids counting from 1."""
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            record = shapes(np.random.default_rng(number), (48, 64), 4)
            document = sa1b.to_document(record)
            document["image"] |= {"image_id": number, "file_name": f"sa_{number}.jpg"}
            for place, entry in enumerate(document["annotations"]):
                entry |= {"predicted_iou": 0.9 + 0.02 * place, "stability_score": 0.95, "id": 1000 + place}
            picture = io.BytesIO()
            Image.fromarray(record.read()).save(picture, "jpeg")
            for suffix, data in ((".jpg", picture.getvalue()), (".json", json.dumps(document).encode())):
                info = tarfile.TarInfo(f"./sa_{number}{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shards of three images."""
    place = tmp_path / "sa1b"
    place.mkdir()
    write_shard(place / "sa_000000.tar", range(1, 4))
    write_shard(place / "sa_000001.tar", range(4, 7))
    return place


def test_it_is_the_data_set_in_its_shards(folder: Path) -> None:
    plain, found = open_dataset(folder), open_dataset(f"sa1b:{folder}")
    assert (found.name, len(found), found.source.ids[4]) == ("sa1b", 6, "sa_5")
    assert list(found.source.ids) == list(plain.source.ids)
    for index in (5, 0, 3):
        assert np.array_equal(found[index].read(), plain[index].read())
        assert found.image_bytes(index) == plain.image_bytes(index)
        assert json.dumps(sa1b.to_document(found[index])) == json.dumps(sa1b.to_document(plain[index]))
    assert found.annotation(2).masks.size == (48, 64)
    assert stats(found).masks == stats(plain).masks
    assert check(found).sound


def test_the_index_is_read_instead_of_the_headers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_dataset(f"sa1b:{folder}")
    assert sorted(path.name for path in (folder / INDEX).iterdir()) == ["sa_000000.npz", "sa_000001.npz"]

    def never(*words: object) -> TarPairs:
        raise AssertionError("the headers are read again")

    monkeypatch.setattr(module, "TarPairs", never)
    again = open_dataset(f"sa1b:{folder}")
    assert list(again.source.ids) == list(first.source.ids)
    assert np.array_equal(again[4].read(), first[4].read())


@pytest.mark.parametrize("damage", ["changed shard", "torn index", "foreign index", "read-only folder"])
def test_an_index_that_is_of_no_use_is_made_anew(
    folder: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_dataset(f"sa1b:{folder}")
    index = folder / INDEX / "sa_000000.npz"
    if damage == "changed shard":
        write_shard(folder / "sa_000000.tar", range(11, 16))
        os.utime(folder / "sa_000000.tar", ns=(1, 1))
    elif damage == "torn index":
        index.write_bytes(index.read_bytes()[:100])
    elif damage == "foreign index":
        np.savez(index, key=np.array([object()]))
    else:
        index.unlink()

        def refuse(*words: object, **more: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(module, "staged", refuse)
    found = open_dataset(f"sa1b:{folder}")
    assert len(found) == (8 if damage == "changed shard" else 6)
    assert check(found).sound


def test_queries(folder: Path) -> None:
    def masks(query: str) -> list[tuple[str, int]]:
        return [(record.id, len(record.masks)) for record in open_dataset(f"sa1b:{folder}?{query}")]

    every = masks("")
    assert [id for id, _ in masks("shards=1")] == ["sa_4", "sa_5", "sa_6"]
    assert masks("shards=0-1") == every
    drawn = masks("images=3&seed=1")
    assert len(drawn) == 3
    assert set(drawn) < set(every)
    assert drawn == masks("images=3&seed=1") != masks("images=3&seed=2")
    assert masks("images=99") == every
    assert {count for _, count in masks("min_score=0.95")} <= {0, 1}
    assert {count for _, count in masks("min_stability=0.96")} == {0}
    assert sum(count for _, count in masks("min_area=99999")) == 0
    assert sum(count for _, count in masks("max_cover=0")) == 0
    kept = [record.meta.get("ids") for record in open_dataset(f"sa1b:{folder}?min_score=0.95")]
    assert [1003] in kept, "metadata follows the masks"


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        (
            "shard=1",
            UnknownNameError,
            "a query must be a known name, got 'shard'. Did you mean 'shards'",
        ),
        ("shards=a", InputError, "shards must be FIRST-LAST, got 'a'"),
        ("images=0", InputError, "images must be a number, got '0'"),
        ("min_score=high", InputError, "min_score must be a number, got 'high'"),
        ("max_cover=-1", InputError, "max_cover must be a number, got '-1'"),
        ("shards=7-9", FormatError, "a folder with SA-1B's shards sa_000000.tar, ..., got .* without these"),
    ],
)
def test_queries_that_cannot_be_used(folder: Path, query: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open_dataset(f"sa1b:{folder}?{query}")


def test_folders_that_are_not_sa1b(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FormatError, match=r"without any. Get them with: anymask data get sa1b"):
            open_dataset(f"sa1b:{place}")


def test_an_unpacked_folder(folder: Path, tmp_path: Path) -> None:
    with tarfile.open(folder / "sa_000001.tar") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert list(open_dataset(f"sa1b:{tmp_path / 'unpacked'}").source.ids) == ["sa_4", "sa_5", "sa_6"]


def test_a_torn_shard_is_a_fault_of_its_own(folder: Path) -> None:
    shard = folder / "sa_000001.tar"
    shard.write_bytes(shard.read_bytes()[:6_000])
    found = open_dataset(f"sa1b:{folder}")
    assert len(found.faults) > 0
    assert {"sa_1", "sa_2", "sa_3"} <= {record.id for record in found}
    assert not (folder / INDEX / "sa_000001.npz").exists()


def test_a_query_has_defaults() -> None:
    assert parse_query("") == module.Query()
