"""Whatever is wrong with what a user gives: one sentence, exit code 2, nothing half-written."""

from __future__ import annotations

import pickle
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file


def refuse(run, *words: object) -> str:
    """Run a command that must be refused; returns the message."""
    before = {path: path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}
    answer = run(*words)
    after = {path: path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}
    assert answer.code == 2, answer
    assert answer.out == ""
    assert re.fullmatch(r"error: \S.*\n", answer.err), "one line"
    assert "Traceback" not in answer.err
    assert before == after, "nothing is written, nothing changed"
    return answer.err.removeprefix("error: ").strip()


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# ---- images


def make_truncated(path: Path) -> None:
    path.write_bytes(Path("photo.jpg").read_bytes()[:1500])


BAD_IMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "a file that exists, got bad.png. Check the name."),
    "empty": (lambda path: path.write_bytes(b""), "bad.png, which is empty"),
    "truncated": (make_truncated, "bad.png, which is corrupt or truncated"),
    "text": (lambda path: path.write_text("I am no image"), "bad.png, which is none"),
    "0x0": (lambda path: path.write_bytes(png_header(0, 0)), "image must "),
    "0x0 gif": (lambda path: path.write_bytes(b"GIF89a" + bytes(7) + b";"), "image must "),
    "huge": (lambda path: path.write_bytes(png_header(100_000, 100_000)), "100000 x 100000"),
    "directory": (lambda path: path.mkdir(), "a file, got the folder bad.png"),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
@pytest.mark.usefixtures("photo")
def test_bad_image(run, model: Path, kind: str) -> None:
    make, message = BAD_IMAGES[kind]
    make(Path("bad.png"))
    assert message in refuse(run, "segment", "bad.png", "--point", "1,1", "--model", model, "-o", "out.png")


def test_an_animation_gives_its_first_frame_and_a_note(run, model: Path) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "green")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    answer = run("segment", "moving.gif", "--point", "10,10", "--model", model)
    assert (answer.code, answer.err) == (0, "note: moving.gif is animated; its first frame is used\n")


# ---- prompts

BAD_PROMPTS = {
    "none": ([], "--point, --box, --mask or --text must be given, got none. For example: --point 210,180"),
    "point outside": (["--point", "500,10"], "in the image, 0 to 120 by 0 to 80, got (500, 10)"),
    "point left of it": (["--point", "-5,10"], "points must lie in the image"),
    "NaN": (["--point", "nan,10"], "points must be finite numbers"),
    "infinity": (["--box", "0,0,inf,10"], "box must be finite numbers"),
    "strings": (["--point", "a,b"], "--point must be X,Y or X,Y,0, got 'a,b'. For example: --point 210,180"),
    "one number": (["--point", "12"], "--point must be X,Y or X,Y,0, got '12'."),
    "four numbers": (["--point", "1,2,1,1"], "--point must be X,Y or X,Y,0, got '1,2,1,1'."),
    "label 2": (["--point", "1,2,2"], "--point must end in ,0 or ,1 or neither, got '1,2,2'."),
    "box of strings": (["--box", "a,b,c,d"], "--box must be X0,Y0,X1,Y1, got 'a,b,c,d'."),
    "box of three": (["--box", "1,2,3"], "--box must be X0,Y0,X1,Y1, got '1,2,3'."),
    "swapped box": (["--box", "90,10,20,60"], "box must have x0 < x1 and y0 < y1, got (90, 10, 20, 60)"),
    "empty box": (["--box", "20,10,20,60"], "box must have x0 < x1 and y0 < y1"),
    "box outside": (["--box", "300,10,320,60"], "box must overlap the image, 0 to 120 by 0 to 80"),
    "point with boxes": (
        ["--box", "1,1,9,9", "--box", "10,10,20,20", "--point", "5,5"],
        "--box must be given once with --point or --mask, got 2 boxes.",
    ),
}


@pytest.mark.parametrize("kind", BAD_PROMPTS)
def test_bad_prompt(run, photo: Path, model: Path, kind: str) -> None:
    words, message = BAD_PROMPTS[kind]
    assert message in refuse(run, "segment", photo, *words, "--model", model, "-o", "out.png")


def test_too_many_points(run, photo: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymask.types.prompt.MOST_POINTS", 100)
    points = ["--point", "1,1"] * 101
    assert "points must be at most 100, got 101" in refuse(run, "segment", photo, *points, "--model", model)


def test_a_thousand_points_are_fine(run, photo: Path, model: Path) -> None:
    points = [word for i in range(1000) for word in ("--point", f"{i % 120},{i % 80},{i % 2}")]
    assert run("segment", photo, *points, "--model", model).code == 0


def grey(size: tuple[int, int], value: int) -> Callable[[Path], object]:
    return lambda path: Image.new("L", size, value).save(path)


BAD_MASKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another size": (grey((60, 80), 255), "the image's size 80 x 120 (height x width), got 80 x 60"),
    "black": (grey((120, 80), 0), "--mask must hold a mask, got mask.png, which is all black."),
    "colour": (
        lambda path: Image.new("RGB", (120, 80), "red").save(path),
        "mask must be a grey or palette image, got mask.png in colour.",
    ),
    "missing": (lambda path: None, "a file that exists, got mask.png"),
    "text": (lambda path: path.write_text("no mask"), "mask.png, which is none"),
}


@pytest.mark.parametrize("kind", BAD_MASKS)
def test_bad_mask(run, photo: Path, model: Path, kind: str) -> None:
    make, message = BAD_MASKS[kind]
    make(Path("mask.png"))
    words = ("--mask", "mask.png", "--model", model, "-o", "out.png")
    assert message in refuse(run, "segment", photo, *words)


# ---- models


class Harmful:
    """Opening this pickle would make a file."""

    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


def resnet() -> dict[str, torch.Tensor]:
    return {"conv1.weight": torch.zeros(4, 3, 7, 7), "layer1.0.conv1.weight": torch.zeros(4, 4, 3, 3)}


BAD_MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "model must be a name or an existing path, got model.pth."),
    "empty": (lambda path: path.write_bytes(b""), "got an empty file."),
    "text": (lambda path: path.write_text("no weights"), "must be a .safetensors or .pth checkpoint"),
    "web page": (lambda path: path.write_text("<!DOCTYPE html><p>Sign in"), "got a web page."),
    "pickle with code": (lambda path: path.write_bytes(pickle.dumps(Harmful())), "which can run any code"),
    "torch file with code": (lambda path: torch.save(Harmful(), path), "which can run any code"),
    "other architecture": (lambda path: torch.save(resnet(), path), "It seems to be a ResNet checkpoint"),
    "other safetensors": (lambda path: save_file(resnet(), path), "It seems to be a ResNet checkpoint"),
    "truncated": (
        lambda path: path.write_bytes(b"\x00\x10\x00\x00\x00\x00\x00\x00{"),
        "must be a complete checkpoint, got a truncated or corrupt one",
    ),
    "folder": (lambda path: path.mkdir(), "a folder of weights must hold model.safetensors"),
}


@pytest.mark.parametrize("kind", BAD_MODELS)
def test_bad_model(run, photo: Path, kind: str) -> None:
    make, message = BAD_MODELS[kind]
    make(Path("model.pth"))
    words = ("--point", "9,9", "--model", "model.pth", "-o", "out.png")
    assert message in refuse(run, "segment", photo, *words)
    assert not Path("harm").exists()


def test_unknown_model_names_the_nearest(run, photo: Path) -> None:
    message = refuse(run, "segment", photo, "--point", "9,9", "--model", "compcat")
    assert message == "model must be a known name, got 'compcat'. Did you mean 'compact'?"


def test_address_as_model(run, photo: Path) -> None:
    message = refuse(run, "segment", photo, "--point", "9,9", "--model", "https://example.org/sam.pth")
    assert "model must be a name or a local path, got the address" in message


def test_download_when_offline(run, photo: Path) -> None:
    message = refuse(run, "segment", photo, "--point", "9,9", "--model", "sam_vit_b", "--offline")
    assert "weights of 'sam_vit_b' must be in the cache when offline" in message


def test_unknown_device(run, photo: Path, model: Path) -> None:
    message = refuse(run, "segment", photo, "--point", "9,9", "--model", model, "--device", "warp")
    assert "device must be 'auto', 'cpu' or an accelerator of this machine, got 'warp'" in message


# ---- outputs

BAD_OUTPUTS = {
    "missing folder": (["-o", "nowhere/out.png"], "Make the folder nowhere first."),
    "existing": (["-o", "there.png"], "got there.png, which exists. Add --force to replace."),
    "existing overlay": (["-o", "a.png", "--overlay"], "got a-overlay.jpg, which exists."),
    "existing candidate": (["-o", "x.png", "--all"], "got x-2.png, which exists."),
    "a folder": (["-o", "folder.png"], "got the folder folder.png"),
    "a folder, forced": (["-o", "folder.png", "--force"], "got the folder folder.png"),
    "another ending": (["-o", "out.tif"], "output must end in .png or .json, got out.tif."),
    "no ending": (["-o", "out"], "output must end in .png or .json, got out."),
    "the image": (["-o", "./map.png", "--force"], "must be a file of its own, got the image map.png."),
}


@pytest.mark.parametrize("kind", BAD_OUTPUTS)
def test_bad_output(run, photo: Path, model: Path, kind: str) -> None:
    for name in ("there.png", "x-2.png", "a-overlay.jpg"):
        Path(name).write_text("precious")
    Path("folder.png").mkdir()
    Image.open(photo).save("map.png")
    words, message = BAD_OUTPUTS[kind]
    image = "map.png" if kind == "the image" else photo
    assert message in refuse(run, "segment", image, "--point", "9,9", "--model", model, *words)


def test_default_output_is_not_overwritten(run, photo: Path, model: Path) -> None:
    Path("photo-mask.png").write_text("precious")
    assert "photo-mask.png, which exists" in refuse(run, "segment", photo, "--point", "9,9", "--model", model)


def test_nothing_is_left_when_the_second_file_fails(
    run, photo: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anymask.cli import outputs as targets
    from anymask.errors import OutputError

    write = targets.write_atomic

    def fail_late(path: Path, data: bytes, *, force: bool) -> Path:
        if path.suffix == ".jpg":
            raise OutputError("output must be writable, got a full disk. Make room.")
        return write(path, data, force=force)

    monkeypatch.setattr(targets, "write_atomic", fail_late)
    words = ("--model", model, "-o", "mask.png", "--overlay")
    assert "full disk" in refuse(run, "segment", photo, "--point", "9,9", *words)


# ---- words

BAD_WORDS = {
    "segmnt": "command must be a known name, got 'segmnt'. Did you mean 'segment'?",
    "data chek": "command must be a known name, got 'data chek'. Did you mean 'data check'?",
    "segment": "IMAGE must be given, got nothing. See: anymask segment --help",
    "segment a.jpg --pont 1,1": "unknown option --pont. Did you mean --point? See: anymask segment --help",
    "segment a.jpg --click 1,1": "unknown option --click. Did you mean --point? See: anymask segment --help",
    "segment a.jpg --prompt cat": "unknown option --prompt. Did you mean --text? See: anymask segment --help",
    "data convert a b --boxes": "--boxes must be followed by leave-out|as-masks, got nothing.",
    "segment https://example.com/a.jpg --point 1,1": "got the address https://example.com/a.jpg. Download it",
    "eval edges --dta x": "unknown option --dta. Did you mean --data? See: anymask eval edges --help",
    "segment a.jpg --forse": "unknown option --forse. Did you mean --force?",
    "segment a.jpg --xyzzy=3": "unknown option --xyzzy. See: anymask segment --help",
    "segment a.jpg -x": "unknown option -x. See: anymask segment --help",
    "segment a.jpg --tile 9": "unknown option --tile: it belongs to 'anymask auto' and 'anymask like'. See:",
    "like a.jpg --codecs x": "unknown option --codecs. Did you mean --codec?",
    "segment a.jpg --codec x": "unknown option --codec: it belongs to 'anymask like'. See:",
    "segment a.jpg --data x": "'anymask train', 'anymask tune', 'anymask eval clicks' and others. See:",
    "segment a.jpg b.jpg": "segment must be given one IMAGE, got 'b.jpg' as well. Run one image after the",
    "auto a.jpg b.jpg": "must be given one IMAGE, got 'b.jpg' as well. For several images give a folder",
    "data convert a.json b.json": "must be given one A, got 'b.json' as well. The output is named by -o.",
    "train recipe data/": "must be given one RECIPE, got 'data/' as well. Data sets are named by --data.",
    "models compact": "anymask models must be given options only, got 'compact'. See: anymask models --help",
    "segment a.jpg --point": "--point must be followed by X,Y[,0|1], got nothing. See: anymask segment",
    "segment a.jpg --point --force": "--point must be followed by X,Y[,0|1], got nothing.",
    "segment a.jpg -o": "--output must be followed by OUT, got nothing.",
    "eval fewshot --shots": "--shots must be followed by N..., got nothing.",
    "tune": "--output must be given, got nothing. See: anymask tune --help",
    "data --json check": "command must come before its options, got '--json' first. Write: anymask data COMM",
    "--json models": "command must come before its options, got '--json' first. Write: anymask COMMAND",
    "serve photos --static site": "--static must be given without FOLDER, got photos.",
    "eval clicks --max-images 0": "--max-images must be a whole number, 1 or more, got '0'",
    "eval clicks --seed x": "--seed must be a whole number, 0 or more, got 'x'",
    "eval clicks --baseline foo": "--baseline must be grabcut or none, got 'foo'",
    "eval clicks": "--data must name a data set, got none.",
    "eval clicks --data nowhere": "nowhere",
    "data check nowhere": "nowhere",
    "data stats": "PATH must be given, got nothing.",
    "train": "RECIPE, --data and -o must be given together",
    "train finetune_all --data x": "RECIPE, --data and -o must be given together",
    "train finetun_all --data x -o run": "recipe must be a known name, got 'finetun_all'. Did you mean",
    "train finetune_all --data x -o run --set loop.stps=1": "loop.stps",
    "train finetune_all --data x -o run --set loop.steps": "--set must be key=value, got 'loop.steps'",
    "train finetune_all --data nowhere -o run": "nowhere",
    "train -o nowhere": "out must be the folder of a run, got nowhere",
}


@pytest.mark.parametrize("line", BAD_WORDS)
def test_bad_words(run, line: str) -> None:
    assert BAD_WORDS[line] in refuse(run, *line.split())


@pytest.mark.parametrize("command", ["segment", "auto"])
@pytest.mark.parametrize(
    "words", [["a.jpg", "--overlay", "o.jpg"], ["--overlay", "o.jpg", "a.jpg"], ["a.jpg", "--overlay=o.jpg"]]
)
def test_a_file_after_overlay(run, command: str, words: list[str]) -> None:
    assert refuse(run, command, *words) == (
        "--overlay must be given without a value, got 'o.jpg'. The overlay is written beside -o, as "
        f"OUT-overlay.jpg. See: anymask {command} --help"
    )


def test_words_that_look_like_options_and_are_none(run, photo: Path, model: Path) -> None:
    photo.rename("-5.jpg")
    words = ("--point=-0,9", "--box", "-3,0,50,50", "--model", model, "-oout.png", "--", "-5.jpg")
    assert run("segment", *words).code == 0
    assert Path("out.png").is_file()


@pytest.mark.parametrize(
    "line",
    [
        "segment nowhere.jpg --point 9,9 -o there.png",
        "auto nowhere.jpg -o there.json",
        "auto nowhere -o there",
        "like --example nowhere.jpg=there.png photo.jpg -o there",
        "like --example photo.jpg=there.png nowhere.jpg -o there",
        "tune --data nowhere --category cat -o there.safetensors",
        "tune --example nowhere.jpg=there.png -o there.safetensors",
        "train finetune_all --data nowhere -o there",
        "eval clicks --data nowhere -o there.json",
        "eval calibration --data nowhere -o there.json --plot there.png",
        "eval fewshot --data nowhere -o there.json",
        "eval edges --data nowhere -o there.json",
        "eval proposals --data nowhere -o there.json",
        "export nowhere.safetensors -o there",
        "data convert nowhere.json -o there.json",
        "segment photo.jpg --point 9,9 --model nowhere.safetensors -o there.png",
        "segment photo.jpg --point 9,9 --mask nowhere.png -o there.png",
        "auto photo.jpg --model nowhere.safetensors -o there.json",
        "auto photo.jpg --points-file nowhere.txt -o there.json",
        "auto photo.jpg --roi nowhere.png -o there.json",
        "like --example photo.jpg=there.png --model nowhere.safetensors photo.jpg -o there",
    ],
)
@pytest.mark.usefixtures("photo")
def test_missing_input_is_reported_before_existing_output(run, line: str) -> None:
    for name in ("there.json", "there.safetensors"):
        Path(name).write_text("precious")
    Image.new("L", (120, 80), 255).save("there.png")
    Path("there").mkdir()
    Path("there/nowhere.png").write_text("precious")
    message = refuse(run, *line.split())
    assert "nowhere" in message
    assert "there" not in message.replace("nowhere", "")


# ---- the real thing, in processes of its own


def start(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "anymask", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_process_with_a_bad_image() -> None:
    done = start("segment", "nowhere.jpg", "--point", "1,1")
    expected = "error: image must be a file that exists, got nowhere.jpg. Check the name.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_process_with_unknown_words() -> None:
    done = start("segment", "--nonsense")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_process_refuses_a_pickle_with_code(photo: Path) -> None:
    Path("model.pth").write_bytes(pickle.dumps(Harmful()))
    done = start("segment", photo, "--point", "9,9", "--model", "model.pth")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sorted(path.name for path in Path().iterdir()) == ["model.pth", "photo.jpg"]


def test_names_with_line_breaks_keep_the_message_on_one_line(run) -> None:
    assert "got no such.jpg" in refuse(run, "segment", "no\nsuch.jpg", "--point", "1,1")


def test_large_images_give_no_warnings(run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    Image.fromarray(np.zeros((30, 30, 3), np.uint8)).save("large.png")
    answer = run("segment", "large.png", "--point", "9,9", "--model", model)
    assert (answer.code, answer.err) == (0, "")


NEAR_MISSES: dict[str, tuple[list[str], str]] = {
    "a point with a space": (
        ["segment", "photo.jpg", "--point", "10", "8"],
        "--point must be X,Y[,0|1] without spaces, got '10 8'. Use: --point 10,8",
    ),
    "a box with spaces and commas": (
        ["segment", "--box", "1,", "2,", "30,", "40", "photo.jpg"],
        "--box must be X0,Y0,X1,Y1 without spaces, got '1, 2, 30, 40'. Use: --box 1,2,30,40",
    ),
    "an image instead of a project": (
        ["serve", "photo.jpg"],
        "PROJECT must be a folder of images or a video, got the image photo.jpg. Run: anymask serve .",
    ),
    "a backup of no project": (
        ["backup", ".", "-o", "saved.zip"],
        "PROJECT must be the folder of a project, got ..",
    ),
    "a folder of images that does not exist": (
        ["data", "convert", "masks.json", "-o", "other.json", "--images", "nowhere"],
        "--images must be a folder that exists, got nowhere.",
    ),
    "a learned example that does not exist": (
        ["like", "--example", "learned.safetensors", "photo.jpg", "-o", "found"],
        "--example must be a file that exists, got learned.safetensors.",
    ),
    "the input as output": (
        ["auto", ".", "-o", "."],
        "output must be a new folder, got ., which holds files.",
    ),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses_are_told_what_to_write(run, photo: Path, name: str) -> None:
    Path("masks.json").write_text('{"images": [], "annotations": [], "categories": []}')
    words, said = NEAR_MISSES[name]
    assert refuse(run, *words).startswith(said)
    assert sorted(path.name for path in Path().iterdir()) == ["masks.json", "photo.jpg"]
