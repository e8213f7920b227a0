"""Networks as graphs: what an exporter follows, with names for all that goes in and out.

Shape letters: H W rows and columns of the resized picture, h w of the feature grid, g of the logit grid (4h
and 4w), N objects, P points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from anymask.models import InContext, Painter, Sam, VitConfig
from anymask.models.config import PIXEL_MEAN, PIXEL_STD

SKIP_STRIDES = (4, 8)
FEATURE_STRIDE = 16


@dataclass(frozen=True)
class Part:
    """A graph to be: a module and an example of its arguments."""

    name: str
    module: nn.Module
    arguments: tuple[Any, ...]
    axes: tuple[Any, ...]
    """Of each argument, the axes that may have other lengths, by name."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    products: bool = False
    """Whether int8 is for its matrix products too: they are most of what a vision transformer does."""


def prompt_parts(model: Sam) -> list[Part]:
    """The encoder, for a picture of any shape, and the decoder, for any number of objects and points."""
    encoder, decoder = EncoderGraph(model), DecoderGraph(model)
    longest = model.config.size
    image_HW3 = torch.zeros(longest * 2 // 3, longest, 3, dtype=torch.uint8)
    with torch.no_grad():
        features, *skips = encoder(image_HW3)
    names = tuple(f"skip_{number}" for number in range(len(skips)))
    least = model.config.multiple + 1  # a map of one cell is a special case for the tracer, not for the graph
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


def example_parts(model: InContext) -> list[Part]:
    """The whole model: any number of examples and a query in, the query's painted target out."""
    side, some = model.config.size, 2
    examples_NPP3 = torch.zeros(some, side, side, 3)
    query_PP3 = torch.zeros(side, side, 3, dtype=torch.uint8)
    # two tensors: the tracer would take one given twice for one input
    arguments: tuple[Tensor, ...] = (examples_NPP3, examples_NPP3.clone(), query_PP3)
    names: tuple[str, ...] = ("examples", "targets", "query")
    examples = {0: Dim("examples", min=1, max=4096)}
    axes: tuple[Any, ...] = (examples, examples, {})
    if getattr(model.config, "types", False):
        arguments, names, axes = (*arguments, torch.tensor(True)), (*names, "instance"), (*axes, {})
    products = isinstance(model, Painter)
    return [Part("painter", PainterGraph(model), arguments, axes, names, ("painted",), products)]


def _prompts(features_1Chw: Tensor) -> tuple[Tensor, ...]:
    """Some prompts. The sizes are unlike each other and not 1, which an exporter would take for fixed."""
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
    """A picture as it comes from `Frame.resize` -> features and skips."""

    def __init__(self, model: Sam) -> None:
        super().__init__()
        self.model = model

    def forward(self, image_HW3: Tensor) -> tuple[Tensor, ...]:
        """(H, W, 3) uint8 RGB, normalised and padded here -> features (1, C, h, w) and skips, float32."""
        config, (height, width) = self.model.config, image_HW3.shape[:2]
        if config.square:
            right, below = config.size - width, config.size - height
        else:
            step = config.multiple  # no negative number is divided: ONNX rounds that towards zero
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
        """Logits (N, 4, 4h, 4w) and predicted IoU (N, 4); the prompts are those of `Prompt.arrays`."""
        prompts = (points_NP2, labels_NP, mask_N1gg, has_mask_N, counted(labels_NP))
        return self.model.decode(features_1Chw, skips, torch.zeros_like(labels_NP[:, 0]), *prompts)


class PainterGraph(nn.Module):
    """Examples with their targets, and a query -> what is painted for the query."""

    def __init__(self, model: InContext) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, examples_NPP3: Tensor, targets_NPP3: Tensor, query_PP3: Tensor, instance: Tensor | None = None
    ) -> Tensor:
        """(P, P, 3) float32; all are RGB in 0..255, the query uint8, the others float32.

        Learned examples, whose colours are no whole numbers and may lie outside, fit too. `instance` picks
        SegGPT's type token.
        """
        normalise, kind = self.model.normalise, False if instance is None else instance
        examples, targets, query = (normalise(x) for x in (examples_NPP3, targets_NPP3, query_PP3[None]))
        painted_PP3 = self.model.inpaint(examples, targets, query[0], instance=kind).permute(1, 2, 0)
        return (painted_PP3 * torch.tensor(PIXEL_STD) + torch.tensor(PIXEL_MEAN)).clamp(0, 255)


def counted(labels_NP: Tensor) -> Tensor:
    """Which prompt tokens count: (N, P) bool.

    Points and corners do, and the one pad that ends points without a box, which the network knows from its
    training. Further pads only make rows equally long.
    """
    point_N1 = ((labels_NP == 0) | (labels_NP == 1)).any(-1, keepdim=True)
    box_N1 = (labels_NP >= 2).any(-1, keepdim=True)
    pad_NP = labels_NP < 0
    first_NP = pad_NP & (pad_NP.long().cumsum(-1) == 1)
    return ~pad_NP | (first_NP & point_N1 & ~box_N1)
