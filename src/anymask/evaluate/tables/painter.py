"""Painter, table 1: depth on NYUv2, denoising on SIDD, deraining, and low-light enhancement on LoL.

Every set has the example of the released evaluation. Images are resized to the model's size and back, which
the figures include.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.mat_files import read_mat
from anymask.evaluate.restoration import ssim_uniform, ssim_volume
from anymask.evaluate.tables.table import Items, Row, TableSet, means
from anymask.images.colours import PIXEL_MEAN, PIXEL_STD
from anymask.images.read import read_image, read_map
from anymask.inference.in_context.depth_encoding import depth_scores
from anymask.inference.in_context.restoration_metrics import luma, psnr, ssim
from anymask.models import InContext
from anymask.types import Context
from anymask.types.context import normalise, squash

__all__ = ["PAINTER_SETS", "example", "nearest_pixels", "painted"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
DEPTH_FAR = 10_000
"""Depth of white in millimetres."""
EIGEN_CROP = (slice(45, 471), slice(41, 601))
RAIN_SETS = ("Test100", "Rain100H", "Rain100L", "Test2800", "Test1200")


@dataclass(frozen=True)
class Pair:
    """A query with its truth, and the pair of images that is the example."""

    query: Path | Pixels
    truth: Path | Pixels
    example: tuple[Path, Path]


def example(model: InContext, image: Pixels, target: Pixels, *, size: int | None = None) -> Context:
    """An example as Painter's evaluation makes it: the target is resized as the image, bicubic.

    size: the side in pixels, the model's by default. Raises FormatError where the sizes differ.
    """
    if image.shape != target.shape:
        raise FormatError(
            f"target of the example must have the size {image.shape[:2]} of its image, got "
            f"{target.shape[:2]}. Get the example again."
        )
    size = size or model.config.size
    return Context(normalise(squash(image, size)), normalise(squash(target, size)))


def painted(model: InContext, image: Pixels, shown: Context, *, instance: bool = False) -> Floats:
    """What the model paints, (S, S, 3) RGB of the example's size, about 0 to 255 and not clipped.

    instance: SegGPT's type token.
    """
    return _paint(model, normalise(squash(image, shown.size)), shown, instance=instance)


def _paint(model: InContext, query: Floats, shown: Context, *, instance: bool) -> Floats:
    out = model.paint(shown.image[None], shown.target[None], query, instance=instance)
    return np.asarray(out.transpose(1, 2, 0) * np.array(PIXEL_STD) + np.array(PIXEL_MEAN), np.float32)


def nearest_pixels(values: Floats, size_hw: tuple[int, int]) -> Floats:
    """Resize (h, w, 3): each pixel from the nearest one above and left, as PyTorch's "nearest" of float64."""
    rows, columns = (
        (np.arange(count) * (length / count)).astype(np.float32).astype(np.int64)
        for count, length in zip(size_hw, values.shape, strict=False)
    )
    return values[np.ix_(rows, columns)]


def _resized(values: Floats, size_hw: tuple[int, int], how: int) -> Floats:
    if values.shape[:2] == size_hw:
        return values
    return np.asarray(cv2.resize(values, (size_hw[1], size_hw[0]), interpolation=how), np.float32)


def _pixels(source: Path | Pixels) -> Pixels:
    return read_image(source) if isinstance(source, Path) else source


# Depth


def grey_depth(depth_mm: NDArray[Any]) -> Pixels:
    """Depth in millimetres (H, W) as grey (H, W, 3): truncated to 8 bits, 10 m and more is white."""
    grey = np.minimum(depth_mm.astype(np.float64) / DEPTH_FAR * 255, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _depths(path: Path) -> NDArray[Any]:
    """Depths (H, W) in millimetres. Raises FormatError for an image of 8 bits, which cannot hold them."""
    found = read_map(path)
    if found.dtype.itemsize < 2:
        raise FormatError(
            f"depths must be a 16-bit PNG in millimetres, got 8 bits in {path}. Get the file again."
        )
    return found


def measure_depth(model: InContext, pair: Pair) -> Row:
    """RMSE in metres, relative error and delta 1 of an image, in the crop of Eigen et al."""
    shown = example(model, read_image(pair.example[0]), grey_depth(_depths(pair.example[1])))
    query, truth = _pixels(pair.query), _depths(Path(str(pair.truth))).astype(np.float64) / 1000
    colours = np.clip(painted(model, query, shown) * np.float32(DEPTH_FAR / 255), 0, DEPTH_FAR)
    found = (
        _resized(colours, (query.shape[0], query.shape[1]), cv2.INTER_LINEAR).mean(axis=2).astype(np.int64)
    )
    cropped = EIGEN_CROP if truth.shape == (480, 640) else (slice(None), slice(None))
    valid = np.zeros(truth.shape, np.bool_)
    valid[cropped] = True
    valid &= (truth > 1e-3) & (truth < DEPTH_FAR / 1000)
    scores = depth_scores(found / 1000, truth, valid)
    return {"rmse": scores.rmse, "a_rel": scores.a_rel, "delta1": scores.delta1}


def _open_nyu(root: Path) -> Items:
    prompt = root / "sync/study_room_0005b"
    shown = (prompt / "rgb_00094.jpg", prompt / "sync_depth_00094.png")
    queries = sorted(root.glob("official_splits/test/*/rgb_*"))
    return _pairs(
        [(f"{path.parent.name}/{path.stem}", path, path.with_name(_depth_of(path))) for path in queries],
        shown,
    )


def _depth_of(path: Path) -> str:
    return path.with_suffix(".png").name.replace("rgb", "sync_depth")


def _pairs(found: list[tuple[str, Path, Path]], shown: tuple[Path, Path]) -> Items:
    return Items([id for id, _, _ in found], lambda index: Pair(found[index][1], found[index][2], shown))


# Restoration


def _restored(model: InContext, pair: Pair, *, linear: bool = False) -> tuple[NDArray[np.float64], Pixels]:
    """The restored image, 0 to 255 and not rounded, and the truth.

    linear: resize the query to the model's size by bilinear interpolation without rounding, not bicubic.
    """
    query, truth = _pixels(pair.query), _pixels(pair.truth)
    if query.shape != truth.shape:
        raise FormatError(
            f"truth of {pair.query} must have its size {query.shape[:2]}, got {truth.shape[:2]}. Get it."
        )
    shown = example(model, *(read_image(path) for path in pair.example))
    if linear:
        small = cv2.resize(query.astype(np.float32), (shown.size, shown.size), interpolation=cv2.INTER_LINEAR)
        out = _paint(model, normalise(np.asarray(small, np.float32)), shown, instance=False)
    else:
        out = painted(model, query, shown)
    colours = _resized(out, (query.shape[0], query.shape[1]), cv2.INTER_CUBIC)
    return np.clip(colours.astype(np.float64), 0, 255), truth


def measure_rain(model: InContext, pair: Pair) -> Row:
    """PSNR and SSIM of the luma, 16 to 235, of the image truncated to 8 bits."""
    restored, truth = _restored(model, pair)
    found, true = (np.rint(luma(one)) for one in (restored.astype(np.uint8), truth))
    return {"psnr": psnr(found, true), "ssim": ssim(found, true)}


def measure_light(model: InContext, pair: Pair) -> Row:
    """PSNR, and SSIM with the value range 2, which old scikit-image took for floats, and 1."""
    restored, truth = _restored(model, pair)
    a, b = restored / 255, truth / 255
    return {
        "psnr": psnr(restored, truth),
        "ssim": ssim_uniform(a, b, 2.0),
        "ssim_range_1": ssim_uniform(a, b, 1.0),
    }


def measure_noise(model: InContext, pair: Pair) -> Row:
    """PSNR, and SSIM over the colour image as a volume, as MATLAB computes it."""
    restored, truth = _restored(model, pair, linear=True)
    return {"psnr": psnr(restored, truth), "ssim": ssim_volume(restored / 255, truth / 255)}


def _images(folder: Path) -> list[Path]:
    """By kind, JPEG before PNG, then by name, as the released script lists them."""
    return [*sorted(folder.glob("*.jpg")), *sorted(folder.glob("*.png"))]


def _open_rain(root: Path, *, name: str) -> Items:
    queries, truths = (_images(root / "test" / name / kind) for kind in ("input", "target"))
    if len(queries) != len(truths):
        raise FormatError(
            f"{name} must have a target for each input, got {len(queries)} and {len(truths)} in {root}."
        )
    shown = (root / "train/input/100.jpg", root / "train/target/100.jpg")
    return _pairs([(path.stem, path, truth) for path, truth in zip(queries, truths, strict=True)], shown)


def _open_light(root: Path) -> Items:
    shown = (root / "our485/low/100.png", root / "our485/high/100.png")
    queries = sorted((root / "eval15/low").glob("*.png"))
    return _pairs([(path.stem, path, root / "eval15/high" / path.name) for path in queries], shown)


def _open_noise(root: Path) -> Items:
    noisy, clean = (_blocks(root / f"val/Validation{kind}BlocksSrgb.mat") for kind in ("Noisy", "Gt"))
    if noisy.shape != clean.shape:
        raise FormatError(
            f"blocks in {root / 'val'} must have one shape, got {noisy.shape} and {clean.shape}. Get both."
        )
    shown = (root / "train/input/9_9.png", root / "train/groundtruth/9_9.png")
    ids = [f"{image}/{block}" for image in range(noisy.shape[0]) for block in range(noisy.shape[1])]

    def read(index: int) -> Pair:
        place = divmod(index, noisy.shape[1])
        return Pair(noisy[place], clean[place], shown)

    return Items(ids, read)


def _blocks(path: Path) -> NDArray[Any]:
    """(images, blocks, H, W, 3) of a .mat file, under the file's name."""
    found = read_mat(path, path.stem)
    if found.ndim != 5 or found.shape[-1] != 3:
        raise FormatError(
            f"{path} must hold shape (images, blocks, H, W, 3), got {found.shape}. Get it again."
        )
    return found


def _set(
    name: str,
    home: str,
    size: str,
    licence: str,
    folder: str,
    needs: tuple[str, ...],
    open_: Callable[[Path], Items],
    measure: Callable[[Any, Any], Row],
) -> TableSet:
    return TableSet(
        name=name,
        home=f"{home}, prepared as Painter's docs/DATA.md says",
        size=size,
        licence=licence,
        folders=(f"datasets/{folder}", folder),
        needs=needs,
        open=open_,
        measure=measure,
        figures=means,
    )


PAINTER_SETS = (
    _set(
        "NYUv2", "cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html", "6 GB", "research only", "nyu_depth_v2",
        ("official_splits/test/*/rgb_*", "sync/study_room_0005b/rgb_00094.jpg"), _open_nyu, measure_depth,
    ),
    _set(
        "SIDD", "eecs.yorku.ca/~kamel/sidd", "12 GB", "MIT", "denoise",
        ("val/ValidationNoisyBlocksSrgb.mat", "val/ValidationGtBlocksSrgb.mat", "train/input/9_9.png"),
        _open_noise, measure_noise,
    ),
    *(
        _set(
            name, "github.com/swz30/MPRNet (synthetic rain)", "8 GB in all", "research only", "derain",
            (f"test/{name}/input", f"test/{name}/target", "train/input/100.jpg"),
            partial(_open_rain, name=name), measure_rain,
        )
        for name in RAIN_SETS
    ),
    _set(
        "LoL", "daooshee.github.io/BMVC2018website", "350 MB", "research only", "light_enhance",
        ("eval15/low/*.png", "eval15/high/*.png", "our485/low/100.png"), _open_light, measure_light,
    ),
)  # fmt: skip
