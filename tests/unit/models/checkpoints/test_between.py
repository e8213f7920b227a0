"""Weights between those of two models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from anymask.errors import InputError
from anymask.models.checkpoints.between import save_between
from anymask.models.checkpoints.load import build, load_weights
from anymask.models.config import DEBUG


def test_weights_lie_on_the_way(tmp_path: Path) -> None:
    before, after = build(DEBUG), build(DEBUG)
    old, new = ({name: one.clone() for name, one in model.state_dict().items()} for model in (before, after))
    save_between(before, after, 0.25, tmp_path / "between")
    found = load_weights(tmp_path / "between").state_dict()
    for name, one in found.items():
        torch.testing.assert_close(one, 0.75 * old[name] + 0.25 * new[name])
    assert any(not torch.equal(found[name], old[name]) for name in found)


def test_models_of_other_shapes_have_nothing_between(tmp_path: Path) -> None:
    other = build(replace(DEBUG, mask_channels=2 * DEBUG.mask_channels))
    with pytest.raises(InputError, match="after must have the shape of before"):
        save_between(build(DEBUG), other, 0.5, tmp_path / "between")
    assert not (tmp_path / "between").exists()
