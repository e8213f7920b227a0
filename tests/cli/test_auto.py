"""`anymask auto`: one image, many images, and whatever may be wrong with them."""

from __future__ import annotations

import json
import os
import tarfile
from collections import deque
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from anymask import EdgeConfig, edges, models, open_dataset
from anymask.cli.commands import auto as module
from anymask.data_engine import image_masks as plan
from anymask.data_engine.distributed import processes
from anymask.data_engine.distributed.tasks import Job, Outcome, Task
from anymask.models import compiling
from anymask.models.config import DEBUG

FEW = ("--points-per-side", "3", "--min-iou", "0", "--min-stability", "0")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that thinks well of its masks."""
    torch.manual_seed(3)
    model = models.build(DEBUG)
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 2.0
    return models.save(model, tmp_path_factory.mktemp("model") / "debug.safetensors")


@pytest.fixture(autouse=True)
def few_points_at_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "edges", partial(edges, config=EdgeConfig(points_per_side=3)))


@pytest.fixture
def auto(run, model: Path):
    """Run the command with few points."""
    return lambda *words: run("auto", *words, "--model", model, *FEW)


def noise(path: str, size: tuple[int, int] = (24, 36), seed: int = 0, **options: object) -> Path:
    Path(path).parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return Path(path)


def names() -> list[str]:
    return names_in(".")


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


# ---- one image


def test_an_image_gives_json_in_the_current_folder(auto, photo: Path) -> None:
    answer = auto(photo)
    assert (answer.code, answer.err) == (0, "")
    assert names() == ["photo-masks.json", "photo.jpg"]
    document = json.loads(Path("photo-masks.json").read_text())
    assert document["image"] | {"image_id": 0} == {
        "image_id": 0, "width": 120, "height": 80, "file_name": "photo.jpg",
    }  # fmt: skip
    assert f"  {len(document['annotations'])} masks, of " in answer.out
    assert "wrote photo-masks.json" in answer.out


@pytest.mark.parametrize("wanted", [True, False])
def test_the_encoder_is_compiled_where_asked(
    wanted: bool, auto, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(compiling, "compile_parts", compiled.append)
    assert auto(photo, *["--compile"] * wanted).code == 0
    assert len(compiled) == wanted


def test_what_is_asked_for_lies_beside_it(auto, photo: Path) -> None:
    answer = auto(photo, "-o", "a.json", "--edges", "--labelmap", "--cover", "--overlay", "--tree", "--json")
    assert answer.code == 0
    assert names() == ["a-edges.png", "a-labels.png", "a-overlay.jpg", "a.json", "photo.jpg"]
    assert sorted(answer.json["files"]) == ["a-edges.png", "a-labels.png", "a-overlay.jpg", "a.json"]
    assert {"parent", "point_coords", "crop_box"} <= answer.json["masks"][0].keys()
    labels = np.asarray(Image.open("a-labels.png"))
    assert labels.shape == (80, 120)
    assert labels.min() > 0


def test_json_on_stdout_writes_only_what_is_asked_for(auto, photo: Path) -> None:
    answer = auto(photo, "--json")
    assert (answer.code, answer.json["files"], names()) == (0, [], ["photo.jpg"])
    assert answer.json["masks"]
    answer = auto(photo, "--json", "--overlay")
    assert answer.json["files"] == ["photo-masks-overlay.jpg"]
    assert names() == ["photo-masks-overlay.jpg", "photo.jpg"]


def test_a_png_is_a_label_map(auto, photo: Path) -> None:
    answer = auto(photo, "-o", "map.png", "--json")
    assert np.asarray(Image.open("map.png")).max() <= len(answer.json["masks"])
    answer = auto(photo, "-o", "full.png", "--cover", "--json")
    assert answer.json["files"] == ["full.png"]
    assert np.asarray(Image.open("full.png")).min() > 0


def test_options_reach_the_finder(run, photo: Path, model: Path) -> None:
    Path("points.txt").write_text("# two\n10,20\n30 40\n")
    words = ("--points-file", "points.txt", "--min-iou", "0", "--min-stability", "0", "--nms", "1", "--json")
    answer = run("auto", photo, "--model", model, *words)
    assert {tuple(mask["point_coords"][0]) for mask in answer.json["masks"]} == {(10, 20), (30, 40)}
    words = ("--roi", "0,0,60,80", *FEW, "--force", "--json")
    assert all(
        mask["point_coords"][0][0] < 60 for mask in run("auto", photo, "--model", model, *words).json["masks"]
    )
    Image.new("L", (120, 80), 255).save("roi.png")
    assert run("auto", photo, "--model", model, "--roi", "roi.png", *FEW, "--force").code == 0
    few = run("auto", photo, "--model", model, "--candidates", "2", *FEW, "--force", "--json")
    assert len(few.json["masks"]) == 2


def test_tiles_and_levels(auto, photo: Path) -> None:
    assert auto(photo, "--tile", "48", "--granularity", "1", "--json").code == 0
    assert auto(photo, "--tile", "48", "--tile-overlap", "20", "--force").code == 0


def test_sixteen_bits_and_bands(auto) -> None:
    samples = np.random.default_rng(0).integers(900, 1100, (24, 36, 3)).astype(np.uint16)
    cv2.imwrite("deep.png", samples)
    assert auto("deep.png", "--bands", "3,2,1", "--stretch", "1,99", "--overlay").code == 0
    assert np.asarray(Image.open("deep-masks-overlay.jpg")).std() > 20
    assert auto("deep.png", "--bands", "1", "--limits", "-5,2000", "--force").code == 0


def test_a_map_of_the_ground(auto) -> None:
    rasterio = pytest.importorskip("rasterio")
    samples = np.random.default_rng(0).integers(0, 4000, (4, 40, 60)).astype(np.uint16)
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 5.2e6)}
    with rasterio.open(
        "field.tif", "w", driver="GTiff", count=4, height=40, width=60, dtype="uint16", **place
    ) as file:
        file.write(samples)
    answer = auto("field.tif", "-o", "field.geojson", "--bands", "4,3,2", "--tile", "32", "--json")
    assert answer.code == 0
    features = json.loads(Path("field.geojson").read_text())["features"]
    assert len(features) == len(answer.json["masks"])
    assert auto("field.tif", "-o", "field.gpkg").code == 0
    assert Path("field.gpkg").read_bytes()[:6] == b"SQLite"


def test_open_shows_the_overlay(auto, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(module, "open_file", shown.append)
    auto(photo, "--open")
    noise("photos/a.png")
    auto("photos", "-o", "set", "--open")
    assert shown == [Path("photo-masks-overlay.jpg"), Path("set/sheet/sheet.jpg")]
    assert not Path("set/overlays").exists(), "the sheet alone"
    Path("photos/a.png").write_bytes(b"")
    assert auto("photos", "-o", "other", "--open").code == 3
    assert len(shown) == 2, "nothing to show"


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (3, 2)])
def test_extreme_sizes(auto, size: tuple[int, int]) -> None:
    noise("odd.png", size)
    assert auto("odd.png", "--labelmap", "--cover", "--overlay").code == 0


def test_a_black_image(auto) -> None:
    Image.new("RGB", (60, 40)).save("black.png")
    assert auto("black.png", "--edges", "--granularity", "0.5").code == 0


# ---- many images


def test_a_folder_becomes_a_data_set_with_a_code_for_damage(auto) -> None:
    for number in range(3):
        noise(f"photos/{number}.png", seed=number)
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xff no image")
    Path("photos/empty.png").write_bytes(b"")
    answer = auto("photos", "-o", "set", "--json")
    assert answer.code == 3
    assert (answer.json["made"], answer.json["kept"]) == (3, 0)
    assert sorted(Path(name).name for name in answer.json["damaged"]) == ["bad.jpg", "empty.png"]
    assert answer.err.count("left out ") == 2
    assert len(list(open_dataset("set"))) == 3
    again = auto("photos", "-o", "set")
    assert again.code == 3
    assert "0 images with 0 masks, 3 were there already\n2 images could not be read, see set" in again.out


def test_hidden_files_do_not_count_and_subfolders_do(auto) -> None:
    for name in ("a.jpg", ".b.jpg", "sub/c.jpg"):
        noise(f"photos/{name}")
    answer = auto("photos", "-o", "set")
    assert answer.code == 0, answer.err
    assert names_in("set") == ["a.jpg", "a.json", "auto.settings", "sheet", "sub_c.jpg", "sub_c.json"]


def test_a_list(auto) -> None:
    noise("photos/a.png")
    noise("more/b.png")
    Path("list.txt").write_text("photos/a.png\nmore/b.png\n")
    answer = auto("list.txt", "-o", "set", "--labelmap", "--overlay")
    assert answer.code == 0, answer.err
    assert "wrote set\nlook at set/sheet/sheet.jpg" in answer.out
    assert Path("set/sheet/sheet.jpg").stat().st_size > 0
    assert sorted(path.name for path in Path("set").glob("*.json")) == ["a.json", "b.json"]


def test_a_folder_becomes_shards(auto) -> None:
    for number in range(3):
        noise(f"photos/{number}.png", seed=number)
    answer = auto("photos", "-o", "set", "--shards", "0.005", "--labelmap")
    assert answer.code == 0, answer.err
    assert names_in("set") == ["auto.settings", "labels", "masks-000000.tar", "masks-000001.tar", "sheet"]
    assert [record.id for record in open_dataset("set")] == ["0", "1", "2"]


def test_a_missing_image_of_a_list_is_left_out(auto) -> None:
    noise("photos/a.png")
    Path("list.txt").write_text("photos/a.png\nphotos/gone.png\n")
    answer = auto("list.txt", "-o", "set")
    assert answer.code == 3
    assert "gone.png: image must be a file that exists" in answer.err


def test_stopping_says_how_to_go_on(auto, monkeypatch: pytest.MonkeyPatch) -> None:
    noise("photos/a.png")

    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("anymask.data_engine.image_masks.automatic", stop)
    answer = auto("photos", "-o", "set")
    assert (answer.code, answer.err) == (130, "stopped; the same command resumes here\n")


# ---- workers


class Inline(deque):
    """Workers in this process, which need no second to start."""

    def __init__(self, job: Job, count: int) -> None:
        super().__init__()
        self._make = processes.ready_maker(job)

    def free(self) -> int:
        return 1 - len(self)

    def submit(self, task: Task) -> None:
        self.append(task)

    def wait(self) -> list[Outcome]:
        return [Outcome(task, "done", self._make(task)) for task in [self.popleft()]]

    def close(self) -> None:
        self.clear()


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "Processes", Inline)
    monkeypatch.setenv("ANYMASK_THREADS", "1")


def test_workers_make_shards_and_resume(auto) -> None:
    for number in range(3):
        noise(f"photos/{number}.png", seed=number)
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xff no picture")
    answer = auto("photos", "-o", "set", "--workers", "1", "--images-per-shard", "2", "--json")
    assert (answer.code, answer.json["made"]) == (3, 3), answer.err
    assert "note" not in answer.out
    assert "1 processes, 1 thread each" in answer.err
    assert [record.id for record in open_dataset("set")] == ["0", "1", "2"]
    assert "masks-000001.json" in names_in("set")
    assert auto("photos", "-o", "serial").code == 3
    with tarfile.open("set/masks-000000.tar") as archive:
        assert archive.extractfile("0.json").read() == Path("serial/0.json").read_bytes()
    again = auto("photos", "-o", "set", "--workers", "2", "--images-per-shard", "2")
    assert "0 images with 0 masks, 3 were there already\n1 image could not be read" in again.out


@pytest.mark.usefixtures("inline")
def test_the_plan_measures_and_writes_nothing(auto) -> None:
    for number in range(3):
        noise(f"photos/{number}.png", seed=number)
    before = names()
    answer = auto("photos", "--plan", "--workers", "2", "--json")
    assert answer.code == 0, answer.err
    found = answer.json
    assert (found["images"], found["shards"], found["workers"], found["sample"]) == (3, 3, 2, 3)
    assert found["hours"] == pytest.approx(3 * found["seconds_per_image"] / 2 / 3600)
    noise("photos/3.png", seed=3)
    stored = auto("photos", "-o", "set", "--workers", "1").out
    assert "4 images" in stored
    text = auto("photos", "--plan", "-o", "nothing")
    assert "4 images in 4 shards, workers: 1, threads: 1" in text.out
    assert " seconds of one core, " in text.out
    assert names() == sorted([*before, "set"])


@pytest.mark.usefixtures("inline")
def test_the_plan_says_how_many_bytes(auto) -> None:
    noise("photos/a.png")
    predicted = auto("photos", "--plan", "--json").json["bytes"]
    assert auto("photos", "-o", "set").code == 0
    assert predicted == sum(Path(f"set/a.{suffix}").stat().st_size for suffix in ("png", "json"))


@pytest.mark.usefixtures("inline")
def test_addresses_need_no_option(auto) -> None:
    noise("photos/a.png")
    target = Path("set").resolve().as_uri()
    answer = auto("photos", "-o", target)
    assert answer.code == 0, answer.err
    assert "1 image with" in answer.out
    assert [record.id for record in open_dataset("set")] == ["a"]
    assert auto(Path("photos").resolve().as_uri(), "-o", "other").code == 0


# ---- refused, with nothing written

BAD = {
    "no output": (["photos"], "-o must name the folder of the data set, got nothing."),
    "no image": (["nowhere.jpg"], "must be an image, a folder or a list that exists, got nowhere.jpg"),
    "no list": (["nowhere.txt", "-o", "set"], "a folder or a list that exists, got nowhere.txt"),
    "empty folder": (["void", "-o", "set"], "source must hold images, got none in void."),
    "existing": (["photo.jpg", "-o", "there.json"], "got there.json, which exists."),
    "existing beside": (
        ["photo.jpg", "-o", "there.geojson", "--cover"],
        "got there-labels.png, which exists.",
    ),
    "full folder": (["photos", "-o", "mine"], "output must be a new folder, got mine, which holds files."),
    "a file as data set": (
        ["photos", "-o", "there.json"],
        "output must be a folder, got the file there.json",
    ),
    "ending": (["photo.jpg", "-o", "a.tif"], "output must end in .json, .png, .geojson, .gpkg, got a.tif."),
    "itself": (
        ["map.png", "-o", "./map.png", "--force"],
        "must be a file of its own, got the image map.png",
    ),
    "points": (["photo.jpg", "--points-file", "there.json"], "--points-file must hold x,y on each line"),
    "no points": (
        ["photo.jpg", "--points-file", "gone"],
        "--points-file must be a file that exists, got gone",
    ),
    "roi": (["photo.jpg", "--roi", "9,9,3,3"], "roi must have x0 < x1 and y0 < y1, got [9.0, 9.0, 3.0, 3.0]"),
    "roi file": (["photo.jpg", "--roi", "gone.png"], "a file that exists, got gone.png"),
    "roi outside": (["photo.jpg", "--roi", "300,300,400,400"], "roi must overlap the image"),
    "bands": (["photo.jpg", "--bands", "a,b"], "--bands must be R,G,B or one number, got 'a,b'."),
    "missing band": (["map.png", "--bands", "7"], "bands must be numbers from 1 to"),
    "stretch": (["photo.jpg", "--stretch", "98"], "--stretch must be LOW,HIGH, got '98'."),
    "number": (["photo.jpg", "--min-area", "big"], "--min-area must be a whole number, got 'big'"),
    "share": (["photo.jpg", "--max-cover", "x"], "--max-cover must be a number, got 'x'"),
    "range": (["photo.jpg", "--max-cover", "2"], "max_cover must be a number from 0 to 1, got 2.0"),
    "granularity": (["photo.jpg", "--granularity", "3"], "granularity must be 0 to 1, got 3.0"),
    "tile": (
        ["photo.jpg", "--tile", "100", "--tile-overlap", "99"],
        "overlap must be above 0 and at most half",
    ),
    "memory": (["photo.jpg", "--max-memory", "lots"], "max_memory must be a number of bytes or a text like"),
    "shards of one": (["photo.jpg", "--shards", "9"], "--shards must go with a folder or a list, got one"),
    "no size": (["photos", "-o", "set", "--shards", "-1"], "a number of megabytes above 0, got -1.0."),
    "workers of one": (["photo.jpg", "--workers", "2"], "--workers must go with a folder or a list, got one"),
    "plan of one": (["photo.jpg", "--plan"], "--plan must go with a folder or a list, got one image."),
    "no workers": (
        ["photos", "-o", "set", "--workers", "0"],
        "--workers must be 1 to 1000 processes, ray, auto",
    ),
    "unknown workers": (
        ["photos", "-o", "set", "--workers", "dask"],
        "ray, auto or ray://HOST:PORT, got 'dask'",
    ),
    "verify alone": (
        ["photos", "-o", "set", "--verify"],
        "--verify must go with --workers. Add --workers 1.",
    ),
    "both shards": (
        ["photos", "-o", "set", "--workers", "1", "--shards", "9"],
        "--shards must go without --workers, got both. Set --images-per-shard instead.",
    ),
    "workers without output": (["photos", "--workers", "1"], "-o must name the place of the data set"),
    "empty folder for workers": (
        ["void", "-o", "set", "--workers", "1"],
        "source must hold images, got none in",
    ),
    "no place": (["photo.jpg", "-o", "a.geojson"], "must have a coordinate system for GeoJSON"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_refused(auto, photo: Path, kind: str) -> None:
    noise("photos/a.png")
    noise("map.png")
    Path("void").mkdir()
    Path("mine").mkdir()
    for name in ("there.json", "there-labels.png", "mine/diary.txt"):
        Path(name).write_text("precious")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    words, message = BAD[kind]
    answer = auto(*words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert message in answer.err
    assert before == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(auto) -> None:
    noise("photos/a.png")
    Path("locked").mkdir(mode=0o555)
    answer = auto("photos", "-o", "locked/set")
    assert answer.code == 2
    assert "output must be writable, got locked/set" in answer.err


def test_a_disk_that_cannot_be_written(auto, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise("photos/a.png")

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("anymask.files.writing.tempfile.mkstemp", full)
    before = names()
    for words in ((photo, "--overlay"), ("photos", "-o", "set")):
        answer = auto(*words)
        assert answer.code == 2
        assert "output must be writable" in answer.err
        assert "No space left on device" in answer.err
    assert names() in (before, sorted([*before, "set"]))
    assert not Path("set").exists() or not list(Path("set").iterdir())


def test_another_run_is_refused_and_the_same_is_not(auto) -> None:
    noise("photos/a.png")
    assert auto("photos", "-o", "set").code == 0
    assert auto("photos", "-o", "set").code == 0
    answer = auto("photos", "-o", "set", "--min-area", "5")
    assert answer.code == 2
    assert "made with another min_area. Choose another name, or add --force" in answer.err
    assert auto("photos", "-o", "set", "--min-area", "5", "--force").code == 0


@pytest.mark.parametrize("output", ["made", "made.json"])
def test_a_source_that_is_not_there(run, output: str) -> None:
    answer = run("auto", "photoz", "-o", output)
    assert answer.code == 2
    assert "IMAGE must be an image, a folder or a list that exists, got photoz." in answer.err
    assert not Path(output).exists()
