"""Where the page's model lies: made on first use."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path

import pytest

from anymask.app import onnx_cache as exported
from anymask.app.inline_weights import inlined
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.images.bundled_photos import sample_photo
from anymask.images.read import read_image
from anymask.inference.promptable.predict import embed, predict
from anymask.models import Sam, build, load_sam
from anymask.models.config import DEBUG, DEBUG_VIT, SamConfig
from anymask.models.onnx_runtime import DECODER, ENCODER, graph_file
from anymask.models.onnx_session import Session
from anymask.onnx_export.decoding import decode
from anymask.types import Prompt


def tiny(config: SamConfig = DEBUG) -> Sam:
    model = build(config).eval()
    assert isinstance(model, Sam)
    return model


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Where a stand-in for `export` wrote; the cache is an empty folder."""
    made: list[Path] = []

    def write(
        model: Sam, path: Path, *, name: str, precisions: tuple[str, ...], encoder: bool, tell: object
    ) -> None:
        path.mkdir()
        (path / exported.MANIFEST).write_text(json.dumps([str(model.dtype), name, precisions, encoder]))
        made.append(path)

    monkeypatch.setattr(importlib.import_module("anymask.onnx_export"), "export", write, raising=False)
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    return made


def test_the_shipped_model_is_made_once_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch", None)
    folder = exported.folder_name("compact", "f" * 64)
    assert exported.found(folder) is None
    made = exported.make_shipped(folder)
    assert exported.found(folder) == made == tmp_path / "exported" / folder
    before = (made / exported.MANIFEST).stat().st_mtime_ns
    assert exported.make_shipped(folder) == made
    assert (made / exported.MANIFEST).stat().st_mtime_ns == before


def test_a_cache_that_is_not_writable_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"the cache must be a writable folder, .* Set ANYMASK_CACHE"):
        exported.make_shipped(exported.folder_name("compact", "f" * 64))


def test_the_files_of_the_shipped_model_hold_its_weights(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    for part in (ENCODER, DECODER):
        ours, theirs = tmp_path / f"{part}.onnx", graph_file("compact", part)
        ours.write_bytes(inlined(theirs))
        a, b = onnx.load(ours), onnx.load(theirs)  # which reads what lies in other files
        for tensor in b.graph.initializer:
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
        assert a == b
        onnx.checker.check_model(a)


def test_the_decoder_of_the_page_gives_the_masks_of_the_model() -> None:
    model = load_sam("compact", runtime="onnx")
    image = read_image(sample_photo("cat.jpg"))
    embedding = embed(model, image)
    prompts = [Prompt.point(210, 180), Prompt.point(300, 60)]
    wanted = predict(model, embedding, prompts, logits=True, zoom=False)
    skips = {f"skip_{i}": skip for i, skip in enumerate(embedding.skips)}
    encoded = {"features": embedding.features, **skips}
    logits = decode(Session(graph_file("compact", DECODER)), encoded, prompts, embedding.frame)
    masks = embedding.frame.masks_rle(logits[:, 1:].reshape(-1, *embedding.frame.grid_hw))
    assert min(rle.iou([a], [b])[0, 0] for a, b in zip(masks, wanted.rles, strict=True)) > 0.99


def test_files_of_another_code_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "_package", lambda: tmp_path)
    names = []
    for code, text in (
        ("onnx_export/a.py", "1\n"),
        ("models/a.py", "1\n"),
        ("models/weights/a.onnx", "1\n"),
        ("inference/mask_generation/a.py", "1\n"),
        ("onnx_export/a.py", "2\n"),
    ):
        (tmp_path / code).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / code).write_text(text)
        exported.exporter.cache_clear()
        names.append(exported.folder_name("compact", "f" * 64))
    exported.exporter.cache_clear()
    (tmp_path / "onnx_export/a.py").write_bytes(b"2\r\n")  # a checkout on Windows
    assert exported.folder_name("compact", "f" * 64) == names[-1]
    assert len(set(names)) == len(names)
    exported.exporter.cache_clear()


def test_what_is_of_no_use_any_more_is_cleared(calls: list[Path], tmp_path: Path) -> None:
    place = tmp_path / "cache" / "exported"
    stopped, unused = (
        place / ".mine-0-0.1.0-ab.abc",
        {place / "mine-0-0.0.9-ab", place / ".mine-0-0.0.9-ab.x.part"},
    )
    used = place / "mine-0-0.1.0-cd"  # by a server of another installation
    others = {place / "mine-1-0.1.0-ab", place / "mine"}
    for folder in {stopped, used, *unused, *others}:
        folder.mkdir(parents=True)
    (used / exported.MANIFEST).touch()
    long_ago = time.time() - 1.1 * exported.KEPT_DAYS * 24 * 3600
    for folder in {used, *unused, *others}:
        os.utime(folder, (long_ago, long_ago))
    assert exported.found(used.name) == used
    made = exported.make(tiny, "mine", "mine-0-0.1.0-ab")
    assert {folder for folder in place.iterdir() if folder.is_dir()} == {made, used, *others}


def test_the_decoder_alone_is_made_of_a_model_that_the_server_encodes_for(calls: list[Path]) -> None:
    made = exported.make(lambda: tiny(DEBUG_VIT), "vit", "vit-0-0.1.0-ab")
    assert json.loads((made / "model.json").read_text()) == ["torch.float32", "vit", ["float16"], False]


def test_the_weights_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").touch()
    assert exported.weights_file(str(tmp_path / "a.safetensors")) == tmp_path / "a.safetensors"
    assert exported.weights_file(str(tmp_path)) is None
    (tmp_path / "model.safetensors").touch()  # what a training leaves
    assert exported.weights_file(str(tmp_path)) == tmp_path / "model.safetensors"
    shipped = exported.weights_file("compact")
    assert shipped is not None
    assert shipped.name == "compact.safetensors"
