"""Runs with workers: the same bytes as by one, whatever fails."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anymask.data_engine.distributed import shard as shard_module
from anymask.data_engine.distributed.shard import SourceLostError
from anymask.data_engine.image_masks import Plan
from anymask.errors import OutputError, WeightsError
from anymask.files import places

MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def names_of(folder: Path) -> list[str]:
    """The files in all shards of a data set."""
    found = []
    for file in sorted(folder.glob("*.tar")):
        with tarfile.open(file) as archive:
            found += archive.getnames()
    return found


def damaged_of(folder: Path) -> dict[str, str]:
    lines = (folder / "damaged.jsonl").read_text().splitlines()
    return {one["file"]: one["problem"] for one in map(json.loads, lines)}


def test_shards_have_fixed_rows_and_reports(runs, images: Path, tmp_path: Path) -> None:
    (images / "3.jpg").write_bytes(b"BAD")
    steps = []
    done = runs.run(tmp_path / "set", plan=Plan(edges=True), advance=lambda *step: steps.append(step))
    assert (done.made, done.kept, len(done.damaged)) == (9, 0, 1)
    assert names_of(tmp_path / "set")[:6] == ["0.jpg", "0.json", "1.jpg", "1.json", "2.jpg", "2.json"]
    assert names_of(tmp_path / "set")[-4:] == ["sub_a_v1.jpg", "sub_a_v1.json", "sub_b.png", "sub_b.json"]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == sorted([
        "auto.settings", "damaged.jsonl", "edges", "manifest.jsonl",
        *(f"masks-{number:06d}.{suffix}" for number in range(4) for suffix in ("tar", "json")),
    ])  # fmt: skip
    assert (tmp_path / "set/edges/sub_b.png").read_bytes() == b"and one more"[::-1]
    assert damaged_of(tmp_path / "set") == {"3.jpg": "image must be good, got 3.jpg. Draw it again."}
    report = json.loads((tmp_path / "set/masks-000001.json").read_text())
    assert (report["images"], report["size"]) == (2, (tmp_path / "set/masks-000001.tar").stat().st_size)
    assert steps[-1][:2] == (10, 10)


def test_the_same_command_again_reads_no_image(runs, images: Path, tmp_path: Path) -> None:
    first = runs.run(tmp_path / "set")
    before = runs.tree(tmp_path / "set")
    shutil.rmtree(images)
    images.mkdir()
    again = runs.run(tmp_path / "set")
    assert (again.made, again.kept) == (0, first.made)
    assert runs.tree(tmp_path / "set") == before


@MANY
@given(st.lists(st.sampled_from(["done", "died", "late", "failed", "returned"]), max_size=14))
def test_whatever_befalls_the_workers_the_bytes_are_the_same(runs, tmp_path: Path, script: list[str]) -> None:
    for name in ("whole", "set"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    runs.run(tmp_path / "whole")
    runs.run(tmp_path / "set", runs.inline(*script))
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


@MANY
@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 5))
def test_a_driver_that_ends_anywhere_is_resumed_to_the_same_bytes(
    runs, tmp_path: Path, ends: list[int], deaths: int
) -> None:
    for name in ("whole", "set"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    runs.run(tmp_path / "whole", plan=Plan(edges=True))
    replace, link = places.os.replace, places.os.link
    for end in ends:
        left = [end]

        def counted(do, *words, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return do(*words)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(places.os, "replace", lambda *words: counted(replace, *words))
            patch.setattr(places.os, "link", lambda *words: counted(link, *words))
            try:
                runs.run(tmp_path / "set", runs.inline(*["died"] * deaths), plan=Plan(edges=True))
            except KeyboardInterrupt:
                continue
    runs.run(tmp_path / "set", plan=Plan(edges=True))
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


@pytest.mark.parametrize("per_shard", [1, 3, 10])
def test_an_image_that_breaks_every_worker_is_left_out_alone(
    runs, images: Path, tmp_path: Path, per_shard: int
) -> None:
    (images / "4.jpg").write_bytes(b"FAIL")
    done = runs.run(tmp_path / "set", per_shard=per_shard)
    assert (done.made, list(done.damaged)) == (9, ["4.jpg"])
    assert "got RuntimeError: a fault 3 times" in damaged_of(tmp_path / "set")["4.jpg"]
    assert len(names_of(tmp_path / "set")) == 18
    assert not (tmp_path / "set/pieces").exists()
    before = runs.tree(tmp_path / "set")
    runs.run(tmp_path / "set", per_shard=per_shard)
    assert runs.tree(tmp_path / "set") == before
    shutil.rmtree(tmp_path / "set")
    runs.run(tmp_path / "set", runs.inline("died", "done", "failed"), per_shard=per_shard)
    assert runs.tree(tmp_path / "set") == before


def test_workers_that_always_die_end_the_run(runs, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="workers must stay alive, got 10 deaths in a row"):
        runs.run(tmp_path / "set", runs.inline(*["died"] * 99))
    runs.run(tmp_path / "set")
    runs.run(tmp_path / "whole")
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


# ---- bad input


def test_an_image_that_changed_since_the_manifest_is_left_out(
    runs, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(runs.stub, "start", lambda job: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            runs.run(tmp_path / "set")
    (images / "2.jpg").write_bytes(b"other content")
    (images / "5.jpg").unlink()
    done = runs.run(tmp_path / "set")
    assert done.made == 8
    found = damaged_of(tmp_path / "set")
    assert "must be the same as in the manifest, got 2.jpg, which was changed since" in found["2.jpg"]
    assert "must be a file that can be read, got 5.jpg (No such file or directory)" in found["5.jpg"]


@pytest.mark.parametrize("when", ["while the manifest is made", "while shards are made"])
def test_a_source_that_is_lost_stops_the_run_and_lists_nothing_as_damaged(
    runs, images: Path, tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, chunks = images.with_name("away"), shard_module.image_chunks
    late = when.startswith("while shards")

    def lost(source, path):
        if path == "4.jpg" and images.exists() and (not late or (tmp_path / "set/manifest.jsonl").exists()):
            images.rename(away)
        yield from chunks(source, path)

    with monkeypatch.context() as patch:
        for module in ("run", "shard"):
            patch.setattr(f"anymask.data_engine.distributed.{module}.image_chunks", lost)
        with pytest.raises(
            SourceLostError, match=r"must hold the images of the manifest, got nothing in the"
        ):
            runs.run(tmp_path / "set")
    assert not (tmp_path / "set/damaged.jsonl").exists()
    away.rename(images)
    runs.run(tmp_path / "set")
    runs.run(tmp_path / "whole")
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


def test_a_full_disk_stops_the_run(runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush, count = places._flush, 0

    def full(path):
        nonlocal count
        count += 1
        if count > 8:
            raise OSError(28, "No space left on device")
        flush(path)

    with monkeypatch.context() as patch:
        patch.setattr(places, "_flush", full)
        with pytest.raises(OutputError, match="No space left on device"):
            runs.run(tmp_path / "set")
    assert not list((tmp_path / "set").glob(".*")), "no part is left"
    runs.run(tmp_path / "set")
    runs.run(tmp_path / "whole")
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


def test_a_full_disk_for_temporary_files_is_no_damaged_image(
    runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match=r"folder of temporary files must have room, got .*gone"):
        runs.run(tmp_path / "set")
    assert not (tmp_path / "set/damaged.jsonl").exists()


@pytest.mark.parametrize(
    ("size", "message"),
    [(1, r"hold the run's auto.settings, got .*set without it"), (2, r"hold the run's manifest, got .*set")],
)
def test_a_target_that_is_lost_stops_the_run(runs, tmp_path: Path, size: int, message: str) -> None:
    def start(job):
        workers = runs.inline()(job)
        submit = workers.submit

        def lost(task):
            if (tmp_path / "set").exists():
                (tmp_path / "set").rename(tmp_path / "away")
                (tmp_path / "set").mkdir()  # an empty mount point
            submit(task)

        workers.submit, workers.size = lost, size
        return workers

    with pytest.raises(OutputError, match=message):
        runs.run(tmp_path / "set", start)
    assert not list((tmp_path / "set").iterdir()), "nothing on the wrong disk"


def test_a_worker_with_other_weights_or_version_does_nothing(
    runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(job):
        monkeypatch.setattr(runs.stub.Model, "fingerprint", "other")
        monkeypatch.setattr("anymask.__version__", "9.9")
        return runs.inline()(job)

    with pytest.raises(
        WeightsError, match=r"must have the same model and version as the run, got other, 9.9"
    ):
        runs.run(tmp_path / "set", start)
    assert not list((tmp_path / "set").glob("masks*"))


@pytest.mark.parametrize("verify", [False, True])
def test_a_corrupt_shard_is_made_anew(runs, tmp_path: Path, verify: bool) -> None:
    runs.run(tmp_path / "set")
    before = runs.tree(tmp_path / "set")
    (tmp_path / "set/masks-000000.tar").write_bytes(before["masks-000000.tar"][:700])
    (tmp_path / "set/masks-000001.tar").unlink()
    (tmp_path / "set/masks-000002.json").write_text("{}")
    flipped = bytearray(before["masks-000003.tar"])
    flipped[600] ^= 1
    (tmp_path / "set/masks-000003.tar").write_bytes(flipped)
    done = runs.run(tmp_path / "set", verify=verify)
    assert (done.made, done.kept) == ((10, 0) if verify else (9, 1))
    assert (runs.tree(tmp_path / "set") == before) == verify, "a flipped bit is found by --verify alone"


def test_other_settings_and_folders_are_refused(runs, tmp_path: Path) -> None:
    runs.run(tmp_path / "set")
    with pytest.raises(OutputError, match="made with another images_per_shard"):
        runs.run(tmp_path / "set", per_shard=4)
    assert runs.run(tmp_path / "set", per_shard=4, force=True).made == 10
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/diary.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"must be a new folder, got .*mine, which holds files"):
        runs.run(tmp_path / "mine", force=True)


def test_a_second_driver_of_a_folder_is_refused(runs, tmp_path: Path) -> None:
    def start(job):
        with pytest.raises(OutputError, match=r"no other run writes to, got .*set, which is in use"):
            runs.run(tmp_path / "set")
        return runs.inline()(job)

    assert runs.run(tmp_path / "set", start).made == 10
