"""`anymask tune` tunes a context, `anymask like` takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import models
from anymask.models.config import CONTEXT_DEBUG
from anymask.types import Context

BLACK = "black.png"


@pytest.fixture
def words(dataset: Path, tmp_path: Path) -> list[object]:
    model = models.save(models.build(CONTEXT_DEBUG), tmp_path / "context.safetensors")
    return ["tune", "--data", dataset, "--split", "train", "--steps", "1", "--model", model]


@pytest.fixture
def category(dataset: Path) -> str:
    from anymask.data import open_dataset

    named = [set(record.meta["categories"]) for record in open_dataset(dataset, split="train")]
    return next(one for one in sorted(set.union(*named)) if sum(one in names for names in named) > 1)


def test_a_category_is_learned_and_found(run, words: list[object], category: str, photo: Path) -> None:
    answer = run(*words, "--category", category, "-o", "it.safetensors")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("wrote it.safetensors, tuned on ")
    assert Context.load("it.safetensors").model
    like = run("like", "--example", "it.safetensors", photo, "-o", "out", "--model", words[-1])
    assert like.code == 0, like.err
    assert Path("out/photo.png").is_file()
    again = run(*words, "--category", category, "-o", "it.safetensors")
    assert (again.code, "which exists" in again.err) == (2, True)
    assert run(*words, "--category", category, "-o", "it.safetensors", "--force").code == 0
    other = run("like", "--example", "it.safetensors", photo, "-o", "other")
    assert "contexts must have the model's size" in other.err
    for more in (["--rank-examples"], ["--correct", "0=fix.png"]):
        refused = run("like", "--example", "it.safetensors", "film.mp4", "-o", "out", *more)
        assert "--correct and --rank-examples must go with examples PHOTO=TARGET alone" in refused.err


def test_examples_in_files_give_their_palette(run, words: list[object], photo: Path) -> None:
    target = np.zeros((80, 120), np.uint8)
    target[10:40, 10:60], target[50:70, 30:110] = 1, 7
    Image.fromarray(target).save("target.png")
    pair = ["--example", f"{photo}=target.png"]
    answer = run("tune", *pair, *pair, *words[-4:], "-o", "two.safetensors")
    assert answer.code == 0, answer.err
    palette = Context.load("two.safetensors").palette
    assert palette is not None
    assert len(palette) == 2
    both = run(
        "like", "--example", "two.safetensors", *pair, photo, "-o", "out", "--model", words[-1], "--json"
    )
    assert both.code == 0, both.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--category", "zebra", "-o", "a.safetensors"], "category must be a known name, got 'zebra'."),
        (["-o", "a.safetensors"], "--data and --category, or else several --example, must be given."),
        (["--category", "x", "-o", "a.png"], "output must end in .safetensors, got a.png."),
    ],
)
def test_mistakes(run, words: list[object], more: list[str], message: str) -> None:
    answer = run(*words, *more)
    assert answer.code == 2
    assert message in answer.err
