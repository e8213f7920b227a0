"""Layouts of SAM checkpoints: conversion of parameter names and settings.

Two are supported: the authors' state dict (package `segment-anything`), whose names anymask uses too, and the
folder of `transformers.SamModel.save_pretrained`. Others are recognised for error messages only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from anymask.errors import WeightsError
from anymask.models.config import SamConfig, VitConfig

GAUSSIAN = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
DECODER_HEADS = 8  # of every published SAM; cannot be inferred from shapes

_HF_MLP = r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|iou_prediction_head))"
_RENAMES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^vision_encoder\.patch_embed\.projection\.", r"image_encoder.patch_embed.proj."),
        (r"^vision_encoder\.layers\.(\d+)\.layer_norm(\d)\.", r"image_encoder.blocks.\1.norm\2."),
        (r"^vision_encoder\.layers\.", r"image_encoder.blocks."),
        (r"^vision_encoder\.neck\.conv1\.", r"image_encoder.neck.0."),
        (r"^vision_encoder\.neck\.layer_norm1\.", r"image_encoder.neck.1."),
        (r"^vision_encoder\.neck\.conv2\.", r"image_encoder.neck.2."),
        (r"^vision_encoder\.neck\.layer_norm2\.", r"image_encoder.neck.3."),
        (r"^vision_encoder\.", r"image_encoder."),
        (r"^(shared_image_embedding|prompt_encoder\.shared_embedding)\.positional_embedding$", GAUSSIAN),
        (r"^prompt_encoder\.mask_embed\.conv1\.", r"prompt_encoder.mask_downscaling.0."),
        (r"^prompt_encoder\.mask_embed\.layer_norm1\.", r"prompt_encoder.mask_downscaling.1."),
        (r"^prompt_encoder\.mask_embed\.conv2\.", r"prompt_encoder.mask_downscaling.3."),
        (r"^prompt_encoder\.mask_embed\.layer_norm2\.", r"prompt_encoder.mask_downscaling.4."),
        (r"^prompt_encoder\.mask_embed\.conv3\.", r"prompt_encoder.mask_downscaling.6."),
        (r"^prompt_encoder\.point_embed\.", r"prompt_encoder.point_embeddings."),
        (r"^(mask_decoder\.transformer\.layers\.\d+)\.layer_norm(\d)\.", r"\1.norm\2."),
        (r"^(mask_decoder\.transformer)\.layer_norm_final_attn\.", r"\1.norm_final_attn."),
        (r"^mask_decoder\.upscale_conv1\.", r"mask_decoder.output_upscaling.0."),
        (r"^mask_decoder\.upscale_layer_norm\.", r"mask_decoder.output_upscaling.1."),
        (r"^mask_decoder\.upscale_conv2\.", r"mask_decoder.output_upscaling.3."),
        (_HF_MLP + r"\.proj_in\.", r"\1.layers.0."),
        (_HF_MLP + r"\.layers\.0\.", r"\1.layers.1."),
        (_HF_MLP + r"\.proj_out\.", r"\1.layers.2."),
    )
)

_FIXED_SETTINGS: dict[str, dict[str, Any]] = {
    "vision_config": {
        "num_channels": 3,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-6,
        "qkv_bias": True,
        "use_abs_pos": True,
        "use_rel_pos": True,
    },
    "prompt_encoder_config": {"hidden_act": "gelu", "layer_norm_eps": 1e-6, "num_point_embeddings": 4},
    "mask_decoder_config": {
        "hidden_act": "relu",
        "attention_downsample_rate": 2,
        "num_multimask_outputs": 3,
        "iou_head_depth": 3,
    },
}

# Settings that `config.json` omits have the values of the published base model.
_HF_DEFAULTS: dict[str, dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "global_attn_indexes": [2, 5, 8, 11],
        "window_size": 14,
        "patch_size": 16,
        "output_channels": 256,
        "image_size": 1024,
        "mlp_dim": None,
        "mlp_ratio": 4.0,
    },
    "prompt_encoder_config": {"hidden_size": 256, "mask_input_channels": 16},
    "mask_decoder_config": {
        "num_hidden_layers": 2,
        "num_attention_heads": 8,
        "mlp_dim": 2048,
        "layer_norm_eps": 1e-6,
        "iou_head_hidden_dim": None,
    },
}

# The first pattern that any name matches identifies the model; the most specific patterns come first.
_SIGNS = tuple(
    (re.compile(pattern), owner)
    for pattern, owner in (
        (r"sam_mask_decoder|memory_attention|image_encoder\.trunk\.", "a SAM 2"),
        (r"vision_encoder\.backbone\.", "a SAM 2"),
        (r"mask_decoder\.(hf_token|compress_vit_feat|embedding_encoder)", "a SAM-HQ"),
        (r"image_encoder\.(patch_embed\.seq|layers\.\d+\.blocks\.\d+\.local_conv)", "a MobileSAM"),
        (r"mask_decoder\.final_output_upscaling_layers", "an EfficientSAM"),
        (r"image_encoder\.backbone\.|image_encoder\.stages\.\d+\.blocks", "an EfficientViT-SAM or EdgeSAM"),
        (r"^(shared_image_embedding|vision_encoder\.)", "a Hugging Face SAM"),
        (r"^model\.embeddings\.segment_token", "a Hugging Face SegGPT"),
        (r"segment_token|decoder_embed|type_token|mask_token$", "a Painter or SegGPT"),
        (r"(^|\.)(logit_scale|text_model|token_embedding)", "a CLIP"),
        (r"^image_encoder\.stages\.|^image_encoder\.lateral\.", "an anymask compact"),
        (r"^image_encoder\.blocks\.\d+\.attn\.rel_pos", "a SAM"),
        (r"^(backbone|encoder|module|model|sam)\.", "a wrapped model's"),
        (r"^(cls_token|blocks\.\d+\.)", "a plain ViT (MAE, DINO or an encoder only)"),
        (r"^layer\d\.\d+\.conv\d", "a ResNet"),
    )
)


def from_hugging_face(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a `SamModel`; of two copies of the position matrix one is kept.

    Raises `WeightsError` if the two copies differ, since they are one tied parameter.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        new = _rename(name)
        if new in renamed and not torch.equal(renamed[new], tensor):
            raise WeightsError(
                f"'{name}' must equal the other copy of the position matrix, got different values. "
                "Save the model again with its weights tied."
            )
        renamed[new] = tensor
    return renamed


def hugging_face_config(values: Mapping[str, Any]) -> SamConfig:
    """Convert the `config.json` of a `SamModel` to a configuration.

    Raises `WeightsError` for another model type and for settings that no published SAM has.
    """
    kind = values.get("model_type")
    if kind != "sam":
        raise WeightsError(
            f"config.json must have model_type 'sam', 'seggpt' or 'clip', got {kind!r}. "
            "Give the folder of a SamModel, a SegGptForImageSegmentation or a CLIPModel."
        )
    vision, prompt, decoder = (_section(values, name) for name in _HF_DEFAULTS)
    dim, hidden = prompt["hidden_size"], decoder["iou_head_hidden_dim"]
    if hidden not in (None, dim):
        raise _unsupported("mask_decoder_config", "iou_head_hidden_dim", dim, hidden)
    width = vision["hidden_size"]
    encoder = VitConfig(
        dim=width,
        depth=vision["num_hidden_layers"],
        heads=vision["num_attention_heads"],
        global_blocks=tuple(vision["global_attn_indexes"]),
        window=vision["window_size"],
        patch=vision["patch_size"],
        mlp_ratio=vision["mlp_dim"] / width if vision["mlp_dim"] else vision["mlp_ratio"],
        out_channels=vision["output_channels"],
        image_size=vision["image_size"],
    )
    return SamConfig(
        encoder,
        size=vision["image_size"],
        dim=dim,
        mask_channels=prompt["mask_input_channels"],
        decoder_depth=decoder["num_hidden_layers"],
        decoder_heads=decoder["num_attention_heads"],
        decoder_mlp=decoder["mlp_dim"],
        decoder_eps=decoder["layer_norm_eps"],
    )


def config_from_shapes(weights: Mapping[str, Tensor]) -> SamConfig:
    """Infer the configuration of a bare state dict in the authors' names.

    The number of heads follows from the width of the relative positions, the windows from their length; the
    decoder has 8 heads. Raises `KeyError` if a required parameter is missing and `ValueError` for shapes that
    no SAM has.
    """
    _, side, _, width = weights["image_encoder.pos_embed"].shape
    patch = weights["image_encoder.patch_embed.proj.weight"].shape[-1]
    depth = count_blocks(weights, r"image_encoder\.blocks\.(\d+)\.")
    tables = [weights[f"image_encoder.blocks.{index}.attn.rel_pos_h"].shape for index in range(depth)]
    lengths, head_widths = zip(*tables, strict=True)
    cells = [(length + 1) // 2 for length in lengths]
    windows = {cell for cell in cells if cell != side}
    if len(windows) > 1 or len(set(head_widths)) > 1:
        raise ValueError("blocks of different windows or head widths")
    mask_channels, dim = weights["prompt_encoder.mask_downscaling.6.weight"].shape[1::-1]
    encoder = VitConfig(
        dim=width,
        depth=depth,
        heads=width // head_widths[0],
        global_blocks=tuple(index for index, cell in enumerate(cells) if cell == side),
        window=windows.pop() if windows else VitConfig.window,
        patch=patch,
        mlp_ratio=weights["image_encoder.blocks.0.mlp.lin1.weight"].shape[0] / width,
        out_channels=weights["image_encoder.neck.0.weight"].shape[0],
        image_size=side * patch,
    )
    return SamConfig(
        encoder,
        size=side * patch,
        dim=dim,
        mask_channels=mask_channels,
        decoder_depth=count_blocks(weights, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        decoder_heads=DECODER_HEADS,
        decoder_mlp=weights["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
    )


def recognise(names: Collection[str]) -> str:
    """Describe, for error messages, the checkpoint that parameters of these names belong to."""
    for pattern, owner in _SIGNS:
        if any(pattern.search(name) for name in names):
            return f"{owner} checkpoint"
    return "a checkpoint of an unknown model"


def _rename(name: str) -> str:
    for pattern, replacement in _RENAMES:
        renamed, hits = pattern.subn(replacement, name)
        if hits:
            return renamed
    return name


def _section(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = values.get(name) or {}
    for key, expected in _FIXED_SETTINGS[name].items():
        if given.get(key, expected) != expected:
            raise _unsupported(name, key, expected, given[key])
    return _HF_DEFAULTS[name] | {key: given[key] for key in _HF_DEFAULTS[name] if key in given}


def _unsupported(section: str, key: str, expected: Any, actual: Any) -> WeightsError:
    return WeightsError(
        f"{section}.{key} of config.json must be {expected!r}, got {actual!r}. No published SAM has this "
        "setting, and it is not supported."
    )


def count_blocks(weights: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the largest index that the pattern's group takes in the names."""
    compiled = re.compile(pattern)
    indices = [int(match[1]) for name in weights if (match := compiled.match(name))]
    if not indices:
        raise KeyError(pattern)
    return max(indices) + 1
