"""Data sets that grow item by item."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anymask import AutoConfig, files, models, open_dataset
from anymask.errors import OutputError
from anymask.harvest import Plan, find_items, harvest
from anymask.harvest import run as module
from anymask.models.config import DEBUG

PLAN = Plan(auto=AutoConfig(points_per_side=3, min_iou=0.0, min_stability=0.0), parents=True)


@pytest.fixture(scope="module")
def model() -> models.Sam:
    torch.manual_seed(3)
    model = models.build(DEBUG).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 2.0
    return model


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Four pictures, one turned by EXIF, and a damaged one."""
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
    model, photos: Path, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
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

    monkeypatch.setattr(module, "write_atomic", stop)
    with pytest.raises(KeyboardInterrupt):
        harvest(model, find_items(photos), tmp_path / "set", PLAN, source="photos")
    monkeypatch.undo()
    harvest(model, find_items(photos), tmp_path / "set", PLAN, source="photos")
    again = harvest(model, find_items(photos), tmp_path / "set", PLAN, source="photos")
    assert (again.made, again.kept) == (0, 4)
    assert tree_of(tmp_path / "set") == tree_of(tmp_path / "whole")


def test_a_mended_picture_is_added(model, photos: Path, tmp_path: Path) -> None:
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
    replace, count = files.os.replace, 0

    def full(*names):
        nonlocal count
        count += 1
        if count > 4:
            raise OSError(28, "No space left on device")
        return replace(*names)

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        harvest(model, find_items(photos), tmp_path / "set", PLAN)
    monkeypatch.undo()
    names = sorted(path.name for path in (tmp_path / "set").iterdir())
    assert names == ["a.jpg", "a.json", "auto.settings", "b.png"], "a picture without JSON is not done"
    assert harvest(model, find_items(photos), tmp_path / "set", PLAN).made == 3


# ---- killed, for real

DRIVER = """
import os, random, signal, sys, time
import torch
torch.set_num_threads(1)
import anymask.cli.auto, anymask.harvest
from anymask.cli import main

source, model, folder = sys.argv[1:]
def start(out):
    child = os.fork()
    if child == 0:
        words = ["auto", source, "-o", out, "--model", model, "--points-per-side", "4", "--min-iou", "0"]
        os._exit(main([*words, "--min-stability", "0", "--labelmap", "--overlay", "--tree"]))
    return child

assert os.waitstatus_to_exitcode(os.waitpid(start(folder + "/whole"), 0)[1]) == 3
draw = random.Random(0)
killed = 0
for number in range(5):
    child, files = start(folder + "/set"), 4 * number + draw.randint(0, 3)
    while not os.path.isdir(folder + "/set") or len(os.listdir(folder + "/set")) < files:
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    killed += os.waitpid(child, 0)[1] == signal.SIGKILL
print("killed", killed, flush=True)
assert os.waitstatus_to_exitcode(os.waitpid(start(folder + "/set"), 0)[1]) == 3
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or sys.platform != "linux", reason="forks and kills")
def test_killed_five_times_it_ends_in_the_same_bytes(model, photos: Path, tmp_path: Path) -> None:
    for number in range(6):
        shutil.copy(photos / "a.jpg", photos / f"copy{number}.jpg")
    weights = models.save(model, tmp_path / "debug.safetensors")
    words = [sys.executable, "-c", DRIVER, str(photos), str(weights), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    killed = int(done.stdout.split("killed ")[1].split()[0])
    assert killed == 5
    assert tree_of(tmp_path / "set") == tree_of(tmp_path / "whole")
    assert len(list((tmp_path / "set").glob("*.json"))) == 10
