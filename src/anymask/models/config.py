"""Configurations of the networks: plain values that are stored in their checkpoints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from anymask.images.colours import PIXEL_MEAN as PIXEL_MEAN
from anymask.images.colours import PIXEL_STD as PIXEL_STD

_LARGEST, _DEEPEST = 1 << 14, 256
_DEPTHS = ("depth", "decoder_depth", "neck_blocks", "image_depth", "text_depth")
_MOST_TOKENS = 1 << 20
_MAY_BE_ZERO = ("zoom", "neck_blocks", "merge", "global_blocks", "taps", "drop_path", "text")


def _check(config: Any) -> None:
    """Raise ValueError unless every value has the type of its field and is in the range of real networks."""
    for one in fields(config):
        value = getattr(config, one.name)
        least = 0 if one.name in _MAY_BE_ZERO else 1
        most = {"vocabulary": _MOST_TOKENS}.get(one.name, _DEEPEST if one.name in _DEPTHS else _LARGEST)
        numbers = _flat(value)
        if one.type == "float":
            fits = type(value) in (int, float) and 0 <= value <= 1000 and (least == 0 or value > 0)
        elif one.type == "int" or str(one.type).startswith("tuple"):
            fits = isinstance(value, tuple) == (one.type != "int") and all(
                type(number) is int and least <= number <= most for number in numbers
            )
        else:
            fits = one.type not in ("bool", "str") or type(value).__name__ == one.type
        if not fits:
            raise ValueError(f"{one.name} must be {one.type}, {least} to {most}, got {value!r:.40}")


def _flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, tuple) else [value]


@dataclass(frozen=True)
class VitConfig:
    """A plain vision transformer with windowed and global blocks (SAM, section 3 and appendix A).

    `image_size` is the input side in pixels for which the absolute positions were trained.
    """

    dim: int = 768
    depth: int = 12
    heads: int = 12
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    window: int = 14
    patch: int = 16
    mlp_ratio: float = 4.0
    out_channels: int = 256
    image_size: int = 1024
    drop_path: float = 0.0
    kind: str = "vit"

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)


@dataclass(frozen=True)
class CompactConfig:
    """EfficientNet-Lite features with a small neck: stride 16 for the decoder, strides 4 and 8 as skips.

    `stages` holds (channels, repeats, kernel, stride, expansion) per stage; `skip_channels` are the channels
    of the skips of strides 4 and 8, in this order.
    """

    stem: int = 32
    stages: tuple[tuple[int, int, int, int, int], ...] = (
        (16, 1, 3, 1, 1),
        (24, 2, 3, 2, 6),
        (40, 2, 5, 2, 6),
        (80, 3, 3, 2, 6),
        (112, 3, 5, 1, 6),
        (192, 4, 5, 2, 6),
        (320, 1, 3, 1, 6),
    )
    neck_blocks: int = 2
    out_channels: int = 256
    skip_channels: tuple[int, int] = (32, 64)
    kind: str = "compact"

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)


@dataclass(frozen=True)
class SamConfig:
    """A promptable model: image encoder, prompt encoder and mask decoder.

    `size` is the longest side of the model frame in pixels; `square` pads to size x size as SAM does,
    otherwise each side is padded up to a multiple of `multiple`. `drawn` adds prompt maps to the image
    features, which needs skips. `decoder_eps` is that of the layer norms in the two-way blocks: 1e-5 as
    released, while the Hugging Face layout declares 1e-6. `zoom` is the model size, in pixels, of the crops
    in which small masks are refined (`promptable.crops`); 0: only on request, at `size`. `text` is the width
    of text embeddings, 0 for a model without text prompts, `text_encoder` the fingerprint of their CLIP.
    """

    encoder: VitConfig | CompactConfig
    size: int = 1024
    square: bool = True
    multiple: int = 16
    dim: int = 256
    mask_channels: int = 16
    decoder_depth: int = 2
    decoder_heads: int = 8
    decoder_mlp: int = 2048
    drawn: bool = False
    decoder_eps: float = 1e-5
    zoom: int = 0
    text: int = 0
    text_encoder: str = ""

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary; `from_dict` reads it back. Without text there are no such keys."""
        values = asdict(self)
        return values if self.text else {key: values[key] for key in values if not key.startswith("text")}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> SamConfig:
        """Rebuild a configuration; unknown keys raise `TypeError`."""
        values = dict(values)
        encoder = {key: _tuples(value) for key, value in values.pop("encoder").items()}
        kinds: dict[str, Any] = {"vit": VitConfig, "compact": CompactConfig}
        return SamConfig(encoder=kinds[str(encoder["kind"])](**encoder), **values)

    def with_size(self, size: int) -> SamConfig:
        """The same network with another longest side, in pixels."""
        return replace(self, size=size)


@dataclass(frozen=True)
class PainterConfig:
    """An in-context model: one example above one query, the query's target hidden (Painter, section 3).

    `size` is the side of one image in pixels; the canvas is twice as high. `positions` is the side of the
    grid of absolute positions, which are resized to the canvas. The streams of images and targets are
    averaged after block `merge`; the head reads the outputs of the blocks `taps`. `types` adds SegGPT's two
    type tokens, semantic and instance.
    """

    dim: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_ratio: float = 4.0
    patch: int = 16
    size: int = 448
    positions: int = 14
    merge: int = 2
    taps: tuple[int, ...] = (5, 11, 17, 23)
    head_channels: int = 64
    types: bool = True
    drop_path: float = 0.1

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary; `from_dict` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> PainterConfig:
        """Rebuild a configuration; unknown keys raise `TypeError`."""
        return PainterConfig(**{key: _tuples(value) for key, value in values.items()})


@dataclass(frozen=True)
class FeaturePainterConfig:
    """The compact in-context model, see `anymask.models.feature_painter`.

    `size` and `positions` are as in `PainterConfig`. `copies` attention heads, with keys of `key_dim`, copy
    colours by feature similarity; `width` is the number of channels of the head, `patch` the stride of the
    features.
    """

    encoder: CompactConfig
    dim: int = 256
    depth: int = 6
    heads: int = 4
    size: int = 256
    positions: int = 16
    copies: int = 4
    key_dim: int = 96
    width: int = 48
    patch: int = 16

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary; `from_dict` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FeaturePainterConfig:
        """Rebuild a configuration; unknown keys raise `TypeError`."""
        encoder = {key: _tuples(value) for key, value in values["encoder"].items()}
        return FeaturePainterConfig(**(values | {"encoder": CompactConfig(**encoder)}))


@dataclass(frozen=True)
class DetectorConfig:
    """The object detector, see `anymask.models.detector`.

    `features` and `skip` are the channels of the image features at stride 16 and of the skip at stride 8;
    `dim` and `fine` those of the detector at strides 16 and 32, and at stride 8. `encoder` is the fingerprint
    of the promptable model whose features it reads.
    """

    features: int = 256
    skip: int = 64
    dim: int = 128
    fine: int = 64
    blocks: int = 2
    encoder: str = ""

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary; `from_dict` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> DetectorConfig:
        """Rebuild a configuration; unknown keys raise `TypeError`."""
        return DetectorConfig(**values)


@dataclass(frozen=True)
class ClipConfig:
    """CLIP with a vision transformer, see `anymask.models.clip`.

    `embed` is the width of the shared space, `image_size` the side of an image in pixels, `context` the most
    tokens of a text and `vocabulary` the number of different ones.
    """

    embed: int = 512
    image_size: int = 224
    patch: int = 32
    image_dim: int = 768
    image_depth: int = 12
    image_heads: int = 12
    context: int = 77
    vocabulary: int = 49408
    text_dim: int = 512
    text_depth: int = 12
    text_heads: int = 8

    def __post_init__(self) -> None:
        """Check the values. Raises ValueError."""
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary; `from_dict` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ClipConfig:
        """Rebuild a configuration; unknown keys raise `TypeError`."""
        return ClipConfig(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def vit_sam(dim: int, depth: int, heads: int, global_blocks: tuple[int, ...]) -> SamConfig:
    """SAM with one of the published encoders."""
    return SamConfig(VitConfig(dim=dim, depth=depth, heads=heads, global_blocks=global_blocks))


def efficientnet_lite(channels: tuple[int, ...], repeats: tuple[int, ...]) -> CompactConfig:
    """A larger EfficientNet-Lite: Lite0 with other channels and repeats of its seven stages."""
    stages = zip(channels, repeats, CompactConfig().stages, strict=True)
    return CompactConfig(stages=tuple((wide, deep, *lite0[2:]) for wide, deep, lite0 in stages))


SAM_VIT_B = vit_sam(768, 12, 12, (2, 5, 8, 11))
SAM_VIT_L = vit_sam(1024, 24, 16, (5, 11, 17, 23))
SAM_VIT_H = vit_sam(1280, 32, 16, (7, 15, 23, 31))
SEGGPT_VIT_L = PainterConfig()
PAINTER_VIT_L = PainterConfig(types=False)
PAINTER_DEBUG = PainterConfig(
    dim=32, depth=4, heads=2, mlp_ratio=2.0, size=64, positions=2, merge=1, taps=(1, 3), head_channels=8
)
COMPACT = SamConfig(CompactConfig(), size=384, square=False, multiple=32, drawn=True, zoom=320)
COMPACT_LITE1 = replace(
    COMPACT, encoder=efficientnet_lite((16, 24, 40, 80, 112, 192, 320), (1, 3, 3, 4, 4, 5, 1))
)
COMPACT_LITE2 = replace(
    COMPACT, encoder=efficientnet_lite((16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1))
)
CLIP_VIT_B_32 = ClipConfig()
CLIP_VIT_B_16 = ClipConfig(patch=16)
CLIP_VIT_L_14 = ClipConfig(
    embed=768, patch=14, image_dim=1024, image_depth=24, image_heads=16, text_dim=768, text_heads=12
)
CLIP_VIT_L_14_336 = replace(CLIP_VIT_L_14, image_size=336)
CLIP_DEBUG = ClipConfig(
    embed=16,
    image_size=32,
    patch=8,
    image_dim=32,
    image_depth=2,
    image_heads=2,
    context=16,
    vocabulary=514,
    text_dim=32,
    text_depth=2,
    text_heads=2,
)
OBJECT = DetectorConfig()
OBJECT_DEBUG = DetectorConfig(dim=16, fine=8, blocks=1)
DEBUG_VIT = SamConfig(
    VitConfig(dim=32, depth=2, heads=2, global_blocks=(1,), window=4, out_channels=32, image_size=128),
    size=128,
    dim=32,
    decoder_heads=2,
    decoder_mlp=64,
)
CONTEXT = FeaturePainterConfig(CompactConfig())
COMPACT_DEBUG = CompactConfig(
    stem=8,
    stages=((8, 1, 3, 1, 1), (8, 1, 3, 2, 2), (16, 1, 3, 2, 2), (16, 1, 3, 2, 2), (24, 1, 3, 2, 2)),
    neck_blocks=1,
    out_channels=32,
    skip_channels=(4, 8),
)
CONTEXT_DEBUG = FeaturePainterConfig(
    COMPACT_DEBUG, dim=32, depth=2, heads=2, size=64, positions=4, copies=2, key_dim=8, width=8
)
DEBUG = SamConfig(
    COMPACT_DEBUG,
    size=64,
    square=False,
    multiple=32,
    dim=32,
    mask_channels=4,
    decoder_heads=2,
    decoder_mlp=64,
    drawn=True,
)
