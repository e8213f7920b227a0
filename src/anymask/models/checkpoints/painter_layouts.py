"""Checkpoint layouts of in-context models: the authors' and that of `SegGptForImageSegmentation`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from anymask.errors import WeightsError
from anymask.models.config import PainterConfig

SIGN = "segment_token_x"
"""A parameter name that only the authors' state dicts of Painter and SegGPT contain."""
HF_KIND = "seggpt"

_AUTHORS = ((re.compile(r"^(blocks\.\d+\.mlp)\.fc"), r"\1.lin"),)
_HUGGING_FACE = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^model\.embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
        (r"^model\.embeddings\.position_embeddings$", "pos_embed"),
        (r"^model\.embeddings\.segment_token_input$", "segment_token_x"),
        (r"^model\.embeddings\.segment_token_prompt$", "segment_token_y"),
        (r"^model\.embeddings\.type_token_semantic$", "type_token_cls"),
        (r"^model\.embeddings\.type_token_instance$", "type_token_ins"),
        (r"^model\.embeddings\.", ""),
        (r"^model\.encoder\.layers\.(\d+)\.attention\.", r"blocks.\1.attn."),
        (r"^model\.encoder\.layers\.(\d+)\.layernorm_before\.", r"blocks.\1.norm1."),
        (r"^model\.encoder\.layers\.(\d+)\.layernorm_after\.", r"blocks.\1.norm2."),
        (r"^model\.encoder\.layers\.", "blocks."),
        (r"^model\.encoder\.layernorm\.", "norm."),
        (r"^decoder\.decoder_pred\.conv\.", "decoder_pred.0."),
        (r"^decoder\.decoder_pred\.layernorm\.", "decoder_pred.1."),
        (r"^decoder\.decoder_pred\.head\.", "decoder_pred.3."),
        (r"^decoder\.", ""),
    )
)

_FIXED_SETTINGS = {
    "num_channels": 3,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "qkv_bias": True,
    "use_relative_position_embeddings": True,
}
# Settings that `config.json` omits have the values of the published model.
_HF_DEFAULTS: dict[str, Any] = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": [896, 448],
    "patch_size": 16,
    "mlp_dim": None,
    "drop_path_rate": 0.1,
    "pretrain_image_size": 224,
    "decoder_hidden_size": 64,
    "merge_index": 2,
    "intermediate_hidden_state_indices": [5, 11, 17, 23],
}


def unwrapped(loaded: object) -> object:
    """The state dict of an in-context model, which its authors wrapped under "model"; others unchanged."""
    inner = loaded.get("model") if isinstance(loaded, Mapping) else None
    return inner if isinstance(inner, Mapping) and SIGN in inner else loaded


def from_authors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a released checkpoint; names of anymask are kept."""
    return _renamed(weights, _AUTHORS)


def from_hugging_face(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a `SegGptForImageSegmentation`."""
    return _renamed(weights, _HUGGING_FACE)


def is_hugging_face(names: Collection[str]) -> bool:
    """Whether these are parameter names of a `SegGptForImageSegmentation`."""
    return any(name.startswith("model.embeddings.segment_token") for name in names)


def hugging_face_config(values: Mapping[str, Any]) -> PainterConfig:
    """Convert the `config.json` of a `SegGptForImageSegmentation` to a configuration.

    Raises `WeightsError` for settings that the published model does not have.
    """
    for key, expected in _FIXED_SETTINGS.items():
        if values.get(key, expected) != expected:
            raise _unsupported(key, expected, values[key])
    given = _HF_DEFAULTS | {key: values[key] for key in _HF_DEFAULTS if key in values}
    height, width = given["image_size"]
    if height != 2 * width:
        raise _unsupported("image_size", "twice as high as wide", given["image_size"])
    dim = given["hidden_size"]
    return PainterConfig(
        dim=dim,
        depth=given["num_hidden_layers"],
        heads=given["num_attention_heads"],
        mlp_ratio=given["mlp_dim"] / dim if given["mlp_dim"] else 4.0,
        patch=given["patch_size"],
        size=width,
        positions=given["pretrain_image_size"] // given["patch_size"],
        merge=given["merge_index"],
        taps=tuple(given["intermediate_hidden_state_indices"]),
        head_channels=given["decoder_hidden_size"],
        drop_path=given["drop_path_rate"],
    )


def config_from_shapes(weights: Mapping[str, Tensor]) -> PainterConfig:
    """Infer the configuration of a bare state dict in the authors' names.

    The blocks that the head reads cannot be inferred from shapes: as in the published models, they are
    assumed to be evenly spaced, the last block included. Raises `KeyError` if a required parameter is
    missing and `ValueError` for inconsistent shapes.
    """
    dim = weights[SIGN].shape[-1]
    patch = weights["patch_embed.proj.weight"].shape[-1]
    depth = 1 + max(int(match[1]) for name in weights if (match := re.match(r"blocks\.(\d+)\.", name)))
    length, head_width = weights["blocks.0.attn.rel_pos_w"].shape
    taps = weights["decoder_embed.weight"].shape[1] // dim
    if taps < 1 or depth % taps:
        raise ValueError(f"{taps} outputs of {depth} blocks")
    return PainterConfig(
        dim=dim,
        depth=depth,
        heads=dim // head_width,
        mlp_ratio=weights["blocks.0.mlp.lin1.weight"].shape[0] / dim,
        patch=patch,
        size=(length + 1) // 2 * patch,
        positions=round((weights["pos_embed"].shape[1] - 1) ** 0.5),
        taps=tuple(depth // taps * (number + 1) - 1 for number in range(taps)),
        head_channels=weights["decoder_pred.0.weight"].shape[0],
        types="type_token_cls" in weights,
    )


def _renamed(
    weights: Mapping[str, Tensor], renames: Collection[tuple[re.Pattern[str], str]]
) -> dict[str, Tensor]:
    return {_rename(name, renames): tensor for name, tensor in weights.items()}


def _rename(name: str, renames: Collection[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in renames:
        changed, hits = pattern.subn(replacement, name)
        if hits:
            return changed
    return name


def _unsupported(key: str, expected: Any, actual: Any) -> WeightsError:
    return WeightsError(
        f"{key} of config.json must be {expected!r}, got {actual!r}. The published SegGPT has no other "
        "setting, and it is not supported."
    )
