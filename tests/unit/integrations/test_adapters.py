"""Masks for supervision, FiftyOne and CVAT; what their packages are not needed for is tested without them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import anymask
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.integrations import cvat, fiftyone, needed, supervision
from anymask.types import Masks

SIZE = (40, 60)


@pytest.fixture
def masks() -> Masks:
    """A block with a hole, a pixel in the corner, and nothing."""
    bits = np.zeros((3, *SIZE), bool)
    bits[0, 5:25, 10:50] = True
    bits[0, 10:12, 20:22] = False
    bits[1, 39, 59] = True
    return Masks(SIZE, [rle.encode(one) for one in bits], [0.9, 0.5, 0.1], labels=[0, 1, 1])


class Detection(SimpleNamespace):
    """Stands for fiftyone.Detection, which needs a database to be imported."""


@pytest.fixture
def fo(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(Detection=Detection, Detections=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "fiftyone", fake)


@pytest.mark.usefixtures("fo")
def test_fiftyone_gets_masks_inside_relative_boxes(masks: Masks) -> None:
    found = fiftyone.to_detections(masks, ["cat", "dog"]).detections
    assert [one.label for one in found] == ["cat", "dog"], "a mask without pixels has no box"
    assert found[0].bounding_box == [10 / 60, 5 / 40, 40 / 60, 20 / 40]
    assert found[0].mask.shape == (20, 40)
    back = fiftyone.from_detections(SimpleNamespace(detections=found), SIZE, ["cat", "dog"])
    assert np.array_equal(back.dense(), masks.dense()[:2])
    assert back.labels is not None
    assert (back.labels.tolist(), back.scores.tolist()) == ([0, 1], pytest.approx([0.9, 0.5]))
    box = Detection(label="cat", mask=None, bounding_box=[0, 0, 1, 1], confidence=None)
    with pytest.raises(InputError, match="a box for 'cat'"):
        fiftyone.from_detections(SimpleNamespace(detections=[box]), SIZE)


def test_fiftyone_itself_keeps_them(masks: Masks) -> None:
    """As a document of its database holds them; the database itself is not needed."""
    fo = pytest.importorskip("fiftyone")
    sample = fo.Sample(filepath="a.png", anymask=fiftyone.to_detections(masks, ["cat", "dog"]))
    kept = fo.Detections.from_dict(sample["anymask"].to_dict())
    back = fiftyone.from_detections(kept, SIZE, ["cat", "dog"])
    assert np.array_equal(back.dense(), masks.dense()[:2])


def test_a_detection_that_leaves_the_image_is_cut() -> None:
    one = Detection(label="x", mask=np.ones((10, 10), bool), bounding_box=[0.95, 0.9, 1, 1], confidence=None)
    back = fiftyone.from_detections(SimpleNamespace(detections=[one]), SIZE)
    assert back.areas.tolist() == [4 * 3]


def test_supervision_takes_masks_and_gives_them_back(masks: Masks) -> None:
    sv = pytest.importorskip("supervision")
    found = supervision.to_detections(masks, ["cat", "dog"])
    assert isinstance(found, sv.Detections)
    assert found.xyxy[0].tolist() == [10, 5, 50, 25]
    assert found["class_name"].tolist() == ["cat", "dog", "dog"]
    assert len(found[found.confidence > 0.3]) == 2
    back = supervision.from_detections(found, SIZE)
    assert np.array_equal(back.dense(), masks.dense())
    assert len(supervision.to_detections(Masks(SIZE, []))) == 0
    with pytest.raises(InputError, match="one for each label up to 1, got 1"):
        supervision.to_detections(masks, ["cat"])


def test_detections_of_boxes_or_of_another_size_are_refused(masks: Masks) -> None:
    with pytest.raises(InputError, match="got boxes only"):
        supervision.from_detections(SimpleNamespace(mask=None), SIZE)
    with pytest.raises(InputError, match=r"image size \[9, 9\], got \[40, 60\]"):
        supervision.from_detections(SimpleNamespace(mask=masks.dense()), (9, 9))


def test_a_missing_package_is_named_with_its_command() -> None:
    with pytest.raises(InputError, match=r"Install it with: pip install 'nothing-of-this-name'"):
        needed("nothing_of_this_name", "nothing-of-this-name")
    with pytest.raises(InputError, match="kind must be clicks or automatic, got 'boxes'"):
        cvat.create("boxes")


def prompts(*points: tuple[float, float], out: tuple = (), box: object = None) -> SimpleNamespace:
    return SimpleNamespace(pos_points=points, neg_points=out, bounding_box=box)


def test_cvat_gets_the_mask_of_clicks_and_boxes(photos) -> None:
    pytest.importorskip("cvat_sdk.auto_annotation")
    from cvat_sdk.masks import decode_mask
    from PIL import Image

    function = cvat.create("clicks")
    image = function.preprocess_image(None, Image.open(photos / "cat.jpg"))
    model = anymask.load("compact")
    for asked, prompt in (
        (prompts((200, 150), out=[(5, 5)]), anymask.Prompt([[200, 150], [5, 5]], [1, 0])),
        (prompts(box=((160, 100), (250, 190))), anymask.Prompt(box=[160, 100, 250, 190])),
    ):
        (shape,) = function.detect(None, image, asked)
        bits = decode_mask(shape.points, image_width=451, image_height=300)
        expected = anymask.predict(model, photos / "cat.jpg", [prompt], multimask=False)
        assert np.array_equal(bits, expected.dense()[0])
    assert function.detect(None, image, prompts(out=[(5, 5)])) == []


def test_cvat_annotates_a_whole_image() -> None:
    aa = pytest.importorskip("cvat_sdk.auto_annotation")
    from PIL import Image

    pixels = np.full((64, 64, 3), 30, np.uint8)
    pixels[16:48, 16:48] = 220
    function = cvat.create("automatic")
    assert isinstance(function.spec, aa.DetectionFunctionSpec)
    how = SimpleNamespace(frame_name="a.png", conf_threshold=None, conv_mask_to_poly=False)
    shapes = function.detect(how, Image.fromarray(pixels))
    assert {str(one.type) for one in shapes} == {"mask"}
    how.conv_mask_to_poly = True
    assert {str(one.type) for one in function.detect(how, Image.fromarray(pixels))} == {"polygon"}
    how.conf_threshold = 1.0
    assert function.detect(how, Image.fromarray(pixels)) == []
