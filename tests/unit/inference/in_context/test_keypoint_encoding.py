"""Keypoints as images, PCK, OKS, and the average precision beside pycocotools."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import InputError
from anymask.inference.in_context import keypoint_encoding
from anymask.inference.in_context.keypoint_encoding import (
    Person,
    decode_keypoints,
    encode_keypoints,
    keypoint_colours,
    oks,
    oks_ap,
    pck,
)

K = 17


def apart(rng: np.random.Generator, count: int = K) -> np.ndarray:
    """Points that lie at least 16 pixels from each other in 192 x 256."""
    cells = rng.permutation(8 * 11)[:count]
    return np.column_stack([cells % 8, cells // 8]) * 23.0 + rng.uniform(8, 15, (count, 2))


@given(st.integers(0, 999))
def test_keypoints_come_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, visible = apart(rng), rng.random(K) < 0.8
    image = encode_keypoints(points, visible, (270, 200))
    assert image.dtype == np.uint8
    found, scores = decode_keypoints(image, K)
    assert ((scores > 0) == visible).all()
    assert np.abs(found - points)[visible].max(initial=0) < 0.3
    assert (scores[visible] > 0.95).all()
    noisy = np.clip(image + rng.normal(0, 8, image.shape), 0, 255)
    rough, _ = decode_keypoints(noisy, K)
    assert np.abs(rough - points)[visible].max(initial=0) < 1.5


def test_colours_are_those_of_the_released_code() -> None:
    colours = keypoint_colours(K)
    assert colours[0].tolist() == [255, 255]
    assert colours[6].tolist() == [255 - 51, 255 - 51]
    assert colours[16].tolist() == [255 - 3 * 51, 255 - 51]
    assert len({tuple(one) for one in colours.tolist()}) == K
    assert colours.min() >= 51


def test_an_image_by_hand() -> None:
    image = encode_keypoints(np.array([[10.5, 6.5]]), np.array([True]), (20, 24), spread=2, reach=1)
    assert (image[..., 1] > 0).sum() == 9
    assert image[6, 10].tolist() == [255, 255, 255]
    assert image[6, 12, 0] == round(255 * np.exp(-0.5))
    assert image[19, 23].tolist() == [0, 0, 0]
    nothing = encode_keypoints(np.zeros((3, 2)), np.zeros(3, bool), (8, 8))
    assert not nothing.any()
    assert (decode_keypoints(nothing, 3)[1] == 0).all()


def test_where_keypoints_meet_the_nearest_is_painted() -> None:
    points = np.array([[10.5, 10.5], [13.5, 10.5]])
    image = encode_keypoints(points, np.array([True, True]), (20, 24))
    found, _ = decode_keypoints(image, 2)
    assert np.abs(found - points).max() < 1.5
    assert image[10, 10, 1:].tolist() == keypoint_colours(2)[0].tolist()
    assert image[10, 13, 1:].tolist() == keypoint_colours(2)[1].tolist()


def test_pck_by_hand() -> None:
    truth = np.array([[0.0, 0], [10, 0], [20, 0], [30, 0]])
    found = truth + np.array([[0, 1], [0, 2], [0, 3], [0, 99]])
    visible = np.array([True, True, True, False])
    assert pck(found, truth, visible, size=10) == pytest.approx(2 / 3)
    assert pck(found, truth, visible, size=10, share=0.1) == pytest.approx(1 / 3)


def test_oks_by_hand() -> None:
    truth = Person(np.zeros((2, 2)), np.array([True, True]), area=50)
    found = Person(np.array([[0.0, 0], [3, 4]]), np.array([True, True]))
    assert oks(found, truth, np.array([0.5, 0.5])) == pytest.approx((1 + np.exp(-25 / 100)) / 2)
    assert oks(truth, truth, np.array([0.1, 0.1])) == 1


def people(rng: np.random.Generator) -> list[tuple[list[Person], list[Person]]]:
    images = []
    for _ in range(12):
        truths = [
            Person(
                rng.uniform(0, 300, (K, 2)), np.arange(K) < rng.integers(1, K + 1), area=rng.uniform(2e3, 2e4)
            )
            for _ in range(rng.integers(1, 4))
        ]
        found = [
            Person(one.points_xy + rng.normal(0, rng.uniform(1, 8), (K, 2)), one.visible, score=rng.random())
            for one in truths
            if rng.random() < 0.8
        ]
        found += [Person(rng.uniform(0, 300, (K, 2)), np.ones(K, bool), score=rng.random()) for _ in range(2)]
        images.append((found, truths))
    return images


@pytest.mark.parity
def test_the_average_precision_is_that_of_pycocotools() -> None:
    coco_tools = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    images = people(np.random.default_rng(3))
    truths, found = [], []
    for number, (answers, people_) in enumerate(images, 1):
        for one in people_:
            marked = np.column_stack([one.points_xy, 2 * one.visible]).ravel().tolist()
            truths.append(
                {
                    "id": len(truths) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "keypoints": marked,
                    "iscrowd": 0,
                }
                | {"num_keypoints": int(one.visible.sum()), "area": one.area, "bbox": [0, 0, 1, 1]}
            )
        for one in answers:
            drawn = np.column_stack([one.points_xy, np.ones(K)]).ravel().tolist()
            found.append({"image_id": number, "category_id": 1, "keypoints": drawn, "score": one.score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_tools.COCO()
        truth.dataset = {
            "images": [{"id": i + 1} for i in range(len(images))],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": truths,
        }
        truth.createIndex()
        judge = evaluation.COCOeval(truth, truth.loadRes(found), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert 0.1 < judge.stats[0] < 0.9
    assert oks_ap(images) == pytest.approx(judge.stats[0], abs=1e-6)


def test_the_average_precision_of_all_and_of_nothing() -> None:
    truths = people(np.random.default_rng(0))[0][1]
    assert oks_ap([(truths, truths)]) == 1
    assert oks_ap([((), truths)]) == 0
    hidden = Person(np.zeros((K, 2)), np.zeros(K, bool))
    assert oks_ap([(truths, [*truths, hidden])]) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: keypoint_colours(0), "count must be 1 to 225 keypoints, got 0"),
        (
            lambda: encode_keypoints(np.zeros((2, 3)), np.ones(2, bool), (8, 8)),
            r"points_xy must have shape \(K, 2\) with visible \(K,\), got \(2, 3\)",
        ),
        (
            lambda: encode_keypoints(np.zeros((2, 2)), np.ones(2, bool), (8, 8), spread=0),
            "spread must be over 0 and reach at least 0, got 0 and 4",
        ),
        (lambda: decode_keypoints(np.zeros((4, 4)), 2), r"painted must have shape \(H, W, 3\), got \(4, 4\)"),
        (
            lambda: pck(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2, bool), 1),
            "visible must hold a keypoint, got none",
        ),
        (
            lambda: oks(*[Person(np.zeros((2, 2)), np.ones(2, bool), 1)] * 2),
            "sigmas must be one for each of 2 keypoints, got 17",
        ),
        (
            lambda: oks(*[Person(np.zeros((K, 2)), np.zeros(K, bool), 1)] * 2),
            "visible must hold a keypoint, got none",
        ),
        (lambda: oks_ap([((), ())]), "images must hold a true person with a visible keypoint, got none"),
    ],
)
def test_refusals(call, message) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_sigmas_are_cocos() -> None:
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    assert np.allclose(evaluation.Params("keypoints").kpt_oks_sigmas, keypoint_encoding.COCO_SIGMAS)
