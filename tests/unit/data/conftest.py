from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from anymask.data.synthetic import shapes
from anymask.formats import sa1b
from anymask.types import Record

Files = Mapping[str, bytes]


@pytest.fixture
def records() -> list[Record]:
    return [shapes(np.random.default_rng(seed), (48, 64), 4) for seed in range(6)]


@pytest.fixture
def jpeg() -> Callable[[np.ndarray], bytes]:
    def encode(image: np.ndarray, suffix: str = ".jpg") -> bytes:
        return cv2.imencode(suffix, image[:, :, ::-1])[1].tobytes()

    return encode


@pytest.fixture
def pair(jpeg) -> Callable[[str, Record], dict[str, bytes]]:
    """The two files of a record, by name."""

    def files(name: str, record: Record) -> dict[str, bytes]:
        document = sa1b.to_document(record)
        return {f"{name}.jpg": jpeg(record.read()), f"{name}.json": json.dumps(document).encode()}

    return files


@pytest.fixture
def write_tar() -> Callable[[Path, Files], Path]:
    def write(path: Path, files: Files) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return path

    return write


@pytest.fixture
def shard(tmp_path, records, pair, write_tar) -> Path:
    """A folder with one shard per split: four records to train on, two to validate."""
    for split, part in (("train", records[:4]), ("val", records[4:])):
        files: dict[str, bytes] = {}
        for number, record in enumerate(part):
            files |= pair(f"{split}-{number}", record)
        write_tar(tmp_path / "toy" / f"{split}-000000.tar", files)
    return tmp_path / "toy"
