"""Large images by tiles: the model sees tiles, the answer is of the image."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from anymask.errors import InputError
from anymask.geometry import regions, rle
from anymask.geometry.frame import Frame
from anymask.inference.mask_generation import tiled
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.tiled import automatic_tiled
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Embedding, Masks


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list:
    """In place of the model: the connected areas of what is not black, whatever the tile."""
    calls = []

    def find(model, image: np.ndarray | Embedding, config: AutoConfig) -> Masks:
        whole = isinstance(image, Embedding)
        pixels = cv2.resize(image.features.numpy(), image.frame.size_hw[::-1]) if whole else image
        pixels = np.where(pixels > 127, pixels, 0)
        calls.append(("whole" if whole else pixels.shape, config))
        labels, count = regions.components(pixels[..., 0] > 0)
        found = [labels == n for n in range(1, count + 1)]
        dense = np.stack(found) if found else np.zeros((0, *pixels.shape[:2]), bool)
        return Masks.from_dense(dense, stability=np.ones(count))

    def embed(model, pixels: np.ndarray) -> Embedding:
        return Embedding(torch.tensor(pixels), (), Frame.fit(pixels.shape[:2], 100, square=False), "")

    monkeypatch.setattr(tiled, "automatic", find)
    monkeypatch.setattr(tiled, "embed", embed)
    return calls


@pytest.fixture
def scene() -> np.ndarray:
    scene = np.zeros((260, 340, 3), np.uint8)
    cv2.ellipse(scene, (170, 130), (150, 110), 0, 0, 360, (255, 255, 255), 12)
    cv2.circle(scene, (165, 125), 15, (255, 255, 255), -1)
    return scene


@pytest.mark.parametrize(("tile", "overlap"), [(90, 25), (128, 40), (200, 60), (1024, 256)])
def test_the_tiling_does_not_show(asked, scene, tile: int, overlap: int) -> None:
    found = automatic_tiled(None, scene, tile=tile, overlap=overlap, overview=False)
    labels, count = regions.components(scene[..., 0] > 0)
    assert len(found) == count == 2
    truth = [rle.encode(labels == n) for n in (1, 2)]
    assert rle.iou(truth, found.rles).max(axis=1).min() >= 0.95
    assert all(max(shape[:2]) <= tile for shape, _ in asked)


SMALL = SimpleNamespace(config=SimpleNamespace(size=100, square=False, multiple=32))


@pytest.mark.parametrize(("tile", "overlap"), [(60, 12), (90, 25), (128, 40), (200, 60)])
def test_a_thing_longer_than_a_tile_is_found_once(asked, scene, tile: int, overlap: int) -> None:
    cv2.ellipse(scene, (170, 130), (150, 110), 0, 0, 360, (255, 255, 255), -1)
    found = automatic_tiled(SMALL, scene, tile=tile, overlap=overlap)
    assert [kind for kind, _ in asked].count("whole") == 1
    assert len(found) == 1
    assert rle.iou([rle.encode(scene[..., 0] > 0)], found.rles)[0, 0] >= 0.95
    asked.clear()
    cv2.circle(scene, (12, 12), 6, (255, 255, 255), -1)
    assert len(automatic_tiled(SMALL, scene, tile=tile, overlap=overlap)) == 2, "the small one by tiles"


def test_the_overview_sees_what_the_tiles_see(scene) -> None:
    blurred = cv2.GaussianBlur(scene, (0, 0), 3)
    near = tiled._reduced(tiled._ArrayRaster(blurred), (65, 85)).astype(int)
    assert np.abs(near - cv2.resize(blurred, (85, 65), interpolation=cv2.INTER_AREA)).max() <= 1
    large = np.tile(blurred, (5, 5, 1))
    parts = tiled._reduced(tiled._ArrayRaster(large), (65, 85)).astype(int)
    assert np.abs(parts - cv2.resize(large, (85, 65), interpolation=cv2.INTER_AREA)).mean() <= 3


def test_a_tiny_model_looks_at_the_whole_too() -> None:
    model = build(DEBUG).eval()
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    config = AutoConfig(points_per_side=2, min_iou=0.0, min_stability=0.0)
    found = automatic_tiled(model, image, config, tile=64, overlap=16)
    assert found.size == (90, 130)


def test_windows_are_read_one_by_one(asked, scene) -> None:
    read = []

    class Window:
        size_hw = (260, 340)

        def read(self, xyxy):
            read.append(xyxy)
            x0, y0, x1, y1 = xyxy
            return scene[y0:y1, x0:x1]

    seen: list[tuple[int, int]] = []
    found = automatic_tiled(
        None, Window(), tile=128, overlap=40, overview=False, progress=lambda *at: seen.append(at)
    )
    assert len(found) == 2
    assert len(read) == len(asked) == len(seen) == seen[-1][1]


def test_points_and_regions_are_those_of_the_image(asked, scene) -> None:
    points = np.array([[10, 10], [330, 250]])
    automatic_tiled(None, scene, AutoConfig(points=points), tile=128, overlap=40, overview=False)
    assert [config.points.tolist() for _, config in asked] == [[[10, 10]], [[118, 118]]]
    asked.clear()
    automatic_tiled(None, scene, AutoConfig(roi=(0, 0, 60, 60)), tile=128, overlap=40, overview=False)
    assert [config.roi.tolist() for _, config in asked] == [[0, 0, 60, 60]]
    asked.clear()
    region = np.zeros((260, 340), bool)
    region[255, 335] = True
    automatic_tiled(None, scene, AutoConfig(roi=region), tile=128, overlap=40, overview=False)
    assert [np.argwhere(config.roi).tolist() for _, config in asked] == [[[123, 123]]]


def test_nothing_to_ask_gives_no_masks(asked, scene) -> None:
    found = automatic_tiled(None, scene * 0, tile=128, overlap=40, overview=False)
    assert (len(found), found.size) == (0, (260, 340))


def test_bad_overlap(asked, scene) -> None:
    with pytest.raises(InputError, match="overlap must be above 0"):
        automatic_tiled(None, scene, tile=128, overlap=100)
