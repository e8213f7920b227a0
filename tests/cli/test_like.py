"""`anymask like` on images and videos, with a toy that goes by colours."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from anymask import models
from anymask.cli import loading
from anymask.images.read import image_size
from anymask.images.video import VideoFrame, read_video, write_video
from anymask.models.config import PAINTER_DEBUG

RED, BLUE = (220, 20, 20), (20, 20, 220)


def scene(shift: int = 0) -> np.ndarray:
    image = np.full((48, 64, 3), 128, np.uint8)
    image[4:20, 8 + shift : 24 + shift] = RED
    image[26:42, 30 - shift : 46 - shift] = BLUE
    return image


def target(image: np.ndarray, numbers: tuple[int, int]) -> np.ndarray:
    out = np.zeros(image.shape[:2], np.uint8)
    for colour, number in zip((RED, BLUE), numbers, strict=True):
        out[(image == colour).all(-1)] = number
    return out


@pytest.fixture
def given(workplace: Path, toy_painter, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An example with two numbers, one in white, a folder of two images, a video of five frames."""
    Image.fromarray(scene()).save("first.png")
    Image.fromarray(target(scene(), (3, 9))).save("numbers.png")
    Image.fromarray(target(scene(), (255, 0))).save("white.png")
    Path("photos").mkdir()
    for shift in (4, 8):
        Image.fromarray(scene(shift)).save(f"photos/p{shift}.png")
    write_video("film.mp4", [VideoFrame(scene(3 * i), Fraction(i * i, 10)) for i in range(5)])
    monkeypatch.setattr(loading, "load_example_model", lambda *names, **options: toy_painter)
    return workplace


def read(name: str) -> np.ndarray:
    return np.asarray(Image.open(name))


def agree(found: np.ndarray, expected: np.ndarray) -> bool:
    return (found == expected).mean() > 0.95


@pytest.mark.usefixtures("given")
def test_images_get_maps_with_the_numbers_of_the_example(run) -> None:
    answer = run("like", "--example", "first.png=numbers.png", "photos", "-o", "out")
    assert answer.code == 0, answer.err
    for shift in (4, 8):
        assert agree(read(f"out/p{shift}.png"), target(scene(shift), (3, 9)))
        assert image_size(f"out/p{shift}-overlay.jpg") == (48, 64)
    assert "3: score 1.00" in answer.out
    assert answer.out.splitlines()[-1] == "wrote 2 to out"


@pytest.mark.usefixtures("given")
def test_hidden_files_do_not_count_and_subfolders_do(run) -> None:
    for name in (".b.png", "sub/c.png", "sub/.d/e.png", "sub_c.png"):
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene(2)).save(Path("photos", name))
    answer = run("like", "--example", "first.png=white.png", "photos", "photos/../first.png", "-o", "out")
    assert answer.code == 0, answer.err
    maps = sorted(path.name for path in Path("out").glob("*.png"))
    assert maps == ["first.png", "p4.png", "p8.png", "sub_c-2.png", "sub_c.png"]
    assert len(list(Path("out").glob("*-overlay.jpg"))) == 5


@pytest.mark.usefixtures("given")
def test_an_image_that_needs_a_missing_package_does_not_stop_a_folder(run, monkeypatch) -> None:
    Path("photos/scan.dcm").write_bytes(bytes(128) + b"DICM")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    answer = run("like", "--example", "first.png=white.png", "photos", "-o", "out")
    assert answer.code == 3
    assert "left out photos/scan.dcm: " in answer.err
    assert "[medical]'" in answer.err
    assert answer.out.splitlines()[-1] == "wrote 2 to out"
    alone = run("like", "--example", "first.png=white.png", "photos/scan.dcm", "-o", "other")
    assert alone.code not in (0, 3)


@pytest.mark.usefixtures("given")
def test_damaged_images_of_a_folder_are_left_out(run) -> None:
    Path("photos/no.png").write_bytes(b"no image at all")
    Path("photos/cut.png").write_bytes(Path("photos/p4.png").read_bytes()[:-40])
    answer = run("like", "--example", "first.png=white.png", "photos", "-o", "out")
    assert answer.code == 3
    assert "left out photos/no.png: image must be an image file" in answer.err
    assert "left out photos/cut.png: " in answer.err
    assert answer.out.splitlines()[-1] == "wrote 2 to out"
    Path("bad").mkdir()
    Path("photos/no.png").rename("bad/no.png")
    none = run("like", "--example", "first.png=white.png", "bad", "-o", "other")
    assert (none.code, Path("other").exists()) == (2, False)
    assert "PATH must hold images or videos that can be read, got 1 others" in none.err


@pytest.mark.usefixtures("given")
def test_white_examples_give_white_maps(run) -> None:
    words = ("--ensemble", "spatial", "--tile", "64", "--kind", "semantic")
    told = run(
        "like", "--example", "first.png=white.png", "photos/p4.png", "-o", "out", *words, "--json"
    ).json
    assert agree(read("out/p4.png"), target(scene(4), (255, 0)))
    assert [mask["number"] for mask in told[0]["masks"]] == [255]
    assert told[0]["path"] == "photos/p4.png"


@pytest.mark.usefixtures("given")
def test_nothing_found_is_reported(run) -> None:
    Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).save("grey.png")
    answer = run("like", "--example", "first.png=white.png", "grey.png", "-o", "out")
    assert "nothing found" in answer.out
    assert not read("out/grey.png").any()


@pytest.mark.usefixtures("given")
def test_objects_with_low_scores_are_left_out(run) -> None:
    words = ("like", "--example", "first.png=white.png", "photos/p4.png", "--json", "--force")
    (found,) = run(*words, "-o", "out").json[0]["masks"]
    assert run(*words, "-o", "out", "--min-score", str(found["score"] - 0.01)).json[0]["masks"] == [found]
    answer = run(*words[:4], "-o", "none", "--min-score", "1")
    assert ("nothing found" in answer.out) == (found["score"] < 1)
    assert f"object: score {found['score']:.2f}" in run(*words[:4], "-o", "again").out


@pytest.mark.usefixtures("given")
def test_a_stopped_run_is_resumed(run, toy_painter) -> None:
    words = ("like", "--example", "first.png=white.png", "photos", "-o", "out")
    assert run(*words).code == 0
    Path("out/p8.png").unlink()
    refused = run(*words)
    assert refused.code == 2
    assert "Add --resume" in refused.err
    toy_painter.asked.clear()
    assert "wrote 1 to out" in run(*words, "--resume").out
    assert toy_painter.asked == [1]
    assert "wrote 2 to out" in run(*words, "--force").out


@pytest.mark.usefixtures("given")
def test_videos_get_a_map_for_each_frame_and_an_overlay(run, toy_painter) -> None:
    answer = run("like", "--example", "first.png=numbers.png", "film.mp4", "-o", "out", "--memory", "2")
    assert answer.code == 0, answer.err
    maps = sorted(Path("out/film-masks").glob("*.png"))
    assert [path.name for path in maps] == [f"{i:06d}.png" for i in range(5)]
    assert all(agree(read(path), target(scene(3 * i), (3, 9))) for i, path in enumerate(maps))
    lines = [json.loads(line) for line in Path("out/film-masks/frames.jsonl").read_text().splitlines()]
    assert [line["seconds"] for line in lines] == [0, 0.1, 0.4, 0.9, 1.6]
    assert all(line["drift"] < 0.1 and len(line["masks"]) == 2 for line in lines)
    shown = list(read_video("out/film-overlay.mp4"))
    assert [float(frame.time) for frame in shown] == [0, 0.1, 0.4, 0.9, 1.6]
    assert toy_painter.asked == [1, 2, 3, 3, 3]
    assert "5 frames" in answer.out


@pytest.mark.usefixtures("given")
def test_a_stopped_video_is_resumed(run, toy_painter) -> None:
    words = ("like", "--example", "first.png=numbers.png", "film.mp4", "-o", "out", "--memory", "3")
    assert run(*words).code == 0
    maps = {path.name: path.read_bytes() for path in Path("out/film-masks").glob("*.png")}
    figures = Path("out/film-masks/frames.jsonl")
    before = figures.read_text()
    for name in ("000003.png", "000004.png"):
        Path("out/film-masks", name).unlink()
    figures.write_text("\n".join(before.splitlines()[:3]) + '\n{"frame": 3, "sec')
    toy_painter.asked.clear()
    answer = run(*words, "--resume")
    assert answer.code == 0, answer.err
    assert "resuming after 3 frames" in answer.err
    assert toy_painter.asked == [4, 4]
    assert {path.name: path.read_bytes() for path in Path("out/film-masks").glob("*.png")} == maps
    assert figures.read_text() == before


@pytest.mark.usefixtures("given")
def test_a_correction_counts_from_its_frame_on(run, toy_painter) -> None:
    words = ("like", "--example", "first.png=white.png", "film.mp4", "-o", "out")
    assert run(*words).code == 0
    Image.fromarray(target(scene(9), (0, 255))).save("fix.png")  # blue, not red
    toy_painter.asked.clear()
    answer = run(*words, "--resume", "--correct", "3=fix.png")
    assert answer.code == 0, answer.err
    assert "resuming after 3 frames" in answer.err
    assert toy_painter.asked == [1]
    for index, numbers in enumerate([(255, 0)] * 3 + [(0, 255)] * 2):
        assert agree(read(f"out/film-masks/{index:06d}.png"), target(scene(3 * index), numbers))
    toy_painter.asked.clear()
    assert "resuming after 5 frames" in run(*words, "--resume", "--correct", "3=fix.png").err
    assert toy_painter.asked == []


@pytest.mark.usefixtures("given")
def test_a_correction_of_a_frame_that_is_not_there_is_refused(run) -> None:
    words = ("like", "--example", "first.png=white.png", "film.mp4", "-o", "out")
    answer = run(*words, "--correct", "99=white.png")
    assert answer.code == 2
    assert "--correct must name a frame of film.mp4, 0 to 4, got 99." in answer.err
    assert run(*words, "--resume").code == 0


@pytest.mark.usefixtures("given")
def test_a_correction_adds_an_object_and_removes_all(run) -> None:
    Image.fromarray(target(scene(3), (255, 7))).save("both.png")
    Image.fromarray(np.zeros((48, 64), np.uint8)).save("none.png")
    words = ("--correct", "1=both.png", "--correct", "3=none.png")
    answer = run("like", "--example", "first.png=white.png", "film.mp4", "-o", "out", *words)
    assert answer.code == 0, answer.err
    expected = [(255, 0), (255, 7), (255, 7), (0, 0), (0, 0)]
    for index, numbers in enumerate(expected):
        assert agree(read(f"out/film-masks/{index:06d}.png"), target(scene(3 * index), numbers))


@pytest.mark.usefixtures("given")
def test_examples_are_ranked(run) -> None:
    Image.fromarray(target(scene(), (0, 255))).save("wrong.png")
    words = [word for name in ("white", "white", "wrong") for word in ("--example", f"first.png={name}.png")]
    told = run("like", *words, "--rank-examples", "--json").json
    assert [fact["example"] for fact in told][-1] == "first.png=wrong.png"
    text = run("like", *words, "--rank-examples").out.splitlines()
    assert text[-1].startswith("first.png=wrong.png")
    assert text[-1].endswith("hurts")


@pytest.mark.usefixtures("given")
def test_masks_are_sharpened(run, model: Path) -> None:
    words = ("like", "--example", "first.png=white.png", "photos/p4.png", "-o", "out", "--sharpen", model)
    assert run(*words).code == 0
    assert read("out/p4.png").shape == (48, 64)


@pytest.mark.usefixtures("given")
def test_masks_of_videos_are_sharpened_and_the_codec_is_taken(run, model: Path) -> None:
    av = pytest.importorskip("av")
    words = ("like", "--example", "first.png=white.png", "film.mp4", "-o", "out")
    answer = run(*words, "--sharpen", model, "--codec", "mpeg4")
    assert answer.code == 0, answer.err
    with av.open("out/film-overlay.mp4") as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    assert len(list(Path("out/film-masks").glob("*.png"))) == 5
    wrong = run(*words, "--codec", "xvid")
    assert wrong.code == 2
    assert "must be auto or vp9 or mpeg4 or h264, got 'xvid'" in wrong.err


def test_a_model_from_a_file(run, workplace: Path, tmp_path: Path) -> None:
    Image.fromarray(scene()).save("first.png")
    Image.fromarray(target(scene(), (1, 2))).save("numbers.png")
    torch.manual_seed(0)
    path = models.save(models.build(PAINTER_DEBUG), tmp_path / "painter.safetensors")
    words = ("like", "--example", "first.png=numbers.png", "first.png", "-o", "out", "--model", path)
    assert run(*words).code == 0


BAD = {
    "correction": (
        ["--example", "first.png=white.png", "film.mp4", "-o", "out", "--correct", "x=white.png"],
        "--correct must be FRAME=TARGET, got 'x=white.png'",
    ),
    "correction of images": (
        ["--example", "first.png=white.png", "photos", "-o", "out", "--correct", "1=white.png"],
        "--correct must go with a single video, got 0 videos and 2 images",
    ),
    "no photo": (
        ["--example", "white.png", "photos", "-o", "out"],
        "--example must be PHOTO=TARGET, got 'white.png'",
    ),
    "no example": (["photos", "-o", "out"], "--example must be given, got nothing"),
    "missing": (["--example", "a.png=white.png", "photos", "-o", "out"], "a file that exists, got a.png"),
    "sizes": (
        ["--example", "first.png=small.png", "photos", "-o", "out"],
        "target must have the size of its photo",
    ),
    "itself": (
        ["--example", "first.png=first.png", "photos", "-o", "out"],
        "--example must be PHOTO=TARGET, got first.png as its own target.",
    ),
    "black": (["--example", "first.png=black.png", "photos", "-o", "out"], "which is all black"),
    "colours": (["--example", "first.png=many.png", "photos", "-o", "out"], "at most 255 colours, got 300"),
    "no path": (["--example", "first.png=white.png", "-o", "out"], "PATH must be given, got nothing"),
    "no output": (["--example", "first.png=white.png", "photos"], "--output must be given, got nothing"),
    "file": (
        ["--example", "first.png=white.png", "photos", "-o", "o.png"],
        "output must be a folder, got o.png",
    ),
    "deep": (
        ["--example", "first.png=white.png", "photos", "-o", "a/b"],
        "output must lie in a folder that exists",
    ),
    "empty": (["--example", "first.png=white.png", "empty", "-o", "out"], "got the folder empty without any"),
    "no image": (
        ["--example", "first.png=white.png", "text.txt", "-o", "out"],
        "image must be an image file",
    ),
    "twice": (
        ["--example", "first.png=white.png", "photos", "photos", "-o", "out"],
        "PATH must name each file once, got photos/p4.png twice.",
    ),
    "rank and segment": (
        ["--example", "first.png=white.png", "photos", "--rank-examples"],
        "--rank-examples must be given without PATH, got photos.",
    ),
    "one": (["--example", "first.png=white.png", "--rank-examples"], "records must be at least two"),
    "no video": (
        ["--example", "first.png=white.png", "gone.mp4", "-o", "out"],
        "PATH must be a file that exists, got gone.mp4.",
    ),
    "video": (
        ["--example", "first.png=white.png", "bad.mp4", "-o", "out"],
        "video must be a complete video file",
    ),
}


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name: str, run) -> None:
    Image.fromarray(np.full((5, 5), 255, np.uint8)).save("small.png")
    Image.fromarray(np.zeros((48, 64), np.uint8)).save("black.png")
    many = np.zeros((48 * 64, 3), np.uint8)
    many[:300] = np.stack([np.arange(300) % 256, np.arange(300) // 256 + 1, np.full(300, 9)], 1)
    Image.fromarray(many.reshape(48, 64, 3)).save("many.png")
    Path("empty").mkdir()
    Path("text.txt").write_text("no image")
    Path("bad.mp4").write_text("no video")
    words, message = BAD[name]
    answer = run("like", *words)
    assert answer.code == 2, answer
    assert message in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.usefixtures("given")
def test_deep_images_are_shown_as_limits_say(run) -> None:
    Path("deep").mkdir()
    for name, image in {"first.tif": scene(), "deep/p4.tif": scene(4)}.items():
        tifffile.imwrite(name, image.astype(np.uint16) * 8, photometric="rgb")
    words = ("like", "--example", "first.tif=numbers.png", "deep", "-o", "out")
    answer = run(*words, "--limits", "0,2040")
    assert (answer.code, answer.err) == (0, "")
    assert agree(read("out/p4.png"), target(scene(4), (3, 9)))
    assert "deep/p4.tif would be black and is stretched" in run(*words, "--force").err
    wrong = run(*words, "--bands", "1,2", "--force")
    assert (wrong.code, wrong.err) == (
        2,
        "error: --bands must be R,G,B or one number, got '1,2'. Write 4,3,2.\n",
    )


@pytest.mark.usefixtures("given")
def test_very_many_objects_in_a_small_target_must_be_meant(run) -> None:
    numbers = np.zeros((48, 64), np.uint8)
    numbers[:40, :60] = np.arange(150).reshape(10, 15).repeat(4, axis=0).repeat(4, axis=1)
    Image.fromarray(numbers).save("many.png")
    words = ("like", "--example", "first.png=many.png", "photos", "-o", "out")
    refused = run(*words)
    assert refused.code == 2
    assert "at most 100 objects in an image of this size, got 149 in many.png" in refused.err
    assert run(*words, "--many").code == 0
