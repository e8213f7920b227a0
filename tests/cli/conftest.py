"""The command line in this process, a tiny model to run it with, a tiny data set."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anymask import models
from anymask.cli import main
from anymask.data.synthetic import shapes
from anymask.formats import sa1b
from anymask.models.config import DEBUG


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


Run = Callable[..., Answer]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an empty cache."""
    place = tmp_path / "workplace"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ANYMASK_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return place


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line through the entry point."""

    def call(*words: object) -> Answer:
        capsys.readouterr()
        code = main([str(word) for word in words])
        streams = capsys.readouterr()
        return Answer(code, streams.out, streams.err)

    return call


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a tiny model whose masks are neither empty nor full."""
    torch.manual_seed(3)
    return models.save(models.build(DEBUG), tmp_path_factory.mktemp("model") / "debug.safetensors")


@pytest.fixture
def photo(workplace: Path, photos: Path) -> Path:
    """A small photo, 120 x 80, in the current folder."""
    with Image.open(photos / "cat.jpg") as image:
        image.resize((120, 80)).save(workplace / "photo.jpg")
    return Path("photo.jpg")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `toys` with shards of four images to train on and two to validate, 48 x 64."""
    folder = tmp_path_factory.mktemp("data") / "toys"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        with tarfile.open(folder / f"{split}-000000.tar", "w") as tar:
            for _ in range(count):
                _add(tar, rng)
    return folder


def _add(tar: tarfile.TarFile, rng: np.random.Generator) -> None:
    record = shapes(rng, (48, 64), 3)
    image = io.BytesIO()
    Image.fromarray(record.read()).save(image, "png")
    document = json.dumps(sa1b.to_document(record)).encode()
    for suffix, data in ((".png", image.getvalue()), (".json", document)):
        info = tarfile.TarInfo(record.id + suffix)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
