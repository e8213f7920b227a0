from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from anymask import Candidates, select
from anymask.errors import FormatError, InputError, OutputError


@pytest.fixture
def found(pool):
    return pool([(0, 0, 20, 20), (40, 0, 60, 20), (0, 0, 0, 0)], scores=[0.8, 0.9, 0.7])


def test_a_file_gives_the_same_candidates(found, tmp_path):
    found.save(tmp_path / "found.candidates")
    again = Candidates.load(tmp_path / "found.candidates", found.model)
    assert repr(again) == repr(found) == "Candidates(3 of 9 for an image of 60 x 80)"
    assert (again.thresholds, again.floors, again.asked) == (found.thresholds, found.floors, found.asked)
    assert again.resize == found.resize
    for name in ("boxes", "areas", "inside"):
        assert np.array_equal(getattr(again, name), getattr(found, name))
    for name in ("scores", "stability", "points", "crops"):
        assert np.array_equal(getattr(again.masks, name), getattr(found.masks, name))
    assert np.array_equal(select(again).dense(), select(found).dense())


def test_none_can_be_kept_too(pool, tmp_path):
    pool([]).save(tmp_path / "none")
    assert len(Candidates.load(tmp_path / "none")) == 0


def test_nothing_is_overwritten(found, tmp_path):
    found.save(tmp_path / "found")
    with pytest.raises(OutputError, match="must be a new file"):
        found.save(tmp_path / "found")
    found.save(tmp_path / "found", force=True)


def test_another_models_file_is_refused(found, tmp_path):
    found.save(tmp_path / "found")
    with pytest.raises(
        InputError, match=r"candidates must be made by this model \(1{16}\), got a file made by 0"
    ):
        Candidates.load(tmp_path / "found", "1" * 16)


def test_damaged_and_other_files_are_refused(found, tmp_path):
    path = tmp_path / "found"
    found.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="candidates must be a whole safetensors file"):
        Candidates.load(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(FormatError, match="candidates must match their checksum"):
        Candidates.load(path)
    save_file({"runs": np.zeros(1)}, path)
    with pytest.raises(FormatError, match=r"candidates must be a file that Candidates.save wrote"):
        Candidates.load(path)
    with pytest.raises(FormatError, match="candidates must be a whole safetensors file"):
        Candidates.load(tmp_path / "missing")
