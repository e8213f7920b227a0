from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from anymask.data.dataset import open_dataset
from anymask.data.synthetic import shapes
from anymask.data.transforms.augment import Augment, fixed_sample, jitter_colours, plain, sample
from anymask.data.transforms.copy_paste import Cutouts, paste
from anymask.errors import FormatError, InputError
from anymask.types import Masks, Record

S = 64
CONFIG = Augment(size=S, min_area=8)


def boxes_record(boxes, size=(80, 100), kinds=None, ignore=None) -> Record:
    """Each box (x0, y0, x1, y1) is a mask and painted in a strong colour of its own."""
    image = np.full((*size, 3), 40, np.uint8)
    masks = np.zeros((len(boxes), *size), bool)
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        masks[i, y0:y1, x0:x1] = True
        image[masks[i]] = np.array([255, 255, 255]) * (np.array([i + 1, i + 1, i + 1]) >> np.arange(3) & 1)
    meta = {"kinds": kinds or ["instance"] * len(boxes)}
    return Record("boxes", image, Masks.from_dense(masks), meta=meta, ignore=ignore)


@pytest.fixture
def cutouts(tmp_path, pair, write_tar) -> Cutouts:
    """A green disc with alpha, as PNG."""
    rgba = np.zeros((40, 40, 4), np.uint8)
    cv2.circle(rgba, (20, 20), 18, (0, 255, 0, 255), -1)
    png = cv2.imencode(".png", rgba)[1].tobytes()
    record = Record("a", np.ascontiguousarray(rgba[:, :, :3]), Masks.from_dense([rgba[:, :, 3] > 0]))
    files = pair("a", record)
    return Cutouts(open_dataset(write_tar(tmp_path / "cut.tar", {"a.png": png, "a.json": files["a.json"]})))


@pytest.mark.parametrize("seed", range(12))
def test_shapes_and_alignment(seed):
    record = boxes_record([(10, 10, 60, 50), (62, 20, 95, 70)])
    got = sample(record, np.random.default_rng(seed), replace(CONFIG, scale=(0.5, 3.0), hue=2.0, grey=0.0))
    assert got.image.shape == (S, S, 3)
    assert got.image.dtype == np.uint8
    assert got.masks.shape == (len(got.kinds), S, S)
    assert got.masks.dtype == got.ignore.dtype == bool
    red_or_green = got.image.astype(int).max(axis=2) - got.image.min(axis=2)
    for mask in got.masks:
        inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
        outer = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        colour = got.image[inner].astype(int)
        assert colour.std(axis=0).max() < 12
        assert red_or_green[inner].min() > 60
        others = ~outer & ~got.masks.any(axis=0) & ~got.ignore
        assert (np.abs(got.image[others] - np.median(colour, axis=0)).max(axis=1) > 40).mean() > 0.95


def test_the_same_generator_gives_the_same_sample():
    record = shapes(np.random.default_rng(0), (50, 70), 5)
    one, two = (sample(record, np.random.default_rng(3), CONFIG) for _ in range(2))
    assert (one.image == two.image).all()
    assert (one.masks == two.masks).all()


def test_small_and_covering_masks_are_dropped():
    record = boxes_record([(0, 0, 100, 78), (5, 5, 7, 7), (20, 20, 60, 60)])
    got = fixed_sample(record, np.random.default_rng(0), CONFIG)
    assert len(got.masks) == 1
    assert got.masks[0].sum() == pytest.approx(40 * 40 * 0.64**2, rel=0.1)


def test_masks_are_capped_and_drawn_evenly_over_sizes():
    boxes = [(x, y, x + 5, y + 5) for x in range(0, 40, 8) for y in range(0, 80, 8)] + [(50, 5, 99, 75)]
    record = boxes_record(boxes)
    config = replace(plain(CONFIG), most=4, size=100)
    large = 0
    for seed in range(40):
        got = sample(record, np.random.default_rng(seed), config)
        assert len(got.masks) == 4
        large += any(mask.sum() > 1000 for mask in got.masks)
    assert large > 30


def test_padding_and_unlabelled_pixels_are_ignored():
    hidden = np.zeros((80, 100), bool)
    hidden[:20] = True
    record = boxes_record([(20, 30, 60, 70)], ignore=Masks.from_dense([hidden]).rles[0])
    got = fixed_sample(record, np.random.default_rng(0), CONFIG)
    assert got.ignore[52:].all()
    assert got.ignore[:12].all()
    assert not got.ignore[14:50].any()
    assert (got.image[52:] == (124, 116, 104)).all()


def test_padding_keeps_its_colour():
    config = replace(CONFIG, scale=(0.5, 0.5))
    got = sample(boxes_record([(20, 30, 60, 70)]), np.random.default_rng(0), config)
    assert (got.image[got.ignore] == (124, 116, 104)).all()
    assert np.count_nonzero(got.ignore) == S * S - 32 * 26


def test_a_focused_crop_holds_a_mask():
    record = boxes_record([(90, 70, 98, 78)])
    config = replace(CONFIG, scale=(4.0, 4.0), focus=1.0)
    shown = [len(sample(record, np.random.default_rng(seed), config).masks) for seed in range(40)]
    assert np.mean(shown) > 0.9


def test_a_close_crop_is_filled_by_a_mask():
    record = boxes_record([(90, 70, 98, 76)])
    config = replace(CONFIG, close=1.0)
    for seed in range(40):
        (mask,) = sample(record, np.random.default_rng(seed), config).masks
        columns = np.flatnonzero(mask.any(axis=0))
        assert 0.3 * S < columns[-1] + 1 - columns[0] < 0.9 * S


def test_scattered_semantic_masks_give_their_pieces():
    mask = np.zeros((64, 64), bool)
    mask[5:15, 5:15] = mask[30:45, 30:45] = mask[50:60, 5:25] = True
    record = Record(
        "a", np.zeros((64, 64, 3), np.uint8), Masks.from_dense([mask]), meta={"kinds": ["semantic"]}
    )
    config = plain(CONFIG)
    kinds = [sample(record, np.random.default_rng(seed), config).kinds for seed in range(100)]
    assert all(kind.count("component") == 3 for kind in kinds)
    assert 15 < sum("semantic" in kind for kind in kinds) < 45
    never = replace(config, kinds={"semantic": 1.0, "component": 0.0})
    assert sample(record, np.random.default_rng(0), never).kinds == ("semantic",)


def test_a_semantic_mask_of_one_piece_stays_whole():
    got = fixed_sample(boxes_record([(20, 20, 60, 60)], kinds=["semantic"]), np.random.default_rng(0), CONFIG)
    assert got.kinds == ("semantic",)


def test_a_semantic_mask_outside_the_crop():
    mask = np.zeros((200, 200), bool)
    mask[0, 0] = mask[199, 0] = mask[0, 199] = mask[199, 199] = True
    mask[100, :] = True
    record = Record(
        "a", np.zeros((200, 200, 3), np.uint8), Masks.from_dense([mask]), meta={"kinds": ["semantic"]}
    )
    for seed in range(30):
        sample(record, np.random.default_rng(seed), replace(CONFIG, scale=(3, 6), min_area=1))


def test_kinds_of_weight_0_are_left_out():
    record = boxes_record([(5, 5, 40, 40), (50, 5, 90, 40)], kinds=["part", "instance"])
    assert fixed_sample(record, np.random.default_rng(0), replace(CONFIG, kinds={"part": 0.0})).kinds == (
        "instance",
    )


def test_a_record_without_masks():
    got = sample(boxes_record([]), np.random.default_rng(0), CONFIG)
    assert got.masks.shape == (0, S, S)
    assert got.kinds == ()


def test_still_is_the_same_image_every_time():
    record = shapes(np.random.default_rng(0), (50, 70), 5)
    one, two = (fixed_sample(record, np.random.default_rng(seed), CONFIG) for seed in (1, 2))
    assert (one.image == two.image).all()
    mirrored = fixed_sample(record, np.random.default_rng(1), CONFIG, flip=True)
    assert (mirrored.image == one.image[:, ::-1]).all()


def test_colours_without_change_leave_the_image(records):
    none = replace(CONFIG, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0, grey=0.0)
    image = records[0].read()
    assert np.abs(jitter_colours(image, np.random.default_rng(0), none).astype(int) - image).max() <= 1
    grey = jitter_colours(image, np.random.default_rng(0), replace(none, grey=1.0)).astype(int)
    assert (grey.max(axis=2) - grey.min(axis=2)).max() <= 2


def test_a_pasted_object_is_a_mask_and_hides_what_is_below(cutouts):
    record = boxes_record([(10, 10, 90, 70)])
    config = replace(plain(CONFIG), paste=1.0, pastes=1, paste_scale=(0.4, 0.5))
    for seed in range(10):
        got = sample(record, np.random.default_rng(seed), config, cutouts)
        rgb = got.image.astype(int)
        green = (rgb[:, :, 1] > rgb[:, :, 0] + 60) & (rgb[:, :, 1] > rgb[:, :, 2] + 60)
        top = got.masks[-1]
        assert got.kinds[-1] == "instance"
        assert np.count_nonzero(green ^ top) < 0.2 * np.count_nonzero(top)
        assert not (got.masks[:-1] & top).any()
        assert not got.ignore[top].any()


def test_a_mask_that_is_mostly_hidden_goes(cutouts):
    record = boxes_record([(45, 35, 55, 45)])
    config = replace(plain(CONFIG), paste=1.0, pastes=6, paste_scale=(1.5, 1.5))
    got = sample(record, np.random.default_rng(0), config, cutouts)
    assert all(np.count_nonzero(mask) > 30 for mask in got.masks)


def test_without_masks_something_is_pasted(cutouts):
    got = sample(boxes_record([]), np.random.default_rng(0), replace(CONFIG, paste=0.0), cutouts)
    assert len(got.masks) >= 1


def test_pasted_objects_stay_inside_the_image(cutouts):
    config = replace(CONFIG, scale=(0.5, 0.5), paste=1.0, paste_scale=(1.0, 1.0))
    for seed in range(10):
        got = sample(boxes_record([]), np.random.default_rng(seed), config, cutouts)
        outside = (got.image == (124, 116, 104)).all(axis=2)
        assert np.count_nonzero(outside) >= S * S - 32 * 26
        assert not got.masks[:, got.ignore].any()


def test_cutouts_without_alpha_use_their_mask(tmp_path, records, pair, write_tar):
    cutouts = Cutouts(open_dataset(write_tar(tmp_path / "plain.tar", pair("a", records[0]))))
    rgba = cutouts[0]
    assert rgba.shape[2] == 4
    assert np.count_nonzero(rgba[:, :, 3]) == records[0].masks.areas.max()


def test_damaged_cutouts_are_passed_over(tmp_path, records, pair, write_tar):
    files = pair("a", records[0]) | pair("b", records[1]) | {"b.jpg": b"damaged"}
    cutouts = Cutouts(open_dataset(write_tar(tmp_path / "some.tar", files)))
    assert len(cutouts) == 2
    for seed in range(5):
        assert cutouts.draw(np.random.default_rng(seed)).shape[2] == 4
    with pytest.raises(FormatError, match="item b must be readable"):
        cutouts[1]


def test_cutouts_that_are_all_damaged(tmp_path, pair, write_tar):
    bare = Record("a", np.zeros((20, 20, 3), np.uint8), Masks((20, 20), ()))
    cutouts = Cutouts(open_dataset(write_tar(tmp_path / "bare.tar", pair("a", bare))))
    with pytest.raises(FormatError, match="cutouts must hold readable images, got 20 damaged ones"):
        cutouts.draw(np.random.default_rng(0))


def test_pasting_far_outside_changes_nothing():
    canvas = np.zeros((20, 20, 3), np.uint8)
    rgba = np.full((10, 10, 4), 255, np.uint8)
    image, top = paste(canvas, rgba, 4.0, (0, 0, 0, 0), np.random.default_rng(0))
    assert not top.any()
    assert (image == canvas).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": (2.0, 1.0)}, "scale must be two numbers with 0 < low <= high"),
        ({"paste_scale": (0.0, 1.0)}, "paste_scale must be two numbers"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"most": 0}, "most must be at least 1"),
        ({"flip": 1.5}, "flip must be between 0 and 1, got 1.5"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(InputError, match=message):
        replace(CONFIG, **change)


def test_a_thing_labelled_twice_is_one_mask():
    record = boxes_record([(20, 20, 60, 60), (20, 20, 60, 60)], kinds=["semantic", "instance"])
    assert len(fixed_sample(record, np.random.default_rng(0), CONFIG).masks) == 1
