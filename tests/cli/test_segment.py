"""`anymask segment` writes what it says."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

import anymask
from anymask import formats
from anymask.images.bands import read_bands, to_rgb


def read(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def reference(model: Path, photo: Path, prompts: list[anymask.Prompt], **options: bool) -> anymask.Masks:
    return anymask.predict(anymask.load(model), anymask.read_image(photo), prompts, **options)


def test_a_click_writes_a_mask_in_the_current_folder(run, photo: Path, model: Path) -> None:
    answer = run("segment", photo, "--point", "60,40", "--model", model)
    expected = reference(model, photo, [anymask.Prompt.point(60, 40)], multimask=False)
    assert (answer.code, answer.err) == (0, "")
    assert (read("photo-mask.png") == expected.dense()[0] * np.uint8(255)).all()
    first, mask, wrote = answer.out.splitlines()
    assert first.startswith(f"photo.jpg, 120 x 80, by {model} (read ")
    assert f"score {expected.scores[0]:.2f}  {expected.areas[0]:,} px" in mask
    assert wrote == "wrote photo-mask.png"


def test_points_and_a_box_are_one_object(run, photo: Path, model: Path) -> None:
    words = ("--point", "60,40", "--point", "5,5,0", "--box", "10,-3,130,70")
    assert run("segment", photo, *words, "--model", model, "-o", "m.png").code == 0
    prompt = anymask.Prompt(points=[(60, 40), (5, 5)], labels=[1, 0], box=(10, -3, 130, 70))
    expected = reference(model, photo, [prompt], multimask=False)
    assert (read("m.png") == expected.dense()[0] * np.uint8(255)).all()


def test_several_boxes_are_a_map_of_objects(run, photo: Path, model: Path) -> None:
    boxes = [(5, 5, 60, 70), (50, 10, 110, 75)]
    words = [word for box in boxes for word in ("--box", ",".join(map(str, box)))]
    assert (
        "wrote m.png, a label map with the values 1 to 2"
        in run("segment", photo, *words, "--model", model, "-o", "m.png").out
    )
    expected = reference(model, photo, [anymask.Prompt(box=box) for box in boxes], multimask=False)
    found = read("m.png")
    assert ((found > 0) == expected.dense().any(axis=0)).all()
    assert set(np.unique(found)) <= {0, 1, 2}


def test_a_mask_is_a_prompt(run, photo: Path, model: Path) -> None:
    rough = np.zeros((80, 120), bool)
    rough[20:60, 30:90] = True
    Image.fromarray(rough.astype(np.uint16) * 2).save("rough.png")  # a label map of 16 bits
    assert run("segment", photo, "--mask", "rough.png", "--model", model, "-o", "m.png").code == 0
    expected = reference(model, photo, [anymask.Prompt(mask=rough)], multimask=False)
    assert (read("m.png") == expected.dense()[0] * np.uint8(255)).all()


def test_a_jpeg_mask_is_cut_in_the_middle(run, photo: Path, model: Path) -> None:
    rough = np.full((80, 120), 9, np.uint8)  # nearly black, as JPEG leaves it
    rough[20:60, 30:90] = 250
    Image.fromarray(rough).save("rough.jpg", quality=95)
    assert run("segment", photo, "--mask", "rough.jpg", "--model", model, "-o", "m.png").code == 0
    expected = reference(model, photo, [anymask.Prompt(mask=rough > 127)], multimask=False)
    assert (read("m.png") == expected.dense()[0] * np.uint8(255)).all()


def test_all_writes_three_candidates_the_best_first(run, photo: Path, model: Path) -> None:
    answer = run("segment", photo, "--point", "60,40", "--all", "--model", model, "-o", "m.png")
    assert answer.out.splitlines()[-3:] == ["wrote m-1.png", "wrote m-2.png", "wrote m-3.png"]
    masks = reference(model, photo, [anymask.Prompt.point(60, 40)])
    for name, index in zip(("m-1.png", "m-2.png", "m-3.png"), np.argsort(-masks.scores), strict=True):
        assert (read(name) == masks[int(index)].dense()[0] * np.uint8(255)).all()
    told = [line.split()[2:4] for line in answer.out.splitlines()[1:4]]
    assert told == [["candidate", number] for number in "123"]


def test_json_reads_back(run, photo: Path, model: Path) -> None:
    boxes = ("--box", "5,5,60,70", "--box", "50,10,110,75")
    assert run("segment", photo, *boxes, "--all", "--model", model, "-o", "m.json").code == 0
    (record,) = formats.read("m.json")
    assert (record.id, record.source, len(record.masks)) == ("photo", "auto", 6)
    assert record.read().shape == (80, 120, 3)
    scores = record.masks.scores.reshape(2, 3)
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("-o", "m.json", "--all"), "m-overlay.jpg"),
        (("-o", "m.png"), "m-overlay.jpg"),
        ((), "photo-mask-overlay.jpg"),
        (("--json",), "photo-mask-overlay.jpg"),
    ],
)
def test_the_overlay_is_named_after_the_output(run, photo: Path, model: Path, words, name: str) -> None:
    answer = run("segment", photo, "--point", "60,40", "--model", model, "--overlay", *words)
    assert name in (answer.json["overlay"] if "--json" in words else answer.out)
    shown = cv2.imread(name)
    assert shown.shape == (80, 120, 3)
    assert (shown != cv2.imread(str(photo))).any()


def test_json_on_stdout_writes_no_file(run, photo: Path, model: Path) -> None:
    answer = run("segment", photo, "--point", "60,40", "--model", model, "--json")
    told = answer.json
    assert (answer.err, sorted(path.name for path in Path().iterdir())) == ("", ["photo.jpg"])
    assert (told["image"], told["size"], told["files"], told["overlay"]) == ("photo.jpg", [80, 120], [], None)
    assert set(told["seconds"]) == {"read", "load", "encode", "decode"}
    (mask,) = told["masks"]
    assert (mask["object"], mask["candidate"]) == (0, 0)
    runs, size = anymask.geometry.rle.from_coco(mask["segmentation"])
    assert size == (80, 120)
    assert anymask.geometry.rle.area(runs) == mask["area"]


def test_json_on_stdout_names_the_files(run, photo: Path, model: Path) -> None:
    words = ("--point", "60,40", "--model", model, "--json", "-o", "m.json", "--overlay")
    told = run("segment", photo, *words).json
    assert (told["files"], told["overlay"]) == (["m.json"], "m-overlay.jpg")
    assert json.loads(Path("m.json").read_text())["annotations"][0]["area"] == told["masks"][0]["area"]


def test_force_replaces(run, photo: Path, model: Path) -> None:
    Path("photo-mask.png").write_text("old")
    assert run("segment", photo, "--point", "60,40", "--model", model, "--force").code == 0
    assert read("photo-mask.png").shape == (80, 120)


def test_a_run_directory_is_a_model(run, photo: Path, model: Path) -> None:
    folder = Path("run")
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(model.read_bytes())
    assert run("segment", photo, "--point", "60,40", "--model", "run").code == 0


def deep(path: str, most: int = 4095) -> np.ndarray:
    """A square on a dark ground, 12 bits in 16."""
    samples = np.full((80, 120), most // 20, np.uint16)
    samples[20:60, 30:90] = most
    cv2.imwrite(path, samples)
    return samples


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_12_bits_in_16_are_stretched_with_a_note(run, model: Path, name: str) -> None:
    deep(name)
    answer = run("segment", name, "--point", "60,40", "--model", model, "-o", "m.png", "--overlay")
    assert answer.code == 0
    assert answer.err == (
        f"note: {name} would be black and is stretched to its percentiles 2 and 98; choose by --stretch or "
        "--limits\n"
    )
    shown = read("m-overlay.jpg")
    assert shown.max() > 200


@pytest.mark.parametrize("words", [("--limits", "0,4095"), ("--stretch", "0,100"), ("--bands", "1")])
def test_how_an_image_is_shown_can_be_chosen(run, model: Path, words: tuple[str, ...]) -> None:
    samples = deep("a.tif")
    chosen = dict([words])
    bands = read_bands(chosen.get("--bands"), chosen.get("--stretch"), chosen.get("--limits"))
    answer = run("segment", "a.tif", "--point", "60,40", "--model", model, "-o", "m.png", *words)
    assert (answer.code, answer.err) == (0, "")
    expected = anymask.predict(
        anymask.load(model), to_rgb(samples, bands), [anymask.Prompt.point(60, 40)], multimask=False
    )
    assert (read("m.png") == expected.dense()[0] * np.uint8(255)).all()


def test_a_plane_of_a_stack_is_an_image(run, model: Path) -> None:
    stack = np.stack([np.full((80, 120), 40 * (1 + plane), np.uint8) for plane in range(3)])
    tifffile.imwrite("a.ome.tif", stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    assert run("segment", "a.ome.tif[z=2]", "--point", "6,4", "--model", model, "-o", "m.png").err == ""
    assert run("segment", "a.ome.tif", "--point", "6,4", "--model", model, "-o", "n.png").err == (
        "note: a.ome.tif has 3 planes; the first is used, choose by [z=N]\n"
    )
    wrong = run("segment", "a.ome.tif[z=3]", "--point", "6,4", "--model", model, "-o", "o.png")
    assert (wrong.code, wrong.err) == (
        2,
        "error: plane must have z from 0 to 2, got 3 for a.ome.tif[z=3]. Choose another.\n",
    )


def test_a_folder_is_led_to_the_command_for_many_images(run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    answer = run("segment", tmp_path / "photos", "--text", "cat,dog", "-o", tmp_path / "out.json")
    assert answer.code == 2
    assert answer.err.endswith(f"anymask auto {tmp_path / 'photos'} -o masks --names cat,dog\n")
