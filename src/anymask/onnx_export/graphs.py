"""The modules that are exported, with names for their inputs and outputs.

Shape letters: H W rows and columns of the resized image, h w of the feature grid, g of the logit grid (4h and
4w), N objects, P points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from anymask.models.checkpoints.load import InContextNetwork
from anymask.models.config import PIXEL_MEAN, PIXEL_STD, VitConfig
from anymask.models.painter import Painter
from anymask.models.sam import Sam

SKIP_STRIDES = (4, 8)
FEATURE_STRIDE = 16


@dataclass(frozen=True)
class Part:
    """A module to be exported, with example arguments."""

    name: str
    module: nn.Module
    arguments: tuple[Any, ...]
    axes: tuple[Any, ...]
    """For each argument, its axes of variable length, by name."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    products: bool = False
    """Whether int8 also quantises matrix products, which dominate in a vision transformer."""


def prompt_parts(model: Sam) -> list[Part]:
    """The encoder, for an image of any size, and the decoder, for any number of objects and points."""
    encoder, decoder = EncoderGraph(model), DecoderGraph(model)
    longest = model.config.size
    image_HW3 = torch.zeros(longest * 2 // 3, longest, 3, dtype=torch.uint8)
    with torch.no_grad():
        features, *skips = encoder(image_HW3)
    names = tuple(f"skip_{number}" for number in range(len(skips)))
    least = model.config.multiple + 1  # the tracer specialises a size of one cell, the graph does not
    sides = Dim("height", min=least, max=longest), Dim("width", min=least, max=longest)
    return [
        Part(
            "encoder",
            encoder,
            (image_HW3,),
            (dict(enumerate(sides)),),
            ("image",),
            ("features", *names),
            products=isinstance(model.config.encoder, VitConfig),
        ),
        Part(
            "decoder",
            decoder,
            (features, tuple(skips), *_prompts(features)),
            _decoder_axes(len(skips), square=model.config.square),
            ("features", *names, "points", "labels", "mask", "has_mask"),
            ("logits", "iou"),
        ),
    ]


def example_parts(model: InContextNetwork) -> list[Part]:
    """The whole model, for any number of examples and a query."""
    side, some = model.config.size, 2
    examples_NPP3 = torch.zeros(some, side, side, 3)
    query_PP3 = torch.zeros(side, side, 3, dtype=torch.uint8)
    # two tensors: the tracer would merge one that is passed twice into one input
    arguments: tuple[Tensor, ...] = (examples_NPP3, examples_NPP3.clone(), query_PP3)
    names: tuple[str, ...] = ("examples", "targets", "query")
    examples = {0: Dim("examples", min=1, max=4096)}
    axes: tuple[Any, ...] = (examples, examples, {})
    if getattr(model.config, "types", False):
        arguments, names, axes = (*arguments, torch.tensor(True)), (*names, "instance"), (*axes, {})
    products = isinstance(model, Painter)
    return [Part("painter", PainterGraph(model), arguments, axes, names, ("painted",), products)]


def _prompts(features_1Chw: Tensor) -> tuple[Tensor, ...]:
    """Example prompts, with distinct sizes other than 1, which an exporter would make constants."""
    objects, points, (h, w) = 3, 4, features_1Chw.shape[-2:]
    labels = torch.tensor([[1, 0, 1, -1]]).expand(objects, points)
    mask = torch.zeros(objects, 1, 4 * h, 4 * w)
    return torch.rand(objects, points, 2), labels, mask, torch.zeros(objects, dtype=torch.bool)


def _decoder_axes(skips: int, *, square: bool) -> tuple[Any, ...]:
    objects, points = Dim("objects", max=65536), Dim("points", max=65536)
    prompt, flag = {0: objects, 1: points}, {0: objects}
    if square:
        return {}, ({},) * skips, prompt, prompt, flag, flag
    h, w = Dim("h", max=4096), Dim("w", max=4096)
    levels = tuple(
        {2: FEATURE_STRIDE // stride * h, 3: FEATURE_STRIDE // stride * w} for stride in SKIP_STRIDES[:skips]
    )
    return {2: h, 3: w}, levels, prompt, prompt, {0: objects, 2: 4 * h, 3: 4 * w}, flag


class EncoderGraph(nn.Module):
    """An image resized by `Frame.resize` -> features and skips."""

    def __init__(self, model: Sam) -> None:
        super().__init__()
        self.model = model

    def forward(self, image_HW3: Tensor) -> tuple[Tensor, ...]:
        """(H, W, 3) uint8 RGB, normalised and padded here -> features (1, C, h, w) and skips, float32."""
        config, (height, width) = self.model.config, image_HW3.shape[:2]
        if config.square:
            right, below = config.size - width, config.size - height
        else:
            step = config.multiple  # no division of negative numbers, which ONNX rounds towards zero
            right, below = ((n + step - 1) // step * step - n for n in (width, height))
        image_13HW = F.pad(self.model.normalise(image_HW3[None]), (0, right, 0, below))
        features, skips = self.model.encode(image_13HW)
        return features, *skips


class DecoderGraph(nn.Module):
    """Features and prompts -> logits of four masks and their predicted IoU."""

    def __init__(self, model: Sam) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        features_1Chw: Tensor,
        skips: tuple[Tensor, ...],
        points_NP2: Tensor,
        labels_NP: Tensor,
        mask_N1gg: Tensor,
        has_mask_N: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Logits (N, 4, 4h, 4w) and predicted IoU (N, 4).

        features_1Chw: features of one image.
        skips: its skips; empty for a ViT.
        points_NP2: points as of `Prompt.arrays`, padded to equal lengths.
        labels_NP: their labels, -1 for padding.
        mask_N1gg: mask prompts, logits on the logit grid.
        has_mask_N: whether each object has a mask prompt.
        """
        prompts = (points_NP2, labels_NP, mask_N1gg, has_mask_N, counted(labels_NP))
        return self.model.decode(features_1Chw, skips, torch.zeros_like(labels_NP[:, 0]), *prompts)


class PainterGraph(nn.Module):
    """Examples with their targets, and a query -> the painted target of the query."""

    def __init__(self, model: InContextNetwork) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, examples_NPP3: Tensor, targets_NPP3: Tensor, query_PP3: Tensor, instance: Tensor | None = None
    ) -> Tensor:
        """(P, P, 3) float32; all images are RGB in 0..255, the query uint8, the others float32.

        Learned examples can be used too; their colours are not integers and may lie outside this range.
        `instance` selects SegGPT's type token.
        """
        normalise, kind = self.model.normalise, False if instance is None else instance
        examples, targets, query = (normalise(x) for x in (examples_NPP3, targets_NPP3, query_PP3[None]))
        painted_PP3 = self.model.inpaint(examples, targets, query[0], instance=kind).permute(1, 2, 0)
        return (painted_PP3 * torch.tensor(PIXEL_STD) + torch.tensor(PIXEL_MEAN)).clamp(0, 255)


def counted(labels_NP: Tensor) -> Tensor:
    """Which prompt tokens are used: (N, P) bool.

    These are points, box corners, and the one padding point that follows points without a box, with which the
    network was trained. Further padding points only make rows equally long.
    """
    point_N1 = ((labels_NP == 0) | (labels_NP == 1)).any(-1, keepdim=True)
    box_N1 = (labels_NP >= 2).any(-1, keepdim=True)
    pad_NP = labels_NP < 0
    first_NP = pad_NP & (pad_NP.long().cumsum(-1) == 1)
    return ~pad_NP | (first_NP & point_N1 & ~box_N1)
