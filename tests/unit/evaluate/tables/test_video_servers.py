"""Videos whose truth only a server has: the ZIP file, and objects that appear later."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anymask.errors import InputError
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.running import RunOptions, run_table
from anymask.evaluate.tables.video_servers import SERVER_SETS, track

TABLE = TABLES["seggpt-vos"]


@pytest.fixture
def copy(tmp_path):
    TABLE.self_test().copy(tmp_path)
    return tmp_path


@pytest.fixture
def model():
    return TABLE.self_test().model()


def test_the_zip_holds_the_listed_frames_as_palette_images(copy, model):
    one = replace(TABLE, sets=SERVER_SETS[:2])
    options = RunOptions(partial=copy / "partial", answers=copy / "answers")
    for _ in range(2):  # the second time nothing is computed, and the files stay
        run_table(one, model, copy, options)
    youtube, mose = sorted((copy / "answers").iterdir(), reverse=True)
    with zipfile.ZipFile(youtube) as archive:
        assert archive.namelist() == [f"Annotations/film/{frame:05d}.png" for frame in (0, 2, 4)]
        shown = [Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    assert {image.mode for image in shown} == {"P"}
    assert [np.unique(np.asarray(image)).tolist() for image in shown] == [[0, 1], [0, 1, 2], [0, 1, 2]]
    with zipfile.ZipFile(mose) as archive:
        assert archive.namelist() == [f"film/{frame:05d}.png" for frame in range(5)]


def test_without_a_place_for_the_zip_the_set_is_named(copy, model):
    with pytest.raises(InputError, match="it needs -o, beside which its ZIP file is written"):
        run_table(replace(TABLE, sets=SERVER_SETS[:1]), model, copy)


def test_before_the_first_object_there_is_nothing(copy, model):
    frames = sorted((copy / "MOSE/train/JPEGImages/film").glob("*.jpg"))
    later = np.zeros((64, 64), np.uint8)
    later[50:60, 8:30] = 3
    found = track(model, frames, {2: later})
    assert [np.unique(one).tolist() for one in found] == [[0], [0], [0, 3], [0, 3], [0, 3]]
    assert not any(one.any() for one in track(model, frames, {0: np.full((64, 64), 255, np.uint8)}))
