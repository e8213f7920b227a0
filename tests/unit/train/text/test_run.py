"""A run of the text model in a folder: features are kept, settings are checked."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from anymask.data import Collection
from anymask.errors import InputError, OutputError
from anymask.geometry import rle
from anymask.models.text.imagenet_head import ImageNetHead
from anymask.models.text.namer import read_namer
from anymask.models.text.words import shipped_words
from anymask.train.text import features as features_module
from anymask.train.text import run as run_module
from anymask.train.text.config import TextConfig
from anymask.train.text.features import NOTHING, PART, set_rows
from anymask.train.text.run import is_text_run, resume_text, run_text
from anymask.types import Masks, Record


class Source:
    """Two images with a cat and a dog each."""

    ids, faults, bands = ("a", "b"), (), None

    def record(self, index):
        dense = np.zeros((2, 32, 32), np.bool_)
        dense[0, 2:16, 2:16] = dense[1, 18:30, 18:30] = True
        image = np.full((32, 32, 3), 50 * (index + 1), np.uint8)
        meta = {"categories": ["cat", "dog"]}
        return Record(self.ids[index], image, Masks.from_dense(dense), meta=meta)

    def image_bytes(self, index):
        raise AssertionError("not read")


def pooled(image, runs):
    """Instead of the backbone: features by the area of a mask."""
    out = np.zeros((len(runs), 2677), np.float32)
    out[np.arange(len(runs)), [rle.area(one) % 100 for one in runs]] = 3
    return out


def test_proposals_are_named_by_the_masks_that_they_fit(tmp_path, monkeypatch):
    dense = np.zeros((5, 32, 32), np.bool_)
    dense[0, 2:15, 2:16] = True  # the cat
    dense[1, 2:8, 2:8] = True  # a part of it
    dense[2, 2:16, 20:30] = True  # nothing
    dense[3, 2:16, 2:30] = True  # cat and more: doubtful
    dense[4] = True
    proposed = Masks.from_dense(dense)
    monkeypatch.setattr(features_module, "embed", lambda model, image: image)
    monkeypatch.setattr(features_module, "find_regions", lambda model, image: proposed)
    steps = []
    rows = set_rows(
        Collection("made", Source()), pooled, tmp_path / "rows", model=object(), proposed=1,
        progress=lambda name, done: steps.append((name, done)),
    )  # fmt: skip
    assert list(rows.names) == ["cat", "dog", "cat", PART, NOTHING, "cat", "dog"]
    assert rows.proposed.tolist() == [False, False, True, True, True, False, False]
    assert steps == [("made", 1), ("made", 2)]
    again = set_rows(Collection("made", Source()), None, tmp_path / "rows")
    np.testing.assert_array_equal(again.features, rows.features)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """`run_text` with a made data set and head, without a backbone."""
    head = ImageNetHead(torch.zeros(1280, 320), torch.zeros(1280), torch.zeros(1000, 1280), torch.zeros(1000))
    monkeypatch.setattr(run_module.ImageNetHead, "load", staticmethod(lambda: head))
    monkeypatch.setattr(run_module, "MaskFeatures", lambda weight, bias: pooled)
    source = run_module.RunDataset("made-address", 1.0, Collection("made", Source()), None)
    monkeypatch.setattr(run_module, "open_sources", lambda data, config, faults: [source])
    return lambda config, **more: run_text(config, ["made"], tmp_path / "run", **more)


TINY = TextConfig(steps=4, batch=4, width=8, dim=4, every_log=2, every_save=2)


def test_a_run_writes_what_the_text_model_reads_and_resumes(start, tmp_path):
    lines = []
    folder = start(TINY, report=lines.append)
    assert is_text_run(folder)
    assert read_namer(folder / "text.safetensors", shipped_words()).names == ("cat", "dog")
    assert [line["step"] for line in lines] == [0, 2, 4]
    assert [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()] == lines
    assert (folder / "features" / "made.safetensors").is_file()
    before = (folder / "text.safetensors").read_bytes()
    resume_text(folder)
    assert (folder / "text.safetensors").read_bytes() == before
    with pytest.raises(InputError, match="got another lr"):
        start(TextConfig(**{**TINY.to_dict(), "lr": 0.5}))
    start(TextConfig(**{**TINY.to_dict(), "lr": 0.5}), force=True)
    assert (folder / "text.safetensors").read_bytes() != before


def test_other_folders_are_left_alone(start, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"config": {"model": "compact"}}')
    assert not is_text_run(tmp_path / "run")
    with pytest.raises(OutputError, match="must be a new folder"):
        start(TINY)


def test_settings_are_checked():
    with pytest.raises(InputError, match="steps must be at least 1, got 0"):
        TextConfig(steps=0)
    with pytest.raises(InputError, match="dropout must be from 0 to below 1"):
        TextConfig(dropout=1.0)
