"""Panoptic quality compared with hotcoco, which equals COCO's panoptic API, and with figures by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from anymask.errors import FormatError
from anymask.evaluate.panoptic import Segment, Segments, match_segments, quality

pytestmark = pytest.mark.parity

THINGS = frozenset((1, 2))


def row(labels, *, area=True, crowds=()):
    """Segments from numbers 10 * category + n."""
    numbers = np.asarray(labels, np.int64)
    of_number = {
        int(n): Segment(int(n) // 10, int((numbers == n).sum()) if area else 0, int(n) in crowds)
        for n in np.unique(numbers)
        if n
    }
    return Segments(numbers, of_number, "a.png")


def test_by_hand_with_void_and_crowd():
    truth = row([[11] * 6 + [0] * 4, [31] * 4 + [12] * 6], crowds={12})
    # 4 of 6 pixels of 11 are found, and 2 void ones; stuff is found but for a pixel; 13 lies in the crowd
    found = row([[11] * 4 + [0] * 2 + [11] * 2 + [0] * 2, [31] * 3 + [21] * 2 + [13] * 5])
    got = match_segments(truth, found)
    assert got["categories"] == [1, 2, 3]
    assert got["iou"] == pytest.approx([4 / 6, 0, 3 / 4])
    assert (got["tp"], got["fp"], got["fn"]) == ([1, 0, 1], [0, 1, 0], [0, 0, 0])
    figures = quality([got], THINGS)
    assert figures["pq"] == pytest.approx((4 / 6 + 0 + 3 / 4) / 3)
    assert figures["pq_things"] == pytest.approx(4 / 12)
    assert figures["sq_stuff"] == pytest.approx(3 / 4)


def test_only_the_last_crowd_of_a_class_forgives():
    truth = row([[11] * 5, [12] * 5], crowds={11, 12})
    found = row([[13] * 5, [14] * 5])
    assert match_segments(truth, found)["fp"] == [1]


def test_weights_repeat_images():
    one = match_segments(row([[11, 11, 0]]), row([[11, 11, 0]]))
    other = match_segments(row([[11, 11, 21]]), row([[0, 21, 21]]))
    assert quality([one, other], THINGS, np.array([2.0, 1.0])) == pytest.approx(
        quality([one, one, other], THINGS), nan_ok=True
    )


def test_numbers_that_one_side_lacks():
    truth = row([[11, 11, 0]])
    with pytest.raises(FormatError, match=r"segment 21 of a.png must be .*, got none in the JSON"):
        match_segments(truth, Segments(np.array([[11, 21, 0]]), {11: Segment(1)}, "a.png"))
    with pytest.raises(FormatError, match=r"segment 12 of a.png must be .*, got none in the PNG"):
        match_segments(truth, Segments(np.array([[11, 0, 0]]), {11: Segment(1), 12: Segment(1)}, "a.png"))
    with pytest.raises(FormatError, match=r"must have the size \(1, 3\)"):
        match_segments(truth, row([[11]]))


def scene(generator):
    """A truth with void and crowds, and a prediction that is moved and partly relabelled."""
    y, x = np.mgrid[:60, :80]
    truth, found = np.zeros((2, 60, 80), np.int64)
    for n in range(7):
        cx, cy, r, category = (*(generator.random(3) * (80, 60, 25)), generator.integers(1, 5))
        shift = generator.integers(-3, 4, 2)
        inside = (x - cx) ** 2 + (y - cy) ** 2 < (r + 3) ** 2
        truth[inside] = 10 * category + n
        if generator.random() < 0.85:
            other = category if generator.random() < 0.8 else generator.integers(1, 5)
            found[np.roll(inside, tuple(shift), (0, 1))] = 10 * other + n
    return truth, found


def test_as_hotcoco(tmp_path):
    panoptic = pytest.importorskip("hotcoco.panoptic")
    generator = np.random.default_rng(0)
    documents = [{"images": [], "annotations": [], "categories": [
        {"id": c, "name": str(c), "isthing": int(c in THINGS)} for c in range(1, 5)
    ]} for _ in range(2)]  # fmt: skip
    rows = []
    for image in range(12):
        pair = scene(generator)
        crowds = {int(n) for n in np.unique(pair[0]) if n and generator.random() < 0.2}
        segments = (row(pair[0], crowds=crowds), row(pair[1]))
        rows.append(match_segments(*segments))
        for document, name, one in zip(documents, ("truth", "found"), segments, strict=True):
            (tmp_path / name).mkdir(exist_ok=True)
            numbers = one.numbers
            colours = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], -1).astype(np.uint8)
            Image.fromarray(colours).save(tmp_path / name / f"{image}.png")
            document["images"].append({"id": image, "width": 80, "height": 60, "file_name": f"{image}.jpg"})
            infos = [
                {
                    "id": n,
                    "category_id": s.category,
                    "area": int((numbers == n).sum()),
                    "iscrowd": s.crowd + 0,
                }
                for n, s in one.of_number.items()
            ]
            document["annotations"].append(
                {"image_id": image, "file_name": f"{image}.png", "segments_info": infos}
            )
    for name, document in zip(("truth", "found"), documents, strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    theirs = panoptic.PanopticEval(str(tmp_path / "truth.json"), str(tmp_path / "found.json"))
    theirs.evaluate()
    results = theirs.results()
    ours = quality(rows, THINGS)
    for ending, group in (("", "All"), ("_things", "Things"), ("_stuff", "Stuff")):
        for name in ("pq", "sq", "rq"):
            assert ours[f"{name}{ending}"] == pytest.approx(results[group][name], abs=1e-6)
