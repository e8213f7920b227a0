"""What is made of one image."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from anymask import AutoConfig, tree
from anymask.data_engine.image_masks import Plan, default_auto, open_image, process
from anymask.errors import InputError, MissingExtraError
from anymask.formats import sa1b
from anymask.images.bands import Bands

FEW = AutoConfig(points_per_side=4, min_iou=0.0, min_stability=0.0, nms=1.0)


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)


def decode(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture
def make(model, image: np.ndarray):
    """Process the image by a plan: its record, and its files by kind."""
    return lambda plan, *more: process(model, image, plan, file=Path("7.jpg"), id="7", **dict(more))


def test_the_files_have_the_size_of_the_image(make, image) -> None:
    record, files = make(Plan(auto=FEW, edges=True, labelmap=True, cover=True, overlay=True))
    assert sorted(files) == ["edges.png", "labels.png", "masks.json", "overlay.jpg"]
    made = {name: decode(data) for name, data in files.items() if name != "masks.json"}
    assert made["edges.png"].max() == 65_535
    assert made["labels.png"].min() >= 1
    assert made["labels.png"].max() <= len(record.masks)
    assert made["overlay.jpg"].shape == image.shape
    assert sorted(make(Plan(auto=FEW))[1]) == ["masks.json"]


def test_granularity_keeps_a_level_and_parents_are_ids(make) -> None:
    every = make(Plan(auto=FEW))[0].masks
    top = make(Plan(auto=FEW, granularity=0.0))[0].masks
    assert len(top) == len(tree(every).cut(0)) < len(every)
    _, files = make(Plan(auto=FEW, parents=True))
    document = json.loads(files["masks.json"])
    entries = document["annotations"]
    assert sum(entry["parent"] is None for entry in entries) == len(top)
    assert {entry["parent"] for entry in entries} - {None} <= {entry["id"] for entry in entries}
    assert len(entries[0]["point_coords"]) == 1
    assert entries[0]["crop_box"] == [0, 0, 64, 48]
    again = sa1b.from_document(document, Path("7.jpg"))
    assert sa1b.to_document(again)["annotations"] == entries


def test_masks_are_written_in_the_form_asked_for(make) -> None:
    record, files = make(Plan(auto=FEW), ("form", ".png"))
    assert sorted(files) == ["masks.png"]
    assert 1 <= decode(files["masks.png"]).max() <= len(record.masks)
    with pytest.raises(InputError, match=r"must be a georeferenced raster for .gpkg, got pixels"):
        make(Plan(auto=FEW), ("form", ".gpkg"))


def test_candidates_are_ranked_proposals(make) -> None:
    auto = default_auto(5, {"points_per_side": 3})
    assert (auto.points_per_side, auto.nms, auto.min_iou) == (3, 0.9, 0.0)
    found = make(Plan(auto=auto, candidates=5))[0].masks
    assert len(found) <= 5
    assert found.stability is not None
    assert (np.diff(found.scores + found.stability) <= 0).all()


def test_tiles_are_processed_one_by_one(make) -> None:
    seen: list[tuple[int, int]] = []
    record, _ = make(Plan(auto=FEW, tile=32, overlap=8), ("progress", lambda *at: seen.append(at)))
    assert seen[-1] == (6, 6)
    assert record.masks.size == (48, 64)


def test_bands_make_an_image_of_sixteen_bits(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = rng.integers(900, 1100, (20, 30, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), samples)
    found = open_image(tmp_path / "deep.png", Plan(bands=Bands((3, 2, 1))))
    assert isinstance(found, np.ndarray)
    assert (found.min(), found.max()) == (0, 255)
    assert np.corrcoef(found[..., 0].ravel(), samples[..., 0].ravel())[0, 1] > 0.99


def test_a_tiff_is_read_by_windows_where_rasterio_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), np.full((20, 30, 3), 90, np.uint8))
    plan = Plan(tile=16, overlap=4)
    monkeypatch.setattr("anymask.data_engine.image_masks._has_rasterio", lambda: False)
    assert isinstance(open_image(tmp_path / "a.tif", plan), np.ndarray)
    monkeypatch.undo()
    pytest.importorskip("rasterio")
    assert not isinstance(open_image(tmp_path / "a.tif", plan), np.ndarray)
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(MissingExtraError):
        open_image(tmp_path / "a.tif", plan, as_raster=True)


def test_plans_are_compared_by_their_values() -> None:
    one = Plan(auto=AutoConfig(points=[[1, 2]], roi=np.ones((9, 9), bool)), bands=Bands())
    same = Plan(auto=AutoConfig(points=[[1, 2]], roi=np.ones((9, 9), bool)), bands=Bands())
    assert one.to_dict() == same.to_dict()
    assert one.to_dict() != Plan(auto=AutoConfig(points=[[1, 3]], roi=np.ones((9, 9), bool))).to_dict()
    assert len(one.to_dict()["auto"]["roi"]) == 64, "a hash, not the pixels"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"candidates": 0}, "candidates must be 1 or more, got 0"),
        ({"candidates": 5, "tile": 100}, "candidates must be given without a tile, got both"),
        ({"granularity": 2.0}, "granularity must be 0 to 1, got 2.0"),
        ({"tile": 100, "overlap": 80}, "overlap must be above 0 and at most half of the tile's 100 pixels"),
    ],
)
def test_bad_plans(values, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Plan(**values)
