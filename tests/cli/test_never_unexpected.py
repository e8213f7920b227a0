"""Nothing that a user gives is a fault of anymask: one sentence, exit code 2, nothing left behind."""

from __future__ import annotations

import copy
import errno
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from anymask import models
from anymask.cli import main
from anymask.errors import InputError, WeightsError
from anymask.models.checkpoints.load import METADATA
from anymask.train import recipes
from anymask.train.config import TrainConfig, change
from anymask.types.context import FORMAT


def state() -> dict[str, bytes | None]:
    """All files of the current folder with their content, and all folders."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}


def check(run, *words: object) -> str:
    """Run a command that must be refused; returns the message."""
    before = state()
    answer = run(*words)
    assert (answer.code, answer.out) == (2, ""), answer
    *notes, error = answer.err.splitlines()
    assert error.startswith("error: ")
    assert not error.startswith("error: unexpected")
    assert all(note.startswith("left out: ") for note in notes)
    assert state() == before
    return answer.err


# ---- JSON of any kind

HUGE = "1" + "0" * 400
DEEP = {"lists": "[" * 100_000, "objects": '{"a":' * 100_000, "inside": '{"shapes":' + "[" * 5000}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("form", [None, "coco", "labelme", "sa1b", "geojson", "labelstudio", "via", "isat"])
def test_deep_json(run, kind: str, form: str | None) -> None:
    Path("a.json").write_text(DEEP[kind])
    check(run, "data", "convert", "a.json", *(("--from", form) if form else ()), "-o", "b.json")


def test_deep_json_beside_an_image(run, photo: Path) -> None:
    Path("photo.json").write_text(DEEP["lists"])
    answer = run("data", "check", ".")
    assert (answer.code, "unexpected" in answer.err) == (2, False)


_FIELDS = [
    *(
        "images",
        "annotations",
        "categories",
        "id",
        "image_id",
        "width",
        "height",
        "file_name",
        "segmentation",
    ),
    *("size", "counts", "bbox", "score", "iscrowd", "shapes", "points", "label", "shape_type", "imagePath"),
    *("imageWidth", "imageHeight", "image", "data", "result", "value", "type", "features", "geometry"),
    *("coordinates", "properties", "original_width", "predicted_iou"),
]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([10**400, -1, 0, 2**63, "polygon", "mask", "a.jpg", "\ud800", "\0", "../a", "x" * 300]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=60)
@given(
    document=_JSON, form=st.sampled_from(["coco", "labelme", "sa1b", "geojson", "labelstudio", "via", "isat"])
)
def test_no_json_ends_in_a_fault(document: Any, form: str) -> None:
    Path("a.json").write_text(json.dumps(document))
    for words in (["convert", "a.json", "--from", form, "-o", "b.json", "--force"], ["check", "a.json"]):
        assert main(["data", *words]) in (0, 2)


# ---- examples and models


def context(arrays: dict[str, np.ndarray], **head: str) -> Callable[[], object]:
    return lambda: save_file(arrays, "bad.safetensors", {"format": FORMAT, **head})


SQUARE = {name: np.zeros((3, 64, 64), np.float32) for name in ("image", "target")}
PLAIN = {"palette": "null", "model": ""}
BAD_CONTEXTS = {
    "no image": context({"target": SQUARE["target"]}, **PLAIN),
    "no palette": context(SQUARE),
    "palette that is no JSON": context(SQUARE, palette="{", model=""),
    "deep palette": context(SQUARE, palette="[" * 5000, model=""),
    "ragged palette": context(SQUARE, palette="[[1], [2, 3]]", model=""),
    "palette of words": context(SQUARE, palette='"red"', model=""),
    "flat": context({name: np.zeros(3, np.float32) for name in SQUARE}, **PLAIN),
    "empty": context({name: np.zeros((0, 0, 0), np.float32) for name in SQUARE}, **PLAIN),
    "NaN": context({**SQUARE, "image": np.full((3, 64, 64), np.nan, np.float32)}, **PLAIN),
    "another size": context({name: np.zeros((3, 4, 4), np.float32) for name in SQUARE}, **PLAIN),
}


@pytest.fixture(scope="module")
def example_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a tiny in-context model."""
    folder = tmp_path_factory.mktemp("context")
    return models.save(models.build(models.config.CONTEXT_DEBUG), folder / "context.safetensors")


@pytest.mark.parametrize("kind", BAD_CONTEXTS)
def test_bad_contexts(run, photo: Path, example_model: Path, kind: str) -> None:
    BAD_CONTEXTS[kind]()
    check(run, "like", "--example", "bad.safetensors", photo, "--model", example_model, "-o", "out")


def values_of(config: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every value of a configuration."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from values_of(value, (*path, name))
        yield (*path, name)


WRONG = ["x", -1, 10**9, None, [], 10**400, float("nan")]


def test_configurations_of_models_are_checked(model: Path) -> None:
    with safe_open(model, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        head = json.loads(file.metadata()[METADATA])
    refused = tried = 0
    for path in values_of(head["config"]):
        for value in WRONG:
            changed = copy.deepcopy(head)
            place = changed["config"]
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value
            save_file(tensors, "m.safetensors", {METADATA: json.dumps(changed)})
            tried += 1
            try:
                models.load("m.safetensors")
            except WeightsError:
                refused += 1
    assert refused > 0.8 * tried


@pytest.mark.parametrize("text", ["{", "[]", "null", "[" * 5000, '{"config":' * 3000])
def test_configurations_that_are_none(model: Path, text: str) -> None:
    with safe_open(model, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, "m.safetensors", {METADATA: text})
    with pytest.raises(WeightsError):
        models.load("m.safetensors")


# ---- names and places


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 5000 + ".jpg", "y" * 300 + ".jpg", "loop.jpg"])
@pytest.mark.parametrize(
    "line",
    [
        "segment {} --point 1,1",
        "segment photo.jpg --point 1,1 --model {}",
        "segment photo.jpg --mask {}",
        "auto {} -o q",
        "auto photo.jpg --points-file {}",
        "like --example {}=photo.jpg photo.jpg -o q",
        "data check {}",
        "data convert {} -o q.json",
        "data convert {} --from labelme -o q.json",
        "tune --example photo.jpg={} -o q.safetensors",
        "train finetune_all --data {} -o q",
        "serve {}",
    ],
)
def test_names_that_lead_nowhere(run, photo: Path, name: str, line: str) -> None:
    Path("loop.jpg").symlink_to("loop.jpg")
    check(run, *(word.format(name) for word in line.split()))


@pytest.mark.parametrize(
    "size", [b"77777777777\0", b"\x80" + b"\xff" * 11, b"zzzzzzzzzzz\0", b"\xff" * 11 + b"\0"]
)
def test_tar_members_that_lie_about_their_size(run, photo: Path, size: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("a.jpg", photo.read_bytes()), ("a.json", b"{}")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    lie = bytearray(out.getvalue())
    lie[124:136], lie[148:156] = size, b" " * 8
    lie[148:156] = b"%06o\0 " % sum(lie[:512])
    Path("lie.tar").write_bytes(lie)
    for words in (["check"], ["stats"]):
        assert run("data", *words, "lie.tar").code in (0, 2)


# ---- settings of runs


@pytest.mark.parametrize(
    "setting",
    [
        "loop.steps=abc",
        "loop.steps=-1",
        "loop.steps=0",
        "loop.steps=" + HUGE,
        "loop.steps=nan",
        "loop.steps=[1]",
        "loop.steps=" + "[" * 5000,
        "loop.batch=10000000000",
        "optim.lr=NaN",
        "optim.lr=Infinity",
        "optim.betas=[5,5]",
        "optim.betas=[0.9]",
        "optim.weight_decay=-1",
        "augment.brightness=-1",
        "augment.scale=[1,2,3]",
        "size=1000000",
        "size=33",
        "loop=5",
        "x.y.z=1",
        "=5",
    ],
)
def test_settings_of_nonsense(setting: str) -> None:
    with pytest.raises(InputError):
        change(TrainConfig(), [setting])


def test_a_run_that_could_not_begin_leaves_nothing(run, dataset: Path, monkeypatch) -> None:
    def fail(*given: object) -> None:
        raise InputError("data must be better, got this. Choose others.")

    monkeypatch.setattr(recipes.run.__globals__["fit"], "__call__", fail, raising=False)
    monkeypatch.setitem(recipes.run.__globals__, "fit", fail)
    words = ("--set", "loop.steps=1", "size=32", "loop.workers=0")
    check(run, "train", "compact_192", "--data", dataset, "-o", "out", *words)


# ---- the system


def test_a_full_disk_is_a_sentence(run, photo: Path, example_model: Path, monkeypatch) -> None:
    Image.new("L", (120, 80), 255).save("white.png")

    def full(*given: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x")

    monkeypatch.setattr("anymask.files.writing.os.replace", full)
    message = check(
        run, "like", "--example", f"{photo}=white.png", photo, "--model", example_model, "-o", "out"
    )
    assert "No space left on device" in message


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied", "there"), MemoryError()])
def test_what_the_system_refuses_is_a_sentence(run, monkeypatch, error: Exception) -> None:
    def refuse(options: object) -> int:
        raise error

    monkeypatch.setattr("anymask.cli.commands.version.run", refuse)
    message = check(run, "version")
    assert "unexpected" not in message
    assert ("there must be usable, got 'Permission denied'" in message) == isinstance(error, OSError)
