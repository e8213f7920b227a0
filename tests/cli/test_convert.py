"""`anymask data convert` converts, reports what was lost, and leaves out what is damaged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.cli.options.registry import command
from anymask.cli.parser import Parser
from anymask.data_engine.project import Draft, images, masks, open_project, tracks
from anymask.data_engine.project.project import scan
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record


@pytest.fixture
def source(workplace: Path) -> Path:
    """A COCO file of three images with two masks each, one of them with a hole."""
    dense = np.zeros((2, 20, 30), bool)
    dense[0, 2:12, 3:20] = True
    dense[0, 5:8, 6:10] = False
    dense[1, 14:18, 20:28] = True
    Path("photos").mkdir()
    records = []
    for name in ("a", "b", "c"):
        write.write_png(np.zeros((20, 30, 3), np.uint8), f"photos/{name}.png")
        masks = Masks.from_dense(dense, scores=[0.5, 1])
        records.append(Record(name, Path(f"photos/{name}.png"), masks, meta={"categories": ["cat", "dog"]}))
    formats.write(records, "coco.json")
    return Path("coco.json")


def test_to_yolo_and_back(run, source: Path) -> None:
    answer = run("data", "convert", source, "-o", "yolo", "--to", "yolo", "--report", "lost.json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "3 images with 6 masks as yolo, mean IoU of what is read back 1.0000",
        "  3 masks: holes opened by cuts",
        "  scores: not stored (3 images)",
        "wrote yolo",
        "wrote lost.json",
    ]
    report = json.loads(Path("lost.json").read_text())
    assert [change["notes"] for change in report["changed"]] == [["holes opened by cuts"]] * 3
    assert run("data", "convert", "yolo", "-o", "again.json", "--images", "photos").code == 0
    before, after = formats.read(source), formats.read("again.json")
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.masks.dense(), other.masks.dense())
        assert one.meta["categories"] == other.meta["categories"]


def test_masks_of_some_names(run, source: Path) -> None:
    answer = run("data", "convert", source, "-o", "dogs.json", "--keep", "dog, horse")
    assert (answer.code, answer.err) == (0, "masks of other names were left out: cat (3)\n")
    for one in formats.read("dogs.json"):
        assert (one.meta["categories"], one.masks.areas.tolist()) == (["dog"], [32])
    answer = run("data", "convert", source, "-o", "horses.json", "--keep", "horse")
    assert answer.code == 2
    assert "--keep must have a name of a mask, got horse. There are: cat (3), dog (3)." in answer.err
    assert not Path("horses.json").exists()


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("b.xml", "cvat"),
        ("b.json", "coco"),
        ("b", "labelme"),
        ("b", "npz"),
        ("b", "labels"),
        ("b.json", "labelstudio"),
    ],
)
def test_by_ending_or_by_name(run, source: Path, name: str, format: str) -> None:
    named = () if name == "b.xml" else ("--to", format)
    told = run("data", "convert", source, "-o", name, *named, "--json").json
    assert (told["format"], told["path"], told["records"], told["masks"]) == (format, name, 3, 6)
    assert len(formats.read(name, format)) == 3


def test_fewer_corners(run, source: Path) -> None:
    told = run("data", "convert", source, "-o", "b", "--to", "svg", "--max-loss", "0.2", "--json").json
    assert 0.8 <= told["mean_iou"] <= 1
    assert all(change["notes"] == ["corners dropped"] for change in told["changed"])
    assert run("data", "convert", source, "-o", "c", "--to", "labelme", "--polygons").code == 0
    shapes = json.loads(Path("c/a.json").read_text())["shapes"]
    assert [shape["shape_type"] for shape in shapes] == ["polygon", "polygon"]


def test_a_training_set_is_a_source(run, dataset: Path) -> None:
    told = run("data", "convert", dataset, "-o", "all.json", "--json").json
    assert told["records"] == 6


def test_damaged_records_are_reported_and_left_out(run, source: Path) -> None:
    document = json.loads(source.read_text())
    document["images"][0]["width"] = None
    source.write_text(json.dumps(document))
    answer = run("data", "convert", source, "-o", "b", "--to", "sa1b", "--report", "lost.json")
    assert answer.code == 2
    first, last = answer.err.splitlines()
    assert first.startswith("left out: a: image must have a field 'width' of type int, got None")
    assert last.startswith("error: records must be valid, got 1 that were left out of b. Repair them")
    assert sorted(path.name for path in Path("b").iterdir()) == ["b.json", "c.json"]
    assert [id for id, _ in json.loads(Path("lost.json").read_text())["skipped"]] == ["a"]


def test_single_annotations_are_told_and_left_out(run, source: Path) -> None:
    document = json.loads(source.read_text())
    document["annotations"][0]["segmentation"] = [[1, 2]]
    document["annotations"][1]["segmentation"] = []
    document["annotations"][2]["image_id"] = 99
    source.write_text(json.dumps(document))
    answer = run("data", "convert", source, "-o", "b.json", "--report", "lost.json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[:2] == [
        "3 images with 3 masks as coco, mean IoU of what is read back 1.0000",
        "  not read: annotation of no image (1), box without an outline (1), damaged (1)",
    ]
    assert sorted(json.loads(Path("lost.json").read_text())["left_out"]) == [
        ["a", "box without an outline", 1],
        ["a", "damaged: polygon must be 3 or more corners x, y as finite numbers, got 2 numbers", 1],
        ["coco.json", "annotation of no image", 1],
    ]
    told = run("data", "convert", source, "-o", "c.json", "--boxes", "as-masks").out
    assert told.startswith("3 images with 4 masks as coco")


def test_zero_records_are_no_success(run, source: Path) -> None:
    source.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    answer = run("data", "convert", source, "-o", "b.json")
    assert answer.code == 2
    assert answer.err.startswith("error: path must hold annotations of an image, got none in coco.json.")
    assert not Path("b.json").exists()


BAD = {
    "coco.json -o b": "--to must name the format of the folder b, got nothing. For example: --to yolo",
    "coco.json -o b --to yollo": "--to must be a known name, got 'yollo'. Did you mean 'yolo'?",
    "coco.json -o b.tif": "suffix of the output must be a known name, got '.tif'.",
    "coco.json -o b.xml --from cocoa": "format must be a known name, got 'cocoa'. Did you mean 'coco'?",
    "coco.json -o coco.json --force": "output must be another place than A, got coco.json twice.",
    "coco.json -o there.xml": "output must be a new file, got there.xml, which exists. Add --force to",
    "coco.json -o mine --to yolo": "output must be a new folder, got mine, which holds files. Add --force.",
    "coco.json -o mine --to yolo --force": "folder of such files only, got mine, which holds others.",
    "coco.json -o b.xml --report there.xml": "output must be a new file, got there.xml, which exists.",
    "coco.json -o b.xml --report b.xml": "--report must be a file of its own, got b.xml twice.",
    "coco.json -o b.svg": "single one for one file of this format, got 'a' and 'b'. Name a folder",
    "nowhere.json -o b.xml": "A must be a file or folder that exists, got nowhere.json.",
    "nowhere -o b.xml": "A must be a file or folder that exists, got nowhere.",
    "cut.json -o b.xml": "path must be a complete JSON file, got cut.json",
    "cut.xml -o b.json": "path must be a complete XML file, got cut.xml",
    "bomb.xml -o b.json": "XML must declare no entities, got some. Write the file again without a DTD.",
    "coco.json -o b.xml --max-loss 1": "--max-loss must be a number from 0 to below 1, got '1'",
    "coco.json": "--output must be given, got nothing.",
    "coco.json b.xml": "must be given one A, got 'b.xml' as well. The output is named by -o.",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input(run, source: Path, line: str) -> None:
    Path("there.xml").write_text("precious")
    Path("mine").mkdir()
    Path("mine/precious.jpg").write_text("precious")
    Path("cut.json").write_bytes(source.read_bytes()[:300])
    Path("cut.xml").write_text("<annotations><image id='0'")
    Path("bomb.xml").write_text(
        '<!DOCTYPE a [<!ENTITY b "bb">]><annotations><image name="&b;"/></annotations>'
    )
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    answer = run("data", "convert", *line.split())
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert BAD[line] in answer.err
    assert before == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_the_help_names_every_format() -> None:
    text = Parser(command("data convert")).layout(2000)
    assert f"The format of B: {', '.join(sorted(formats.FORMATS))}." in text


def test_the_tracks_of_a_project_become_objects_of_a_video(run, workplace: Path) -> None:
    """All frames, in the order of the video; suggestions only on request."""
    Path("film").mkdir()
    for name in ("2.png", "10.png", "11.png"):
        write.write_png(np.zeros((20, 30, 3), np.uint8), f"film/{name}")
    project = open_project("film")
    list(scan(project))
    bits = np.zeros((20, 30), bool)
    bits[2:12, 3:20] = True
    draft = Draft(id="m", size=(20, 30), counts=rle.to_string(rle.encode(bits)))
    ids = {image.name: image.id for image in images.every(project.db)}
    masks.save(project.db, ids["2.png"], draft, seen=0, author="ada")
    tracks.add(project.db, ids["10.png"], {"track-m": replace(draft, id="n")}, author="ada")
    project.close()
    answer = run("data", "convert", "film", "-o", "all", "--to", "davis", "--suggestions")
    assert (answer.code, answer.err) == (0, ""), answer.err
    shown = {one.id: (one.meta["ids"], one.masks.areas.tolist()) for one in formats.read("all")}
    assert shown == {"video/2": ([1], [170]), "video/10": ([1], [170]), "video/11": ([], [])}
    assert run("data", "convert", "film", "-o", "some.xml", "--to", "cvatvideo").code == 0
    text = Path("some.xml").read_text()
    assert re.findall(r'frame="(\d)" keyframe="1" outside="(\d)"', text) == [("0", "0"), ("1", "1")]
