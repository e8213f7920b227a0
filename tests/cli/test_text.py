"""Text on the command line, with the models in the package: `segment --text`, `auto --names`, `name`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import anymask
from anymask import formats
from anymask.cli import main
from anymask.types import Prompt

PHOTOS = anymask.__path__[0] + "/images/photos"
CAT = f"{PHOTOS}/cat.jpg"


@pytest.fixture(scope="module")
def cat_masks(tmp_path_factory):
    """Masks of two things, the cat and a piece of the background."""
    folder = tmp_path_factory.mktemp("masks")
    numbers = np.zeros((300, 451), np.uint8)
    numbers[30:280, 130:300], numbers[5:60, 380:445] = 1, 2
    Image.fromarray(numbers).save(folder / "map.png")
    return folder / "map.png"


def test_a_text_finds_each_thing_with_its_name(tmp_path, capsys):
    code = main(["segment", CAT, "--text", "a cat, bicycle", "-o", str(tmp_path / "x.json"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [one["name"] for one in told["masks"]] == ["a cat"]
    assert 0.25 <= told["masks"][0]["score"] <= 1
    assert 0.2 * 300 * 451 < told["masks"][0]["area"] < 0.9 * 300 * 451
    written = json.loads((tmp_path / "x.json").read_text())
    [kept] = written["annotations"]
    assert (kept["category"], kept["category_score"]) == ("a cat", told["masks"][0]["score"])
    assert kept["predicted_iou"] == told["masks"][0]["predicted_iou"] != kept["category_score"]
    assert told["best"]["a cat"] >= kept["category_score"]
    assert told["best"]["bicycle"] < 0.25


def test_what_is_not_there_gives_no_mask_and_no_file(tmp_path, capsys):
    words = ["segment", CAT, "--text", "bicycle", "-o", str(tmp_path / "x.png"), "--overlay"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert re.search(
        r"nothing found for bicycle \(the best score is 0\.[01]\d\): try a more basic word, or", told
    )
    assert "wrote" not in told
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["masks"], told["files"], told["overlay"]) == ([], [], None)
    assert not any(tmp_path.glob("x*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text", ""], "--text must hold a name"),
        (["--text", "!!!"], "text must name a thing"),
        (["--text", "cat;dog"], "--text must be names with commas between them, got ';' in 'cat;dog'"),
        (["--text", "cat,dog", "--text", "cat"], "--text must hold each name once"),
        (["--text", "x" * 10_000], "at most 200 characters"),
        (
            ["--text", "a small cat on a very old brown sofa in the living room at home"],
            "at most 8 words, got 9",
        ),
        (["--text", "spatulla"], "Nearest known words: spatula"),
        (["--text", "собака"], "must be in English"),
        (["--text", "cat", "--point", "3,4"], "--text must be given without --point"),
        (["--text", "cat", "--all"], "--text must be given without --all"),
        (["--text", "cat", "--threshold", "2"], "threshold must be from 0 to 1, got 2"),
        (["--point", "3,4", "--threshold", "0.5"], "--threshold must go with --text"),
        (["--text", "cat", "--model", "context"], "Use compact"),
    ],
)
def test_bad_texts_are_told_in_one_sentence(tmp_path, capsys, words, message):
    assert main(["segment", CAT, *words, "-o", str(tmp_path / "x.png")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


def test_masks_get_names_or_none(cat_masks, tmp_path, capsys):
    out = tmp_path / "named.json"
    assert main(["name", CAT, str(cat_masks), "--names", "dog, cat,bus", "--json", "-o", str(out)]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["name"] == "cat"
    assert first["probability"] == pytest.approx(max(first["all"].values()))
    assert sum(second["all"].values()) <= 1.001
    kept = [one.get("category") for one in json.loads(out.read_text())["annotations"]]
    assert kept == [first["name"], second["name"]]
    assert main(["name", CAT, str(out), "--names", "cat"]) == 0
    assert "mask 1" in capsys.readouterr().out


@pytest.mark.parametrize("format", ["cvat", "yolo"])
def test_masks_of_any_format_get_names(cat_masks, tmp_path, capsys, format):
    (record,) = formats.read(cat_masks)
    record = replace(record, meta={**record.meta, "file_name": Path(CAT).name})
    other = replace(record, id="other", meta={**record.meta, "file_name": "other.jpg"})
    many = format == "cvat"
    target = tmp_path / f"set{'' if format == 'yolo' else formats.FORMATS[format].suffix}"
    formats.write([record, other] if many else record, target, format)
    assert main(["name", CAT, str(target), "--names", "cat"]) == 0
    assert "mask 2" in capsys.readouterr().out
    if many:
        formats.write([other, replace(other, id="2")], target, format, force=True)
        assert main(["name", CAT, str(target), "--names", "cat"]) == 2
        assert "masks must be of one image, got 2 in " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (" , ", "--names must hold a name"),
        ("cat;dog", "--names must be names with commas between them"),
        ("cat,cat", "--names must hold each name once"),
        ("cat,zzqqy", "words that the model knows"),
    ],
)
def test_bad_names_are_told_in_one_sentence(cat_masks, capsys, names, message):
    assert main(["name", CAT, str(cat_masks), "--names", names]) == 2
    assert message in capsys.readouterr().err


def test_masks_of_another_image_are_refused(tmp_path, capsys):
    Image.fromarray(np.ones((20, 30), np.uint8)).save(tmp_path / "map.png")
    assert main(["name", CAT, str(tmp_path / "map.png"), "--names", "cat"]) == 2
    assert "masks must have the image's size 300 x 451, got 20 x 30" in capsys.readouterr().err


def test_automatic_masks_get_categories(tmp_path, capsys):
    out = tmp_path / "masks.json"
    options = ["--one-pass", "--points-per-side", "4", "--min-iou", "0.3", "--names", "cat,sofa"]
    assert main(["auto", CAT, "-o", str(out), *options]) == 0
    told = capsys.readouterr().out
    found = [one["category"] for one in json.loads(out.read_text())["annotations"]]
    assert found
    assert f"{sum(name is not None for name in found)} of {len(found)} masks have a name: " in told
    assert f"{found.count('cat')} cat" in told
    assert set(found) <= {"cat", "sofa", None}
    scores = [one.get("category_score") for one in json.loads(out.read_text())["annotations"]]
    assert [score is None for score in scores] == [name is None for name in found]


def test_an_example_may_be_words(tmp_path, capsys):
    assert main(["like", CAT, "--example", f"{CAT}=text:cat", "-o", str(tmp_path / "out")]) == 0
    assert np.asarray(Image.open(tmp_path / "out" / "cat.png")).any()
    assert re.search(
        r"example .*cat\.jpg: 'cat' is the box [\d,]+, [\d,]+ px, score [01]\.\d\d", capsys.readouterr().err
    )
    assert main(["like", CAT, "--example", f"{CAT}=text:bicycle", "-o", str(tmp_path / "none")]) == 2
    assert "got nothing that looks like 'bicycle'" in capsys.readouterr().err


def test_find_takes_prompts_and_embeddings():
    model = anymask.load("compact")
    embedding = anymask.embed(model, CAT)
    found = anymask.find(model, embedding, [Prompt.named("cat")])
    again = anymask.find(model, CAT, ["cats"])
    longer = anymask.find(model, embedding, ["the cat that sits on my very old brown sofa at home"])
    assert len(found) == 1
    assert found.areas.tolist() == longer.areas.tolist()
    assert found.areas.tolist() == again.areas.tolist()
