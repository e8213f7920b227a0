"""The same masks as the released `SamAutomaticMaskGenerator`, from its own file.

Random weights give masks of noise, of which one survives. So the released generator, predictor and resizing
run around models of ours that answer both sides with the same logits: a scene of many smooth objects (the
settings and thresholds of the release), and the trained compact model on photos (what it gives lies so close
together that a pixel decides which of them stays). The released network itself, with random weights, goes
through both whole ways too.
The released code resizes logits twice, mixing in the padding, and leaves the last pixel out of boxes; so do
we where the frame is the released one, unless told otherwise. `resize="once"` (decision 0004) moves edges by
a pixel, which gives other answers where duplicates go.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from anymask import AutoConfig, automatic, candidates, load
from anymask.geometry import rle
from anymask.models import Sam
from anymask.models.config import DEBUG_VIT
from anymask.types import Masks

from .conftest import randomise
from .scene import Scene
from .scene import image as scene_image
from .test_segment_anything import build_peer

pytestmark = pytest.mark.parity
SIDE = 16


@pytest.fixture(scope="module")
def generators(segment_anything: Any) -> Any:
    """`segment_anything.automatic_mask_generator`."""
    import importlib

    return importlib.import_module("segment_anything.automatic_mask_generator")


@pytest.fixture(scope="module")
def compact() -> Sam:
    """Trained weights, with images padded to a square as the released code wants them."""
    model = load("compact", runtime="torch", device="cpu", dtype="float32")
    model.config = replace(model.config, square=True)
    return model


def around(model: Sam, released: Any) -> Any:
    """What the released predictor calls, answered by our model's own encoder and decoder."""
    size = model.config.size

    def encode(image: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            peer.kept = model.encode(image)
        return peer.kept[0]

    def preprocess(image: torch.Tensor) -> torch.Tensor:
        h, w = image.shape[-2:]
        return torch.nn.functional.pad(model.normalise(image.permute(0, 2, 3, 1)), (0, size - w, 0, size - h))

    def prompts(points: tuple[torch.Tensor, torch.Tensor], **_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        coords, labels = points
        pad = torch.zeros(len(coords), 1, 2)
        return torch.cat([coords.float() + 0.5, pad], 1), torch.cat([labels, -torch.ones_like(labels)], 1)

    def decode(
        sparse_prompt_embeddings: torch.Tensor, dense_prompt_embeddings: torch.Tensor, **_: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        index = torch.zeros(len(sparse_prompt_embeddings), dtype=torch.long)
        logits, iou = model.decode(
            *peer.kept, index, sparse_prompt_embeddings, dense_prompt_embeddings.long()
        )
        return logits[:, 1:], iou[:, 1:]

    encode.img_size = size  # type: ignore[attr-defined]
    prompts.get_dense_pe = lambda: None  # type: ignore[attr-defined]
    peer = SimpleNamespace(
        device=torch.device("cpu"), image_format="RGB", mask_threshold=0.0, image_encoder=encode
    )
    peer.preprocess, peer.prompt_encoder, peer.mask_decoder = preprocess, prompts, decode
    peer.postprocess_masks = partial(released.Sam.postprocess_masks, peer)
    return peer


def theirs(generators: Any, peer: Any, image: np.ndarray, config: AutoConfig) -> Masks:
    """The released generator's masks, with scores and stability."""
    generator = generators.SamAutomaticMaskGenerator(
        peer,
        points_per_side=config.points_per_side,
        points_per_batch=SIDE,
        pred_iou_thresh=config.min_iou,
        stability_score_thresh=config.min_stability,
        box_nms_thresh=config.nms,
        crop_nms_thresh=config.crop_nms,
        crop_n_layers=config.crop_layers,
        crop_n_points_downscale_factor=int(config.crop_shrink),
        min_mask_region_area=config.min_hole,
    )
    found = generator.generate(image)
    return Masks(
        image.shape[:2],
        [rle.encode(one["segmentation"]) for one in found],
        [one["predicted_iou"] for one in found],
        stability=[one["stability_score"] for one in found],
    )


def matched(masks: Masks, others: Masks) -> float:
    """The share of masks that have one with IoU of at least 0.98 among the others."""
    return float((rle.iou(masks.rles, others.rles, masks.size).max(axis=1) >= 0.98).mean())


def photo(photos: Any, name: str) -> np.ndarray:
    return np.asarray(cv2.imread(str(photos / name))[..., ::-1])


SETTINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "defaults": (80, {}),
    "all": (200, {"nms": 1.0}),
    "crops": (80, {"crop_layers": 1, "crop_shrink": 2}),
}
"""The least number of masks, and the settings."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_same_masks_of_a_scene(segment_anything: Any, generators: Any, name: str) -> None:
    least, settings = SETTINGS[name]
    scene, image = Scene(), scene_image()
    config = AutoConfig(points_per_side=SIDE, min_iou=0.88, min_stability=0.95, refine=False, **settings)
    check_same(scene, around(scene, segment_anything), generators, image, config, least)


def check_same(
    model: Sam, peer: Any, generators: Any, image: np.ndarray, config: AutoConfig, least: int
) -> None:
    config = config.for_model(model)
    ours, others = automatic(model, image, config), theirs(generators, peer, image, config)
    assert min(len(ours), len(others)) >= least
    assert matched(ours, others) >= 0.98
    assert matched(others, ours) >= 0.98


def at_quantiles(model: Sam, image: np.ndarray, share: float, **settings: Any) -> AutoConfig:
    """Settings with thresholds that this share of all masks fails, each by itself."""
    free = AutoConfig(points_per_side=8, min_iou=0.0, min_stability=0.0, refine=False)
    found = candidates(model, image, free).masks
    assert found.stability is not None
    least_iou, least_stability = (float(np.quantile(it, share)) for it in (found.scores, found.stability))
    return AutoConfig(
        points_per_side=8, min_iou=least_iou, min_stability=least_stability, refine=False, **settings
    )


@pytest.mark.slow
@pytest.mark.parametrize("resize", [None, "once"])
def test_same_masks_of_a_photo_before_duplicates_go(
    compact: Sam, segment_anything: Any, generators: Any, photos: Any, resize: Any
) -> None:
    image = photo(photos, "coffee.jpg")[:400, :400]  # square: without padding
    config = at_quantiles(compact, image, 0.3, nms=1.0, resize=resize)
    check_same(compact, around(compact, segment_anything), generators, image, config, 50)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "smallest"), [("coffee.jpg", 0), ("flower.jpg", 40)])
def test_same_masks_of_a_photo(
    compact: Sam, segment_anything: Any, generators: Any, photos: Any, name: str, smallest: int
) -> None:
    image = photo(photos, name)[:400, :300]
    area = {"min_hole": smallest, "min_component": smallest}
    config = at_quantiles(compact, image, 0.3, **area)
    check_same(compact, around(compact, segment_anything), generators, image, config, 12)


@pytest.mark.slow
@pytest.mark.skipif("ANYMASK_POINTS" not in os.environ, reason="takes minutes; run with ANYMASK_POINTS=32 -s")
@pytest.mark.parametrize("resize", [None, "once"])
@pytest.mark.parametrize("name", ["cat", "coffee", "flower", "raccoon"])
def test_same_masks_of_whole_photos(
    compact: Sam, segment_anything: Any, generators: Any, photos: Any, name: str, resize: Any
) -> None:
    """The default settings, on a grid of ANYMASK_POINTS x ANYMASK_POINTS: rows for docs/log.md."""
    image, peer = photo(photos, f"{name}.jpg"), around(compact, segment_anything)
    side = int(os.environ["ANYMASK_POINTS"])
    shares = {}
    for nms in (0.7, 1.0):
        config = AutoConfig(points_per_side=side, resize=resize, nms=nms, refine=False).for_model(compact)
        ours, others = automatic(compact, image, config), theirs(generators, peer, image, config)
        shares[nms] = matched(ours, others), matched(others, ours)
        found = f"{shares[nms][0]:.3f}, {shares[nms][1]:.3f} ({len(ours)}, {len(others)})"
        print(f"| {name} | {resize or 'default'} | {nms} | {found} |")
    assert min(shares[1.0]) >= 0.98
    assert resize == "once" or min(shares[0.7]) >= 0.98


def randomised(segment_anything: Any, seed: int) -> Any:
    """The released model, its weights such that scores are above 0 and logits larger than the offset."""
    peer = build_peer(segment_anything, DEBUG_VIT)
    randomise(peer, seed)
    decoder = peer.mask_decoder
    with torch.no_grad():
        decoder.iou_prediction_head.layers[-1].weight.mul_(0.1)
        decoder.iou_prediction_head.layers[-1].bias.add_(0.5)
        for head in decoder.output_hypernetworks_mlps:
            head.layers[-1].weight.mul_(20)
    return peer


@pytest.mark.parametrize(("seed", "size"), [(0, (128, 128)), (1, (90, 150)), (2, (333, 200))])
def test_same_masks_of_random_weights(
    segment_anything: Any, generators: Any, seed: int, size: tuple[int, int]
) -> None:
    """Noise, every pixel of which tells how it was resized."""
    peer = randomised(segment_anything, seed)
    model = Sam(DEBUG_VIT).eval()
    model.load_state_dict(
        {name: value for name, value in peer.state_dict().items() if not name.startswith("pixel_")}
    )
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    check_same(model, peer, generators, image, at_quantiles(model, image, 0.4, nms=1.0), 50)
