"""Where the page's model lies: made at set-up, or on first use."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

import anymask
from anymask.app import onnx_cache as exported
from anymask.files import sha256_of
from anymask.models import Sam, build
from anymask.models.config import DEBUG, DEBUG_VIT, SamConfig


def tiny(config: SamConfig = DEBUG) -> Sam:
    model = build(config).eval()
    assert isinstance(model, Sam)
    return model


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Where stand-ins for `load_sam` and `export` wrote; package and cache are empty folders."""
    made: list[Path] = []

    def write(
        model: Sam, path: Path, *, name: str, precisions: tuple[str, ...], encoder: bool, tell: object
    ) -> None:
        path.mkdir()
        (path / exported.MANIFEST).write_text(json.dumps([str(model.dtype), name, precisions, encoder]))
        made.append(path)

    def load(name: str, *, device: str, dtype: str) -> Sam:
        assert (name, device, dtype) == ("compact", "cpu", "float32")
        return tiny()

    monkeypatch.setattr(importlib.import_module("anymask.onnx_export"), "export", write)
    monkeypatch.setattr(importlib.import_module("anymask.models"), "load_sam", load)
    monkeypatch.setattr(exported, "FOLDER", tmp_path / "package")
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    return made


@pytest.fixture
def shipped() -> str:
    """The folder's name for the weights of the package."""
    weights = Path(anymask.__file__).parent / "models" / "weights" / "compact.safetensors"
    return f"compact-{sha256_of(weights)[:16]}-{anymask.__version__}-{exported.exporter()}"


def test_set_up_makes_the_shipped_model_once(calls: list[Path], shipped: str, tmp_path: Path) -> None:
    place = tmp_path / "package"
    (place / "compact-0123456789abcdef-0.0.1").mkdir(parents=True)  # of earlier weights
    assert exported.set_up(place)
    assert not exported.set_up(place)
    assert calls == [place / shipped]
    assert json.loads((place / shipped / "model.json").read_text()) == [
        "torch.float32",
        "compact",
        ["float16"],
        True,
    ]
    assert [entry.name for entry in place.iterdir()] == [shipped]
    assert exported.found(shipped) == place / shipped


def test_files_of_other_weights_are_not_taken(calls: list[Path], tmp_path: Path) -> None:
    exported.set_up(tmp_path / "package")
    other = exported.folder_name("compact", "f" * 64)
    assert exported.found(other) is None
    made = exported.make(tiny, "compact", other)
    assert made == tmp_path / "cache" / "exported" / other
    assert exported.found(other) == made == calls[-1]


def test_files_of_another_exporter_are_not_taken(
    calls: list[Path], shipped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "code"
    for folder in ("inference/mask_generation", "onnx_export", "models/weights"):
        (package / folder).mkdir(parents=True)
    (package / "models" / "weights" / "compact.safetensors").write_bytes(b"the same weights")
    monkeypatch.setattr(exported, "_package", lambda: package)
    names = []
    for code, text in (
        ("onnx_export", "1\n"),
        ("models", "1\n"),
        ("inference/mask_generation", "1\n"),
        ("onnx_export", "2\n"),
    ):
        (package / code / "a.py").write_text(text)
        exported.exporter.cache_clear()
        assert exported.set_up(tmp_path / "package")
        assert not exported.set_up(tmp_path / "package")
        names += [entry.name for entry in (tmp_path / "package").iterdir()]
    exported.exporter.cache_clear()
    (package / "onnx_export/a.py").write_bytes(b"2\r\n")  # a checkout on Windows
    assert not exported.set_up(tmp_path / "package")
    assert len(set(names)) == len(calls) == 4
    exported.exporter.cache_clear()


def test_what_is_of_no_use_any_more_is_cleared(calls: list[Path], tmp_path: Path) -> None:
    place = tmp_path / "cache" / "exported"
    stopped, outdated = place / ".mine-0-0.1.0-ab.abc", place / "mine-0-0.0.9-ab"
    others = {place / "mine-1-0.1.0-ab", place / "mine"}
    for folder in {stopped, outdated, *others}:
        folder.mkdir(parents=True)
    made = exported.make(tiny, "mine", "mine-0-0.1.0-ab")
    assert {folder for folder in place.iterdir() if folder.is_dir()} == {made, *others}


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
