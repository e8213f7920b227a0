"""The modules that `models.onnx_runtime` runs: an encoder, a decoder in two steps, a painter, a detector.

The decoder is cut where a `Decoded` is made, so that only masks that are needed are computed.
Shape letters as in `onnx_export.graphs`; C channels, K points, M kernels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from anymask.models.detector import Detector
from anymask.models.feature_painter import FeaturePainter
from anymask.models.sam import Decoded, Sam
from anymask.onnx_export.graphs import Part, counted, prompt_parts

__all__ = [
    "DetectGraph",
    "LevelsGraph",
    "MasksGraph",
    "PaintGraph",
    "TokensGraph",
    "detector_part",
    "levels_part",
    "painter_part",
    "sam_parts",
]


class TokensGraph(nn.Module):
    """Features and prompts -> predicted IoU, kernels of four masks, image features after the transformer."""

    def __init__(self, model: Sam) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        features_1Chw: Tensor,
        points_NK2: Tensor,
        labels_NK: Tensor,
        mask_N1gg: Tensor,
        has_mask_N: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 4), (N, 4, c) and (N, h, w, C).

        features_1Chw: features of one image.
        points_NK2: points as of `Prompt.arrays`, padded to equal lengths.
        labels_NK: their labels, -1 for padding.
        mask_N1gg: mask prompts, logits on the logit grid.
        has_mask_N: whether each object has a mask prompt.
        """
        index_N = torch.zeros_like(labels_NK[:, 0])
        prompts = (index_N, points_NK2, labels_NK, mask_N1gg, has_mask_N, counted(labels_NK))
        decoded = self.model.decode_tokens(features_1Chw, (), *prompts)
        return decoded.iou_N4, decoded.kernels_N4C, decoded.image_NhwC


class MasksGraph(nn.Module):
    """What `TokensGraph` returned -> logits."""

    def __init__(self, model: Sam) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        kernels_NMC: Tensor,
        image_NhwC: Tensor,
        skips: tuple[Tensor, ...],
        points_NK2: Tensor,
        labels_NK: Tensor,
        side: Tensor,
    ) -> Tensor:
        """Logits (N, M, 4h, 4w).

        kernels_NMC: kernels of the M masks that are wanted of each object.
        image_NhwC: the image features, or their first rows and columns.
        skips: the skips of the image, cropped alike.
        points_NK2: the points of the prompts.
        labels_NK: their labels.
        side: () int64, the longest side of the whole feature grid.
        """
        unit_NK2, index_N = points_NK2 / (side * 16), torch.zeros_like(labels_NK[:, 0])
        iou_N4 = torch.zeros_like(kernels_NMC[:, :1, 0])
        decoded = Decoded(
            iou_N4,
            kernels_NMC,
            image_NhwC,
            skips,
            index_N,
            unit_NK2,
            labels_NK,
            side,  # type: ignore[arg-type]
        )
        return self.model.mask_logits(decoded)


class PaintGraph(nn.Module):
    """Normalised examples (N, 3, P, P), their targets and a query (3, P, P) -> (3, P, P), normalised."""

    def __init__(self, model: FeaturePainter) -> None:
        super().__init__()
        self.model = model

    def forward(self, examples_N3PP: Tensor, targets_N3PP: Tensor, query_3PP: Tensor) -> Tensor:
        """As `FeaturePainter.inpaint`."""
        return self.model.inpaint(examples_N3PP, targets_N3PP, query_3PP)


class DetectGraph(nn.Module):
    """Features (1, C, h, w) and the skip at stride 8 -> scores (L,) and boxes (L, 4)."""

    def __init__(self, model: Detector) -> None:
        super().__init__()
        self.model = model

    def forward(self, features_1Chw: Tensor, skip_1CHW: Tensor) -> tuple[Tensor, Tensor]:
        """As `Detector.detect`."""
        scores_1L, boxes_1L4 = self.model(features_1Chw, skip_1CHW)
        return scores_1L[0].sigmoid(), boxes_1L4[0]


def detector_part(model: Detector) -> Part:
    """The whole detector, for images of any size."""
    config, (h, w) = model.config, (16, 24)
    arguments = (torch.zeros(1, config.features, h, w), torch.zeros(1, config.skip, 2 * h, 2 * w))
    height, width = Dim("height", min=1, max=128), Dim("width", min=1, max=128)
    axes = ({2: 2 * height, 3: 2 * width}, {2: 4 * height, 3: 4 * width})
    return Part("detector", DetectGraph(model), arguments, axes, ("features", "skip"), ("scores", "boxes"))


class LevelsGraph(nn.Module):
    """A normalised image (1, 3, H, W) -> the backbone's features at strides 16 and 32, for names of masks."""

    def __init__(self, model: FeaturePainter) -> None:
        super().__init__()
        self.model = model

    def forward(self, image_13HW: Tensor) -> tuple[Tensor, Tensor]:
        """(1, C, H / 16, W / 16) and (1, C, H / 32, W / 32); H and W must be multiples of 32."""
        levels = self.model.backbone(image_13HW)
        return levels[16], levels[32]


def sam_parts(model: Sam) -> list[Part]:
    """The encoder, and the two steps of the decoder; for a model with skips and frames of any shape."""
    assert model.config.drawn, "the graph takes points and skips"
    assert not model.config.square, "the sides of the grid are variable"
    encoder, decoder = prompt_parts(model)
    features, skips, *prompts = decoder.arguments
    grid, skip_axes, *prompt_axes = decoder.axes
    tokens = TokensGraph(model)
    with torch.no_grad():
        _, kernels, image = tokens(features, *prompts)
    objects, points = prompt_axes[0][0], prompt_axes[0][1]
    some = Dim("kernels", max=3)  # 4 work too, but with the tracer's example they would meet another size
    side = torch.tensor(max(features.shape[-2:]))
    names = ("points", "labels", "mask", "has_mask")
    return [
        encoder,
        Part(
            "tokens",
            tokens,
            (features, *prompts),
            (grid, *prompt_axes),
            ("features", *names),
            ("iou", "kernels", "image"),
        ),
        Part(
            "masks",
            MasksGraph(model),
            (kernels[:, :3], image, skips, *prompts[:2], side),
            (
                {0: objects, 1: some},
                {0: objects, 1: grid[2], 2: grid[3]},
                skip_axes,
                {0: objects, 1: points},
                {0: objects, 1: points},
                {},
            ),
            ("kernels", "image", "skip_0", "skip_1", *names[:2], "side"),
            ("logits",),
        ),
    ]


def levels_part(model: FeaturePainter) -> Part:
    """The backbone alone, for an image of any size."""
    rows, columns = Dim("rows", min=2, max=32), Dim("columns", min=2, max=32)
    image = torch.zeros(1, 3, 320, 448)
    return Part(
        "levels",
        LevelsGraph(model),
        (image,),
        ({2: 32 * rows, 3: 32 * columns},),
        ("image",),
        ("stride_16", "stride_32"),
    )


def painter_part(model: FeaturePainter) -> Part:
    """The whole model, for any number of examples."""
    side, some = model.config.size, 2
    examples = torch.zeros(some, 3, side, side)
    # two tensors: the tracer would merge one that is passed twice into one input
    arguments: tuple[Any, ...] = (examples, examples.clone(), torch.zeros(3, side, side))
    count = {0: Dim("examples", min=1, max=4096)}
    names = ("examples", "targets", "query")
    return Part("painter", PaintGraph(model), arguments, (count, count, {}), names, ("painted",))
