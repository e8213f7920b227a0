"""Sources and data sets at addresses: in memory, and on an S3 of our own."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymask.errors import InputError, MissingExtraError, OutputError
from anymask.files.places import is_address, open_place


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty place at an address."""
    if request.param == "memory":
        fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (the extra remote)")
        system = fsspec.filesystem("memory")
        system.store.clear()
        yield "memory://bucket"
        system.store.clear()
        return
    pytest.importorskip("s3fs", reason="s3fs is not installed (the extra remote)")
    moto = pytest.importorskip("moto.server", reason="moto's server is not installed")
    import s3fs

    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"bucket-{uuid.uuid4().hex[:8]}"  # moto's servers of one process share their buckets
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


pytestmark = pytest.mark.filterwarnings("ignore")


def filled(place_of: str, images: Path) -> None:
    place = open_place(place_of)
    for file in images.rglob("*"):
        if file.is_file():
            with place.writing(file.relative_to(images).as_posix()) as part:
                part.write_bytes(file.read_bytes())


def contents(address: str) -> dict[str, bytes]:
    place = open_place(address)
    return {path: place.read(path) for path, _ in place.walk()}


def test_a_place_keeps_its_promises(bucket: str) -> None:
    place = open_place(f"{bucket}/set")
    assert (place.sizes(), list(place.walk()), place.is_there()) == ({}, [], False)
    assert place.put_new("a.json", b"one")
    assert not place.put_new("a.json", b"two"), "the first one stays"
    with place.writing("sub/b.tar") as part:
        part.write_bytes(b"x" * 9)
    with pytest.raises(ZeroDivisionError), place.writing("sub/c.tar") as part:
        part.write_bytes(b"half" * (1 // 0))
    assert place.sizes() == {"a.json": 3}
    assert place.sizes("sub") == {"b.tar": 9}
    assert list(place.walk()) == [("a.json", 3), ("sub/b.tar", 9)]
    assert (place.read("a.json"), b"".join(place.chunks("sub/b.tar"))) == (b"one", b"x" * 9)
    place.remove("sub")
    place.remove("nothing")
    assert list(place.walk()) == [("a.json", 3)]
    with pytest.raises(OSError):  # noqa: PT011
        place.read("gone")
    with pytest.raises(OSError):  # noqa: PT011
        list(place.chunks("gone"))


def test_from_address_to_address_the_shards_are_the_same(
    runs, images: Path, tmp_path: Path, bucket: str
) -> None:
    (images / "3.jpg").write_bytes(b"FAIL")
    runs.run(tmp_path / "whole")
    filled(f"{bucket}/photos", images)
    runs.source = f"{bucket}/photos"
    done = runs.run(f"{bucket}/set", runs.inline("died", "late"))
    assert (done.made, list(done.damaged)) == (9, ["3.jpg"])
    here, there = runs.tree(tmp_path / "whole"), contents(f"{bucket}/set")
    assert sorted(here) == sorted(there)
    assert {name: data for name, data in here.items() if name.endswith(".tar")} == {
        name: data for name, data in there.items() if name.endswith(".tar")
    }
    assert here["manifest.jsonl"] == there["manifest.jsonl"]
    again = runs.run(f"{bucket}/set")
    assert (again.made, again.kept) == (0, 9)
    with pytest.raises(OutputError, match="made with another images_per_shard"):
        runs.run(f"{bucket}/set", per_shard=5)
    assert runs.run(f"{bucket}/set", per_shard=5, force=True).made == 9


def test_two_drivers_of_an_address_share_the_work_and_nothing_is_twice(
    runs, images: Path, tmp_path: Path, bucket: str
) -> None:
    filled(f"{bucket}/photos", images)
    runs.source = f"{bucket}/photos"
    runs.run(f"{bucket}/whole")
    failed: list[BaseException] = []

    def drive() -> None:
        try:
            runs.run(f"{bucket}/set")
        except BaseException as error:
            failed.append(error)

    drivers = [threading.Thread(target=drive) for _ in range(2)]
    for one in drivers:
        one.start()
    for one in drivers:
        one.join()
    assert not failed
    assert contents(f"{bucket}/set") == contents(f"{bucket}/whole")


def test_a_place_with_other_files_is_refused(runs, bucket: str) -> None:
    open_place(f"{bucket}/mine").put_new("diary.txt", b"precious")
    with pytest.raises(OutputError, match=r"must be a new place, got .*mine, which holds files"):
        runs.run(f"{bucket}/mine", force=True)


def test_a_source_that_is_not_there(runs, tmp_path: Path, bucket: str) -> None:
    runs.source = f"{bucket}/nowhere"
    with pytest.raises(InputError, match=r"source must be a folder that exists, got .*nowhere"):
        runs.run(tmp_path / "set")


def test_without_fsspec_the_answer_is_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"s3://bucket needs an optional package. Run: .*\[remote\]"):
        open_place("s3://bucket")


def test_addresses_and_paths() -> None:
    assert [is_address(name) for name in ("s3://a/b", "photos", "/photos", "C:\\photos")] == [
        True, False, False, False,
    ]  # fmt: skip


def test_an_unknown_address() -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra remote)")
    with pytest.raises(InputError, match="address must be one that fsspec knows, got nosuch://a"):
        open_place("nosuch://a")
