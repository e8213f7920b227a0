"""From an image to masks, the same as `SamPredictor` of the package `segment-anything`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anymask.inference.promptable.predict import embed, predict
from anymask.models import Sam, build
from anymask.types import Prompt

from .conftest import randomise, torchvision_standin
from .test_segment_anything import build_peer, small

pytestmark = pytest.mark.parity

SIZE = (150, 230)


@pytest.fixture(scope="module")
def scene() -> np.ndarray[Any, Any]:
    """Coloured clouds."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(SIZE[::-1], Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def pair(segment_anything: Any, scene: Any) -> tuple[Any, Sam]:
    """The authors' predictor with the image set, and our model with the same weights."""
    with torchvision_standin():
        module = importlib.import_module("segment_anything.predictor")
        transforms = importlib.import_module("segment_anything.utils.transforms")
    transforms.to_pil_image = Image.fromarray
    transforms.resize = lambda image, hw: image.resize(hw[::-1], Image.Resampling.BILINEAR)
    peer, ours = build_peer(segment_anything, small(480)), build(small(480)).eval()
    randomise(peer, seed=0)
    ours.load_state_dict({k: v for k, v in peer.state_dict().items() if not k.startswith("pixel_")})
    predictor = module.SamPredictor(peer)
    predictor.set_image(scene)
    return predictor, ours


GRID = np.random.default_rng(1).normal(0, 5, (120, 120)).astype(np.float32)
PROMPTS = {
    "point": Prompt.point(50.25, 40.5),
    "points": Prompt(points=[(20, 30), (200.5, 100), (90, 149)], labels=[1, 0, 1]),
    "box": Prompt(box=[30.5, 20, 200, 130]),
    "box_points": Prompt(points=[(100, 60), (40, 30)], labels=[1, 0], box=[30.5, 20, 200, 130]),
    "mask": Prompt(mask=GRID),
    "point_mask": Prompt(points=[(100, 60)], mask=GRID),
    "none": Prompt(),
}


@pytest.mark.parametrize("kind", PROMPTS)
def test_a_prompt_on_an_image(kind: str, pair: tuple[Any, Sam], scene: Any) -> None:
    predictor, ours = pair
    prompt = PROMPTS[kind]
    points = (
        {"point_coords": prompt.points.copy(), "point_labels": prompt.labels.copy()}
        if len(prompt.points)
        else {}
    )
    mask = None if prompt.mask is None else prompt.mask[None].copy()
    for multimask in (True, False):
        masks, scores, logits = predictor.predict(
            **points,
            box=None if prompt.box is None else prompt.box.copy(),
            mask_input=mask,
            multimask_output=multimask,
        )
        if prompt.ambiguous and not multimask:
            continue  # there the peer gives its single output, we the best of three
        found = predict(ours, scene, [prompt], multimask=multimask, logits=True)
        scale = np.abs(logits).max()
        assert np.abs(found.logits - logits).max() <= 2e-5 * scale
        np.testing.assert_allclose(found.scores, np.clip(scores, 0, 1), atol=2e-5)  # the peer does not clip
        assert (found.dense() != masks).mean() < 0.04  # the peer interpolates twice, random logits are rough


def test_the_embedding(pair: tuple[Any, Sam], scene: Any) -> None:
    predictor, ours = pair
    theirs = predictor.get_image_embedding()
    mine = embed(ours, scene).features
    assert (mine - theirs).abs().max() <= 1e-5 * theirs.abs().max()
