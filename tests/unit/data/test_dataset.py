from __future__ import annotations

import json
import pickle
import threading

import cv2
import numpy as np
import pytest

from anymask.data.dataset import Faults, open_dataset
from anymask.data.parse import decode_image, decode_rgba
from anymask.errors import FormatError, ImageError


def same(found, expected) -> None:
    assert found.masks.size == expected.masks.size
    assert (found.masks.dense() == expected.masks.dense()).all()
    assert np.abs(found.read().astype(int) - expected.read()).mean() < 12


def test_shards_are_read_by_position(shard, records):
    train = open_dataset(shard, split="train")
    assert (train.name, len(train), len(train.faults)) == ("toy", 4, 0)
    for index in (3, 0, 2):
        same(train[index], records[index])
    assert train[1].id == "train-1"
    assert train[1].meta["dataset"] == "shapes"
    assert train[1].meta["kinds"] == ["instance"] * len(records[1].masks)
    assert list(train[1].meta["categories"]) == ["shape"] * len(records[1].masks)


def test_a_file_a_glob_and_a_whole_folder(shard):
    assert len(open_dataset(shard / "val-000000.tar")) == 2
    assert open_dataset(shard / "val-000000.tar").name == "toy"
    assert len(open_dataset(str(shard / "tr*.tar"))) == 4
    assert len(open_dataset(shard)) == 6
    assert open_dataset(shard, name="mine").name == "mine"


def test_index_out_of_range(shard):
    with pytest.raises(IndexError, match="index must be 0 to 5, got 6"):
        open_dataset(shard)[6]


def test_ignore_and_kinds_come_from_the_annotation(tmp_path, records, pair, write_tar):
    files = pair("a", records[0])
    document = json.loads(files["a.json"])
    document["annotations"][0] |= {"kind": "part", "category": "wheel"}
    document["ignore"] = document["annotations"][1]["segmentation"]
    dataset = open_dataset(write_tar(tmp_path / "a.tar", files | {"a.json": json.dumps(document).encode()}))
    record = dataset[0]
    assert record.meta["kinds"][:2] == ["part", "instance"]
    assert record.meta["categories"][0] == "wheel"
    assert (record.ignore == record.masks.rles[1]).all()


def test_shards_can_be_shared(shard, records):
    dataset = pickle.loads(pickle.dumps(open_dataset(shard, split="train")))
    found: dict[int, object] = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: dataset[i % 4]})) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, record in found.items():
        same(record, records[index % 4])


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda files: files.update({"b.jpg": files["b.jpg"][:-200]}), "truncated"),
        (lambda files: files.update({"b.jpg": b""}), "no bytes"),
        (lambda files: files.update({"b.jpg": b"text"}), "which is none"),
        (lambda files: files.update({"b.json": b"{"}), "must be a complete JSON file"),
        (lambda files: files.update({"b.json": b"[]"}), "JSON object"),
        (lambda files: files.update({"b.json": b"{}"}), "image"),
        (lambda files: files.update({"b.json": files["b.json"].replace(b"counts", b"coun")}), "counts"),
    ],
)
def test_damaged_items_are_told_once_and_passed_over(tmp_path, records, pair, write_tar, damage, word):
    files = pair("a", records[0]) | pair("b", records[1]) | pair("c", records[2])
    damage(files)
    told: list[tuple[str, str]] = []
    dataset = open_dataset(
        write_tar(tmp_path / "bad.tar", files), on_error=lambda item, error: told.append((item, str(error)))
    )
    assert [record.id for record in dataset] == ["a", "c"]
    assert [record.id for record in dataset] == ["a", "c"]
    assert len(told) == len(dataset.faults) == 1
    assert told[0][0] == "b"
    assert word in told[0][1]
    with pytest.raises(FormatError, match="item b must be readable, got"):
        dataset[1]


def test_wrong_sizes_are_damage(tmp_path, records, pair, write_tar, jpeg):
    files = pair("a", records[0]) | {"a.jpg": jpeg(np.zeros((48, 60, 3), np.uint8))}
    dataset = open_dataset(write_tar(tmp_path / "bad.tar", files))
    with pytest.raises(FormatError, match="must have the image size 48 x 60, got 48 x 64"):
        dataset[0]
    document = json.loads(files["a.json"])
    document["annotations"][0]["segmentation"]["counts"] = "5"
    files = pair("a", records[0]) | {"a.json": json.dumps(document).encode()}
    told: list[str] = []
    dataset = open_dataset(
        write_tar(tmp_path / "bad.tar", files), on_error=lambda item, error: told.append(f"{item}: {error}")
    )
    assert len(dataset[0].masks) == len(dataset[0].masks) == len(records[0].masks) - 1
    (message,) = told
    assert message.startswith("a: annotations left out: damaged: counts must sum to")
    assert len(dataset.faults) == 0


def test_missing_halves_are_told_at_opening(tmp_path, records, pair, write_tar):
    files = pair("a", records[0]) | pair("b", records[1]) | pair("c", records[2])
    del files["a.json"], files["c.jpg"]
    told: list[str] = []
    dataset = open_dataset(
        write_tar(tmp_path / "half.tar", files), on_error=lambda item, error: told.append(f"{item}: {error}")
    )
    assert [record.id for record in dataset] == ["b"]
    assert "got no annotation" in told[0]
    assert "got no image" in told[1]


def test_a_cut_off_shard_gives_what_it_still_holds(tmp_path, records, pair, write_tar):
    files: dict[str, bytes] = {}
    for number, record in enumerate(records):
        files |= pair(f"{number}", record)
    path = write_tar(tmp_path / "cut.tar", files)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    dataset = open_dataset(path)
    read = list(dataset)
    assert 0 < len(read) < len(records)
    assert len(dataset.faults) >= 1


def test_a_shard_that_shrinks_later_is_damage(shard):
    dataset = open_dataset(shard, split="val")
    (shard / "val-000000.tar").write_bytes(b"")
    assert list(dataset) == []
    assert "Copy the file again" in next(iter(dataset.faults.messages.values()))


def test_paths_that_are_no_data_set(tmp_path, shard):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no archive at all" * 100)
    with pytest.raises(FormatError, match=r"path must be a data set that exists, got .*missing"):
        open_dataset(tmp_path / "missing")
    with pytest.raises(FormatError, match=r"path must be .*Check what it holds"):
        open_dataset(tmp_path / "empty")
    with pytest.raises(FormatError, match="path must be an uncompressed tar file, got"):
        open_dataset(tmp_path / "text.tar")
    with pytest.raises(FormatError, match=r"split must be one of train, val in .*, got 'test'"):
        open_dataset(shard, split="test")
    with pytest.raises(FormatError, match=r"split must be one that .* has a folder or shards for"):
        open_dataset(tmp_path / "empty", split="train")


def test_faults_count_each_item_once():
    told: list[str] = []
    faults = Faults(lambda item, error: told.append(item))
    for item in ("a", "b", "a"):
        faults.report(item, ValueError("bad"))
    assert len(faults) == 2
    assert told == ["a", "b"]


def test_images_decode_alike_on_both_ways(jpeg, records):
    image = records[0].read()
    data = jpeg(image)
    quick, careful = decode_image(data), decode_image(data + b"\0")
    assert quick.shape == careful.shape == image.shape
    assert np.abs(quick.astype(int) - careful).max() <= 3
    with pytest.raises(ImageError):
        decode_image(data[:300])


def test_alpha_is_kept_on_request(jpeg):
    rgba = np.dstack([np.full((4, 5), value, np.uint8) for value in (10, 20, 30, 128)])
    png = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))[1].tobytes()
    assert (decode_rgba(png) == rgba).all()
    assert decode_rgba(jpeg(rgba[:, :, :3])) is None
    assert decode_rgba(b"") is None
