"""Models by name: source and licence of their weights, and where they are on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from anymask.errors import InputError, WeightsError, nearest, unknown_name
from anymask.models.config import (
    COMPACT,
    CONTEXT,
    OBJECT,
    PAINTER_VIT_L,
    SAM_VIT_B,
    SAM_VIT_H,
    SAM_VIT_L,
    SEGGPT_VIT_L,
    DetectorConfig,
    FeaturePainterConfig,
    PainterConfig,
    SamConfig,
)

Progress = Callable[[int, int], None]
"""Called during a download as progress(bytes done, total bytes)."""

SHIPPED = Path(__file__).parents[1] / "weights"
"""The folder of the weights that are included in the package."""
_WEIGHT_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors", ".ckpt", ".onnx"}
_SAM_ADDRESS = "https://dl.fbaipublicfiles.com/segment_anything/"
_SAM_SOURCE = "https://github.com/facebookresearch/segment-anything"
_PAINTER_SOURCE = "https://github.com/baaivision/Painter"


@dataclass(frozen=True)
class Card:
    """Metadata of published weights. `size` is in bytes; `address` is None for weights in the package."""

    name: str
    config: SamConfig | PainterConfig | FeaturePainterConfig | DetectorConfig
    file: str
    address: str | None
    sha256: str | None
    size: int | None
    licence: str
    source: str
    summary: str


# The sha256 are those that several independent projects publish for these files; the six digits in the
# file names are the first ones of their MD5. For Painter and SegGPT neither hash nor size is published.
_CARDS = (
    Card(
        name="compact",
        config=COMPACT,
        file="compact.safetensors",
        address=None,
        sha256=None,
        size=None,
        licence="Apache-2.0",
        source="trained by this project, see docs/models.md",
        summary="anymask's own model for CPUs: EfficientNet-Lite0 features, skips into the decoder.",
    ),
    Card(
        name="context",
        config=CONTEXT,
        file="context.safetensors",
        address=None,
        sha256=None,
        size=None,
        licence="Apache-2.0",
        source="trained by this project, see docs/models.md",
        summary="anymask's own in-context model: segments objects similar to those of an example.",
    ),
    Card(
        name="object",
        config=OBJECT,
        file="object.safetensors",
        address=None,
        sha256=None,
        size=None,
        licence="Apache-2.0",
        source="trained by this project, see docs/models.md",
        summary="Finds boxes of objects in what compact has encoded, for automatic masks.",
    ),
    Card(
        name="sam_vit_b",
        config=SAM_VIT_B,
        file="sam_vit_b_01ec64.pth",
        address=_SAM_ADDRESS + "sam_vit_b_01ec64.pth",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        size=375_042_383,
        licence="Apache-2.0",
        source=_SAM_SOURCE,
        summary="Segment Anything, ViT-B.",
    ),
    Card(
        name="sam_vit_l",
        config=SAM_VIT_L,
        file="sam_vit_l_0b3195.pth",
        address=_SAM_ADDRESS + "sam_vit_l_0b3195.pth",
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        size=1_249_524_607,
        licence="Apache-2.0",
        source=_SAM_SOURCE,
        summary="Segment Anything, ViT-L.",
    ),
    Card(
        name="sam_vit_h",
        config=SAM_VIT_H,
        file="sam_vit_h_4b8939.pth",
        address=_SAM_ADDRESS + "sam_vit_h_4b8939.pth",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        size=2_564_550_879,
        licence="Apache-2.0",
        source=_SAM_SOURCE,
        summary="Segment Anything, ViT-H: the largest and most accurate.",
    ),
    Card(
        name="seggpt_vit_l",
        config=SEGGPT_VIT_L,
        file="seggpt_vit_large.pth",
        address="https://huggingface.co/BAAI/SegGPT/resolve/main/seggpt_vit_large.pth",
        sha256=None,
        size=None,
        licence="MIT",
        source=_PAINTER_SOURCE,
        summary="SegGPT, ViT-L: segmentation by example.",
    ),
    Card(
        name="painter_vit_l",
        config=PAINTER_VIT_L,
        file="painter_vit_large.pth",
        address="https://huggingface.co/BAAI/Painter/resolve/main/painter_vit_large.pth",
        sha256=None,
        size=None,
        licence="MIT",
        source=_PAINTER_SOURCE,
        summary="Painter, ViT-L: depth, keypoints, panoptic and image restoration by example.",
    ),
)
CARDS: Mapping[str, Card] = MappingProxyType({card.name: card for card in _CARDS})


def find(
    name_or_path: str | os.PathLike[str], *, offline: bool = False, progress: Progress | None = None
) -> Path:
    """The local path of a model's weights, downloaded if necessary. A name takes precedence over a path.

    Raises `UnknownNameError` (with the nearest name), `WeightsError` for a path that does not exist and for
    missing or corrupt weights, `DownloadError` if the download fails.
    """
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and text in CARDS:
        card = CARDS[text]
        if card.address is None:
            return _packaged(card)
        from anymask.models.checkpoints.download import fetch  # the network is not needed for the others

        return fetch(card, offline=offline, progress=progress)
    if "://" in text:
        raise InputError(f"model must be a name or a local path, got the address {text}. Download it first.")
    path = Path(text).expanduser()
    if path.exists():
        return path
    if isinstance(name_or_path, str) and path.name == text and path.suffix not in _WEIGHT_SUFFIXES:
        raise unknown_name("model", text, CARDS)
    raise WeightsError(f"model must be a name or an existing path, got {path}. {nearest(path.stem, CARDS)}")


def _packaged(card: Card) -> Path:
    path = SHIPPED / card.file
    if not path.is_file():
        raise WeightsError(
            f"weights of '{card.name}' must be in the package, got no file {path}. "
            "Install anymask again, or give the path of a checkpoint."
        )
    return path
