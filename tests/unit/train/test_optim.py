"""Rates over time and depth."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from anymask.errors import InputError, UnknownNameError
from anymask.models.config import DEBUG, DEBUG_VIT, SAM_VIT_B
from anymask.models.sam import Sam
from anymask.train.lora import add_lora
from anymask.train.optim import Optim, parameter_groups


def scales(model: nn.Module, optim: Optim) -> dict[str, float]:
    of = {id(p): group["scale"] for group in parameter_groups(model, optim) for p in group["params"]}
    return {name: of[id(p)] for name, p in model.named_parameters() if p.requires_grad}


def test_the_papers_schedule() -> None:
    optim = Optim()
    rates = [optim.rate(step, 90_000) for step in (0, 124, 249, 59_999, 60_000, 86_665, 86_666, 89_999)]
    assert rates == pytest.approx([1 / 250, 0.5, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_and_constant() -> None:
    cosine = Optim(schedule="cosine", warmup=10)
    assert [cosine.rate(step, 110) for step in (4, 10, 60, 110)] == pytest.approx([0.5, 1, 0.5, 0])
    constant = Optim(schedule="constant", warmup=10)
    assert [constant.rate(step, 20) for step in (4, 9, 19)] == [0.5, 1, 1]


def test_bad_settings() -> None:
    with pytest.raises(UnknownNameError, match=r"schedule must be a known name, got 'cosin'\. Did you mean"):
        Optim(schedule="cosin")
    for bad in ({"lr": 0.0}, {"layer_decay": 0.0}, {"layer_decay": 1.5}):
        with pytest.raises(InputError, match="lr must be positive and layer_decay over 0 and at most 1"):
            Optim(**bad)


def test_layer_decay_of_vit_b_is_that_of_its_depth() -> None:
    with torch.device("meta"):
        found = scales(Sam(SAM_VIT_B), Optim(layer_decay=0.6))
    assert found["image_encoder.pos_embed"] == pytest.approx(0.6**13)
    assert found["image_encoder.patch_embed.proj.weight"] == pytest.approx(0.6**13)
    assert found["image_encoder.blocks.0.attn.qkv.weight"] == pytest.approx(0.6**12)
    assert found["image_encoder.blocks.11.mlp.lin2.bias"] == pytest.approx(0.6)
    assert found["image_encoder.neck.0.weight"] == 1
    assert found["mask_decoder.iou_token.weight"] == 1


def test_layer_decay_of_the_compact_encoder() -> None:
    found = scales(Sam(DEBUG), Optim(layer_decay=0.5))
    assert found["image_encoder.stem.weight"] == 0.5**6
    assert found["image_encoder.stages.0.0.project.weight"] == 0.5**5
    assert found["image_encoder.stages.4.0.project.bias"] == 0.5
    assert found["image_encoder.lateral.4.weight"] == 1


@pytest.mark.parametrize("config", [DEBUG, DEBUG_VIT], ids=["compact", "vit"])
def test_layer_decay_reaches_low_rank_updates(config) -> None:
    model = Sam(config)
    add_lora(model, 2)
    found = scales(model, Optim(layer_decay=0.5))
    assert {0.5, 0.25} <= {scale for name, scale in found.items() if name.endswith(".down")}


def test_what_decays() -> None:
    model = Sam(DEBUG_VIT)
    groups = [group for group in parameter_groups(model, Optim()) if group["weight_decay"]]
    ids = {id(p) for group in groups for p in group["params"]}
    decayed = {name for name, p in model.named_parameters() if id(p) in ids}
    assert {
        "image_encoder.patch_embed.proj.weight",
        "image_encoder.blocks.0.attn.qkv.weight",
        "mask_decoder.transformer.layers.0.cross_attn_token_to_image.q_proj.weight",
        "mask_decoder.output_upscaling.0.weight",
    } <= decayed
    kept = {name for name, _ in model.named_parameters()} - decayed
    assert {
        "image_encoder.pos_embed",
        "image_encoder.blocks.0.norm1.weight",
        "image_encoder.blocks.0.attn.qkv.bias",
        "prompt_encoder.no_mask_embed.weight",
        "prompt_encoder.not_a_point_embed.weight",
        "prompt_encoder.point_embeddings.2.weight",
        "mask_decoder.iou_token.weight",
        "mask_decoder.mask_tokens.weight",
    } <= kept


def test_frozen_parameters_are_left_out() -> None:
    model = Sam(DEBUG)
    model.image_encoder.requires_grad_(False)
    listed = sum(len(group["params"]) for group in parameter_groups(model, Optim()))
    assert listed == sum(p.requires_grad for p in model.parameters())
