"""Data sets that grow item by item."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import AutoConfig, Masks, automatic, models, open_dataset
from anymask.data_engine import image_masks, shards
from anymask.data_engine import run as module
from anymask.data_engine.contact_sheet import write_sheet
from anymask.data_engine.image_masks import Plan
from anymask.data_engine.run import harvest
from anymask.data_engine.sources import find_items, without_dots
from anymask.errors import InputError, OutputError
from anymask.files import writing

PLAN = Plan(auto=AutoConfig(points_per_side=3, min_iou=0.0, min_stability=0.0), parents=True)


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are generated once for each image, for tests of files that run many times."""
    found: dict[bytes, Masks] = {}

    def generate(model: models.Sam, image: np.ndarray, *more: object) -> Masks:
        key = image.tobytes()
        if key not in found:
            found[key] = automatic(model, image, *more)
        return found[key]

    monkeypatch.setattr(image_masks, "automatic", generate)


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Four images, one turned by EXIF, and a damaged one."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name in ("a.jpg", "b.png", "more/c.webp", "d.jpg"):
        image = Image.fromarray(rng.integers(0, 255, (24, 36, 3)).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6 if name == "d.jpg" else 1
        image.save(folder / name, exif=exif)
    (folder / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:200])
    return folder


def tree_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_image_that_needs_a_missing_package_does_not_stop_the_run(
    model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(rng.integers(0, 255, (24, 36, 3)).astype(np.uint8)).save(tmp_path / "photos" / "b.png")
    (tmp_path / "photos" / "a.dcm").write_bytes(bytes(128) + b"DICM")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    done = harvest(model, find_items(tmp_path / "photos"), tmp_path / "set", PLAN)
    assert done.made == 1
    assert "[medical]" in done.damaged[str(tmp_path / "photos" / "a.dcm")]


def test_the_folder_is_a_data_set(model, photos: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    plan = Plan(auto=PLAN.auto, edges=True, labelmap=True, overlay=True)
    done = harvest(
        model, find_items(photos), tmp_path / "set", plan, advance=lambda *step: steps.append(step)
    )
    assert (done.made, done.kept, len(done.damaged)) == (4, 0, 1)
    assert steps[0] == (0, 5, "a.jpg")
    dataset = open_dataset(tmp_path / "set")
    records = {record.id: record for record in dataset}
    assert sorted(records) == ["a", "b", "d", "more_c"]
    assert dataset.faults.messages == {}
    assert sum(len(record.masks) for record in records.values()) == done.masks > 0
    assert records["d"].masks.size == (36, 24), "upright"
    assert {record.source for record in records.values()} == {"auto"}
    assert (tmp_path / "set/a.jpg").read_bytes() == (photos / "a.jpg").read_bytes()
    for folder, suffix in (("edges", "png"), ("labels", "png"), ("overlays", "jpg")):
        assert sorted(path.name for path in (tmp_path / "set" / folder).iterdir()) == [
            f"{id}.{suffix}" for id in sorted(records)
        ]
    lines = [json.loads(line) for line in (tmp_path / "set/damaged.jsonl").read_text().splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["broken.jpg"]
    assert "Get the file again" in lines[0]["problem"]


@pytest.mark.parametrize("after", [0, 1, 3, 6, 7])
def test_what_was_stopped_goes_on_to_the_same_end(
    model, photos: Path, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch, remembered
) -> None:
    harvest(model, find_items(photos), tmp_path / "whole", PLAN, source="photos")
    written, write = 0, module.write_atomic

    def stop(path, data, *, force=False):
        nonlocal written
        written += 1
        if written > after:
            (Path(path).parent / f".{Path(path).name}.x.part").write_bytes(data[:5])
            raise KeyboardInterrupt
        return write(path, data, force=force)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_atomic", stop)
        with pytest.raises(KeyboardInterrupt):
            harvest(model, find_items(photos), tmp_path / "set", PLAN, source="photos")
    harvest(model, find_items(photos), tmp_path / "set", PLAN, source="photos")
    again = harvest(model, find_items(photos), tmp_path / "set", PLAN, source="photos")
    assert (again.made, again.kept) == (0, 4)
    assert tree_of(tmp_path / "set") == tree_of(tmp_path / "whole")


def test_a_mended_image_is_added(model, photos: Path, tmp_path: Path) -> None:
    harvest(model, find_items(photos), tmp_path / "set", PLAN)
    shutil.copy(photos / "a.jpg", photos / "broken.jpg")
    done = harvest(model, find_items(photos), tmp_path / "set", PLAN)
    assert (done.made, done.kept, done.damaged) == (1, 4, {})
    assert not (tmp_path / "set/damaged.jsonl").exists()


def test_other_folders_are_refused(model, photos: Path, tmp_path: Path) -> None:
    items = find_items(photos)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/diary.txt").write_text("precious")
    for force in (False, True):
        with pytest.raises(OutputError, match=r"must be a new folder, got .*mine, which holds files"):
            harvest(model, items, tmp_path / "mine", PLAN, force=force)
    assert (tmp_path / "mine/diary.txt").read_text() == "precious"
    with pytest.raises(OutputError, match=r"Make the folder .*nowhere first"):
        harvest(model, items, tmp_path / "nowhere/set", PLAN)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="output must be a folder, got the file"):
        harvest(model, items, tmp_path / "file", PLAN)


def test_another_run_is_refused_by_name_and_replaced_by_force(model, photos: Path, tmp_path: Path) -> None:
    items = find_items(photos)
    harvest(model, items, tmp_path / "set", PLAN)
    other = Plan(auto=AutoConfig(points_per_side=2, min_iou=0.0, min_stability=0.0), parents=True, edges=True)
    before = tree_of(tmp_path / "set")
    with pytest.raises(OutputError, match=r"made with another points_per_side, edges. Choose .* --force"):
        harvest(model, items, tmp_path / "set", other)
    assert tree_of(tmp_path / "set") == before
    done = harvest(model, items[:2], tmp_path / "set", other, force=True)
    assert done.made == 2
    assert len(list((tmp_path / "set").glob("*.json"))) == 2


def test_a_full_disk_stops_the_run_and_leaves_whole_files(
    model, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, count = writing.os.replace, 0

    def full(*names):
        nonlocal count
        count += 1
        if count > 4:
            raise OSError(28, "No space left on device")
        return replace(*names)

    monkeypatch.setattr(writing.os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        harvest(model, find_items(photos), tmp_path / "set", PLAN)
    monkeypatch.undo()
    names = sorted(path.name for path in (tmp_path / "set").iterdir())
    assert names == ["a.jpg", "a.json", "auto.settings", "b.png"], "an image without JSON is not done"
    assert harvest(model, find_items(photos), tmp_path / "set", PLAN).made == 3


# ---- tar shards


def test_shards_are_a_data_set_in_bytes_that_tell_no_time(model, photos: Path, tmp_path: Path) -> None:
    (photos / "a.jpg").rename(photos / "a.v1.jpg")
    done = harvest(model, find_items(photos), tmp_path / "set", PLAN, shards=6_000)
    assert (done.made, len(done.damaged)) == (4, 1)
    names = sorted(path.name for path in (tmp_path / "set").iterdir())
    tars = [name for name in names if name.endswith(".tar")]
    assert names == ["auto.settings", "damaged.jsonl", *tars]
    assert tars == [f"masks-{number:06d}.tar" for number in range(len(tars))]
    assert 1 < len(tars) < 4
    dataset = open_dataset(tmp_path / "set")
    assert [record.id for record in dataset] == ["a_v1", "b", "d", "more_c"]
    assert dataset.faults.messages == {}
    members: list[tarfile.TarInfo] = []
    for name in tars:
        with tarfile.open(tmp_path / "set" / name) as archive:
            members += archive.getmembers()
            own = [member.size for member in archive.getmembers()]
        assert name == tars[-1] or sum(own) >= 6_000 > sum(own[:-2]), "closed as soon as it is full"
    assert [member.name for member in members[:4]] == ["a_v1.jpg", "a_v1.json", "b.png", "b.json"]
    assert {(one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) for one in members} == {
        (0, 0, 0, "", "", 0o644)
    }
    loose = harvest(model, without_dots(find_items(photos)), tmp_path / "loose", PLAN)
    assert loose.masks == done.masks
    with tarfile.open(tmp_path / "set" / tars[0]) as archive:
        for suffix in ("jpg", "json"):
            content = archive.extractfile(f"a_v1.{suffix}")
            assert content is not None
            assert content.read() == (tmp_path / f"loose/a_v1.{suffix}").read_bytes()


def test_shards_that_were_stopped_anywhere_go_on_to_the_same_end(
    model, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered
) -> None:
    items = find_items(photos)
    run = partial(harvest, model, items, plan=PLAN, shards=6_000)
    run(tmp_path / "whole")
    whole = tree_of(tmp_path / "whole")
    replace, unlink, steps = shards.os.replace, Path.unlink, 0

    def counted(do, *words, **options):
        nonlocal steps
        steps -= 1
        if steps < 0:
            raise KeyboardInterrupt
        return do(*words, **options)

    for first in range(1, 40):
        steps = first
        with monkeypatch.context() as patch:
            patch.setattr(shards.os, "replace", lambda *words: counted(replace, *words))
            patch.setattr(Path, "unlink", lambda *words, **options: counted(unlink, *words, **options))
            try:
                run(tmp_path / f"set{first}")
                break
            except KeyboardInterrupt:
                pass
        run(tmp_path / f"set{first}")
        assert tree_of(tmp_path / f"set{first}") == whole, first
        shutil.rmtree(tmp_path / f"set{first}")
    assert 15 < first < 39, "every step was a stop once"


def test_a_mended_image_comes_in_a_shard_of_its_own(model, photos: Path, tmp_path: Path) -> None:
    harvest(model, find_items(photos), tmp_path / "set", PLAN, shards=10**9)
    before = (tmp_path / "set/masks-000000.tar").read_bytes()
    shutil.copy(photos / "b.png", photos / "broken.jpg")
    done = harvest(model, find_items(photos), tmp_path / "set", PLAN, shards=10**9)
    assert (done.made, done.kept) == (1, 4)
    assert (tmp_path / "set/masks-000000.tar").read_bytes() == before
    assert open_dataset(tmp_path / "set/masks-000001.tar").source.ids == ["broken"]


def test_shards_are_part_of_what_was_asked_for(model, photos: Path, tmp_path: Path) -> None:
    items = find_items(photos)[:1]
    harvest(model, items, tmp_path / "set", PLAN, shards=100)
    with pytest.raises(OutputError, match="made with another shards"):
        harvest(model, items, tmp_path / "set", PLAN)
    harvest(model, items, tmp_path / "set", PLAN, force=True)
    assert sorted(tree_of(tmp_path / "set")) == ["a.jpg", "a.json", "auto.settings"]
    with pytest.raises(InputError, match="shards must be 1 byte or more, got 0"):
        harvest(model, items, tmp_path / "new", PLAN, shards=0)


def test_a_full_disk_leaves_no_half_shard(
    model, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards.os, "fsync", full)
    items = find_items(photos)[:1]
    with pytest.raises(OutputError, match=r"got .*masks-000000.tar \(No space left on device\)"):
        harvest(model, items, tmp_path / "set", PLAN, shards=100)
    assert sorted(tree_of(tmp_path / "set")) == ["auto.settings", "waiting/a.jpg", "waiting/a.json"]


# ---- one run at a time, and the sheet


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks")
def test_a_second_run_into_the_same_folder_is_refused(model, photos: Path, tmp_path: Path) -> None:
    items = find_items(photos)[:1]

    def again(done: int, total: int, name: str) -> None:
        before = tree_of(tmp_path / "set")
        for force in (False, True):
            with pytest.raises(OutputError, match=r"no other run writes to, got .*set, which is in use"):
                harvest(model, items, tmp_path / "set", PLAN, force=force)
        assert tree_of(tmp_path / "set") == before

    harvest(model, items, tmp_path / "set", PLAN, advance=again)
    assert harvest(model, items, tmp_path / "set", PLAN).kept == 1, "free again"


@pytest.mark.parametrize("size", [None, 10_000])
def test_the_sheet_shows_the_first_images(model, photos: Path, tmp_path: Path, size: int | None) -> None:
    harvest(model, find_items(photos), tmp_path / "set", PLAN, shards=size)
    heights = []
    for most in (1, 2, 5):
        path = write_sheet(tmp_path / "set", most)
        with Image.open(path) as sheet:
            heights.append(sheet.size[1])
    assert path == tmp_path / "set/sheet/sheet.jpg"
    assert heights[0] < heights[2]
    assert heights[0] == heights[1], "in one row"
    assert open_dataset(tmp_path / "set").faults.messages == {}, "no image of the set"


# ---- killed, for real

DRIVER = """
import os, random, signal, sys, time
import torch
torch.set_num_threads(1)
import anymask.cli.commands.auto, anymask.cli.loading, anymask.data_engine
from anymask.cli import main

source, model = sys.argv[1:3]
loaded = anymask.cli.loading.load_model(model, device="cpu", offline=True)
anymask.cli.loading.load_model = lambda *words, **options: loaded  # once for all children

def start(out, options):
    child = os.fork()
    if child == 0:
        words = ["auto", source, "-o", out, "--model", model, "--points-per-side", "2", "--min-iou", "0"]
        os._exit(main([*words, "--min-stability", "0", "--labelmap", "--overlay", "--tree", *options]))
    return child

def drawn(place):
    try:
        return len(os.listdir(place + "/overlays"))
    except FileNotFoundError:
        return 0

draw = random.Random(0)
for folder, *options in (sys.argv[3:4], [sys.argv[4], "--shards", "0.004"]):
    assert os.waitstatus_to_exitcode(os.waitpid(start(folder + "/whole", options), 0)[1]) == 3
    killed = 0
    for number in range(5):
        child = start(folder + "/set", options)
        while drawn(folder + "/set") < number:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        killed += os.waitpid(child, 0)[1] == signal.SIGKILL
    print("killed", killed, flush=True)
    assert os.waitstatus_to_exitcode(os.waitpid(start(folder + "/set", options), 0)[1]) == 3
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or sys.platform != "linux", reason="forks and kills")
def test_killed_five_times_it_ends_in_the_same_bytes(model, photos: Path, tmp_path: Path) -> None:
    for number in range(3):
        shutil.copy(photos / "a.jpg", photos / f"copy{number}.jpg")
    weights = models.save(model, tmp_path / "debug.safetensors")
    folders = [tmp_path / "pairs", tmp_path / "shards"]
    for folder in folders:
        folder.mkdir()
    words = [sys.executable, "-c", DRIVER, str(photos), str(weights), *map(str, folders)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("killed 5") == 2
    for folder in folders:
        assert tree_of(folder / "set") == tree_of(folder / "whole")
        assert len(list(open_dataset(folder / "set"))) == 7
    assert len(list((tmp_path / "shards/set").glob("*.tar"))) > 1
