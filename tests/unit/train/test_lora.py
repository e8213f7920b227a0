"""Low-rank updates: nothing at the start, few parameters, merged on saving."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import anymask
from anymask.errors import InputError
from anymask.models import save
from anymask.models.config import DEBUG, DEBUG_VIT, SamConfig
from anymask.models.sam import Sam
from anymask.train.lora import add_lora, merged

CONFIGS = pytest.mark.parametrize("config", [DEBUG, DEBUG_VIT], ids=["compact", "vit"])


def answer(model: Sam, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    images = torch.rand((1, 3, size, size), generator=generator)
    with torch.no_grad():
        features, skips = model.encode(images)
        coords, labels = torch.tensor([[[9.0, 9.0], [0.0, 0.0]]]), torch.tensor([[1, -1]])
        return model.decode(features, skips, torch.tensor([0]), coords, labels)[0]


def adapted(config: SamConfig) -> Sam:
    torch.manual_seed(1)
    model = Sam(config)
    add_lora(model, 4)
    return model.eval()


def stir(model: Sam) -> None:
    for name, p in model.named_parameters():
        if name.endswith((".up", ".down")):
            nn.init.normal_(p, std=0.3)


@CONFIGS
def test_it_starts_as_the_same_function(config) -> None:
    torch.manual_seed(1)
    plain = Sam(config).eval()
    torch.testing.assert_close(answer(adapted(config), config.size), answer(plain, config.size))


@CONFIGS
def test_only_updates_and_decoder_learn(config) -> None:
    names = [name for name, p in adapted(config).named_parameters() if p.requires_grad]
    encoder = [name for name in names if name.startswith("image_encoder.")]
    assert encoder
    assert all(name.endswith((".up", ".down")) for name in encoder)
    assert any(name.startswith("mask_decoder.") for name in names)


def test_which_layers_are_adapted() -> None:
    vit = {name for name, _ in adapted(DEBUG_VIT).named_parameters() if name.endswith(".up")}
    at = ".parametrizations.weight.0.up"
    assert vit == {f"image_encoder.blocks.{i}.attn.{layer}{at}" for i in (0, 1) for layer in ("qkv", "proj")}
    compact = {name.removesuffix(at) for name, _ in adapted(DEBUG).named_parameters() if name.endswith(at)}
    assert {"image_encoder.stages.1.0.expand", "image_encoder.neck.0.project"} <= compact
    assert not any("depthwise" in name or "stem" in name for name in compact)


@CONFIGS
def test_merging_gives_an_ordinary_model_of_the_same_function(config, tmp_path) -> None:
    model = adapted(config)
    before = answer(model, config.size)
    stir(model)
    updated = answer(model, config.size)
    assert not torch.allclose(before, updated, atol=1e-3)

    plain = merged(model)
    assert plain.state_dict().keys() == Sam(config).state_dict().keys()
    torch.testing.assert_close(answer(plain, config.size), updated)
    save(plain, tmp_path / "model.safetensors")
    opened = anymask.load(tmp_path, device="cpu", dtype="float32")
    torch.testing.assert_close(answer(opened, config.size), updated)


def test_a_model_without_updates_is_itself() -> None:
    model = Sam(DEBUG)
    assert merged(model) is model


def test_rank_is_checked_and_cut_to_the_layer() -> None:
    with pytest.raises(InputError, match=r"lora_rank must be at least 1, got 0\. Usual is 4\."):
        add_lora(Sam(DEBUG), 0)
    model = Sam(DEBUG)
    add_lora(model, 1000)
    ups = [p for name, p in model.named_parameters() if name.endswith(".up")]
    assert max(p.shape[1] for p in ups) <= 64
