"""Layouts of CLIP checkpoints: OpenAI's state dict, whose names anymask uses too, and that of `CLIPModel`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from anymask.errors import WeightsError
from anymask.models.checkpoints.sam_layouts import count_blocks
from anymask.models.config import ClipConfig

HF_KIND = "clip"
HEAD_WIDTH = 64  # of every published CLIP; cannot be inferred from shapes

_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")
_BLOCK = r"^{}_model\.encoder\.layers\."
_RENAMES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^text_model\.embeddings\.token_embedding\.", "token_embedding."),
        (r"^text_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
        (r"^text_model\.final_layer_norm\.", "ln_final."),
        (_BLOCK.format("text"), "transformer.resblocks."),
        (r"^text_projection\.weight$", "text_projection"),
        (r"^vision_model\.embeddings\.class_embedding$", "visual.class_embedding"),
        (r"^vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
        (r"^vision_model\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
        (r"^vision_model\.pre_layrnorm\.", "visual.ln_pre."),
        (r"^vision_model\.post_layernorm\.", "visual.ln_post."),
        (_BLOCK.format("vision"), "visual.transformer.resblocks."),
        (r"^visual_projection\.weight$", "visual.proj"),
    )
)
_PARTS = ((".self_attn.", ".attn."), (".layer_norm1.", ".ln_1."), (".layer_norm2.", ".ln_2."))
_LAYERS = ((".mlp.fc1.", ".mlp.c_fc."), (".mlp.fc2.", ".mlp.c_proj."))
_QKV = re.compile(r"(.*\.attn\.)q_proj\.(weight|bias)$")

_FIXED_SETTINGS = {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
# Settings that `config.json` omits have the values of the published base model.
_HF_DEFAULTS: dict[str, dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "image_size": 224,
        "patch_size": 32,
    },
    "text_config": {
        "hidden_size": 512,
        "num_hidden_layers": 12,
        "num_attention_heads": 8,
        "intermediate_size": 2048,
        "max_position_embeddings": 77,
        "vocab_size": 49408,
    },
}
_LEGACY_END = 2  # the end token in configurations older than transformers 4.31: the largest id is meant


def is_authors(names: Collection[str]) -> bool:
    """Whether these are parameter names of OpenAI's CLIP, of any image encoder."""
    return "token_embedding.weight" in names and any(name.startswith("visual.") for name in names)


def is_hugging_face(names: Collection[str]) -> bool:
    """Whether these are parameter names of a `CLIPModel`."""
    return any(name.startswith("text_model.embeddings.") for name in names)


def from_authors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters, without the three numbers that released files hold besides."""
    return {name: tensor for name, tensor in weights.items() if name not in _NOT_WEIGHTS}


def from_hugging_face(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a `CLIPModel`; queries, keys and values become one matrix, projections turn."""
    named = {_rename(name): tensor for name, tensor in weights.items() if not name.endswith("position_ids")}
    for name in ("visual.proj", "text_projection"):
        if name in named:
            named[name] = named[name].T.contiguous()
    for name in list(named):
        match = _QKV.match(name)
        parts = [f"{match[1]}{part}_proj.{match[2]}" for part in "qkv"] if match else []
        if match and all(part in named for part in parts):
            named[f"{match[1]}in_proj_{match[2]}"] = torch.cat([named.pop(part) for part in parts])
    return named


def hugging_face_config(values: Mapping[str, Any]) -> ClipConfig:
    """Convert the `config.json` of a `CLIPModel` to a configuration.

    Raises `WeightsError` for settings that OpenAI's models do not have.
    """
    image, text = (_section(values, name) for name in ("vision_config", "text_config"))
    end = (values.get("text_config") or {}).get("eos_token_id", _LEGACY_END)
    if end not in (_LEGACY_END, text["vocab_size"] - 1):
        raise _unsupported("text_config", "eos_token_id", text["vocab_size"] - 1, end)
    return ClipConfig(
        embed=values.get("projection_dim", 512),
        image_size=image["image_size"],
        patch=image["patch_size"],
        image_dim=image["hidden_size"],
        image_depth=image["num_hidden_layers"],
        image_heads=image["num_attention_heads"],
        context=text["max_position_embeddings"],
        vocabulary=text["vocab_size"],
        text_dim=text["hidden_size"],
        text_depth=text["num_hidden_layers"],
        text_heads=text["num_attention_heads"],
    )


def config_from_shapes(weights: Mapping[str, Tensor]) -> ClipConfig:
    """Infer the configuration of OpenAI's state dict; heads are 64 wide.

    Raises `KeyError` if a required parameter is missing, `ValueError` for shapes that no CLIP has, and
    `WeightsError` for a ResNet as image encoder.
    """
    if any(name.startswith(("visual.layer1.", "visual.attnpool.")) for name in weights):
        raise WeightsError(
            "a CLIP must have a vision transformer (ViT-B/32, B/16, L/14 or L/14@336px), got one with a "
            "ResNet. Get one of these."
        )
    image_dim, _, _, patch = weights["visual.conv1.weight"].shape
    positions = weights["visual.positional_embedding"].shape[0]
    vocabulary, text_dim = weights["token_embedding.weight"].shape
    if image_dim % HEAD_WIDTH or text_dim % HEAD_WIDTH:
        raise ValueError(f"widths {image_dim} and {text_dim}, not multiples of {HEAD_WIDTH}")
    return ClipConfig(
        embed=weights["text_projection"].shape[1],
        image_size=round((positions - 1) ** 0.5) * patch,
        patch=patch,
        image_dim=image_dim,
        image_depth=count_blocks(weights, r"visual\.transformer\.resblocks\.(\d+)\."),
        image_heads=image_dim // HEAD_WIDTH,
        context=weights["positional_embedding"].shape[0],
        vocabulary=vocabulary,
        text_dim=text_dim,
        text_depth=count_blocks(weights, r"transformer\.resblocks\.(\d+)\."),
        text_heads=text_dim // HEAD_WIDTH,
    )


def _rename(name: str) -> str:
    for pattern, replacement in _RENAMES:
        changed, hits = pattern.subn(replacement, name)
        if hits:
            for old, new in (*_PARTS, *_LAYERS):
                changed = changed.replace(old, new)
            return changed
    return name


def _section(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = values.get(name) or {}
    for key, expected in _FIXED_SETTINGS.items():
        if given.get(key, expected) != expected:
            raise _unsupported(name, key, expected, given[key])
    found = _HF_DEFAULTS[name] | {key: given[key] for key in _HF_DEFAULTS[name] if key in given}
    if found["intermediate_size"] != 4 * found["hidden_size"]:
        raise _unsupported(name, "intermediate_size", 4 * found["hidden_size"], found["intermediate_size"])
    return found


def _unsupported(section: str, key: str, expected: Any, actual: Any) -> WeightsError:
    return WeightsError(
        f"{section}.{key} of config.json must be {expected!r}, got {actual!r}. OpenAI's CLIP has no other "
        "setting, and it is not supported."
    )
