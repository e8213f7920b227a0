"""CLIP's checkpoints: which files open, and what is said about the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from anymask.errors import WeightsError
from anymask.models import load
from anymask.models.checkpoints.clip_layouts import config_from_shapes, hugging_face_config
from anymask.models.checkpoints.load import build, load_clip, save
from anymask.models.clip import Clip
from anymask.models.config import (
    CLIP_DEBUG,
    CLIP_VIT_B_16,
    CLIP_VIT_B_32,
    CLIP_VIT_L_14,
    CLIP_VIT_L_14_336,
    DEBUG,
    ClipConfig,
)

PUBLISHED = replace(CLIP_DEBUG, image_dim=64, image_heads=1, text_dim=64, text_heads=1)
"""A small one whose heads are as wide as in the published models."""


@pytest.fixture(scope="module")
def model() -> Clip:
    torch.manual_seed(0)
    return build(PUBLISHED).eval()


def same(ours: Clip, model: Clip) -> None:
    assert ours.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


@pytest.mark.parametrize("name", ["clip.pt", "clip.safetensors"])
def test_a_state_dict_opens_without_its_configuration(name: str, model: Clip, tmp_path: Path) -> None:
    state = model.state_dict() | {"input_resolution": torch.tensor(32), "context_length": torch.tensor(16)}
    (torch.save if name.endswith("pt") else save_file)(state, tmp_path / name)
    same(load_clip(tmp_path / name), model)


def test_a_saved_model_opens_with_its_configuration(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build(CLIP_DEBUG)
    same(load_clip(save(model, tmp_path / "clip.safetensors")), model)


@pytest.mark.parametrize("config", [CLIP_VIT_B_32, CLIP_VIT_B_16, CLIP_VIT_L_14, CLIP_VIT_L_14_336])
def test_the_published_sizes_follow_from_the_shapes(config: ClipConfig) -> None:
    with torch.device("meta"):
        model = build(config)
    assert config_from_shapes(model.state_dict()) == config


def test_settings_that_a_folder_omits_are_those_of_the_base_model() -> None:
    assert hugging_face_config({"model_type": "clip"}) == CLIP_VIT_B_32


def damage(change: Callable[[dict[str, Tensor]], Any], model: Clip, path: Path) -> str:
    state = dict(model.state_dict())
    change(state)
    torch.save(state, path)
    with pytest.raises(WeightsError) as caught:
        load_clip(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("visual.ln_pre.weight"), "1 missing (visual.ln_pre.weight)"),
        (lambda state: state.pop("text_projection"), "It seems to be a CLIP checkpoint"),
        (lambda state: state.update(extra=torch.zeros(1)), "1 unexpected (extra)"),
        (lambda state: state.update({"ln_final.bias": torch.zeros(3)}), "ln_final.bias 3 instead of 64"),
        (
            lambda state: state.update({"visual.layer1.0.conv1.weight": torch.zeros(1)}),
            "got one with a ResNet",
        ),
    ],
)
def test_other_parameters_are_refused(change: Any, said: str, model: Clip, tmp_path: Path) -> None:
    assert said in damage(change, model, tmp_path / "clip.pt")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"text_config": {"hidden_act": "gelu"}},
            "text_config.hidden_act of config.json must be 'quick_gelu'",
        ),
        ({"vision_config": {"layer_norm_eps": 1e-6}}, "vision_config.layer_norm_eps"),
        ({"vision_config": {"intermediate_size": 100}}, "must be 3072, got 100"),
        ({"text_config": {"eos_token_id": 7}}, "text_config.eos_token_id of config.json must be 49407"),
    ],
)
def test_settings_of_other_models_are_refused(values: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip", **values}))
    with pytest.raises(WeightsError, match="not supported") as caught:
        load_clip(tmp_path)
    assert said in str(caught.value)


def test_another_model_is_no_clip_and_a_clip_no_model_of_masks(model: Clip, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="weights must be of a CLIP, got another model"):
        load_clip(save(build(DEBUG), tmp_path / "sam.safetensors"))
    with pytest.raises(WeightsError, match="must be of a model that gives masks, got a CLIP"):
        load(save(model, tmp_path / "clip.safetensors"))
