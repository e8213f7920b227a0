"""Data sets and files that do not fit a table, resumption, and limits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anymask.errors import FormatError, InputError
from anymask.evaluate.tables import masks, people, video
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.running import RunOptions, run_table
from anymask.evaluate.tables.self_tests import SelfTestError, check, examples, prompts
from anymask.evaluate.tables.table import Items, SelfTest, TableSet, means

COCO = replace(TABLES["sam-instances"], sets=masks.INSTANCE_SETS[:1])


@pytest.fixture
def coco(tmp_path):
    prompts.instances().copy(tmp_path)
    return tmp_path


def rewrite(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_results_of_another_data_set(coco):
    path = coco / "coco/detections/coco_val2017.json"
    rewrite(path, lambda results: results[1].update(image_id=77))
    with pytest.raises(FormatError, match=r"result 1 of coco_val2017.json must be .* got image_id 77"):
        run_table(COCO, prompts.stub(), coco)


def test_results_without_scores(coco):
    path = coco / "coco/detections/coco_val2017.json"
    rewrite(path, lambda results: results[1].pop("score"))
    with pytest.raises(FormatError, match=r"score of result 1 of coco_val2017.json"):
        run_table(COCO, prompts.stub(), coco)
    path.write_text("[]")
    with pytest.raises(FormatError, match=r"coco_val2017.json must hold a list of results, got none"):
        run_table(COCO, prompts.stub(), coco)


def test_an_annotation_with_the_id_0_and_none_with_iscrowd(coco):
    """pycocotools takes the id 0 for no match, and needs iscrowd."""

    def change(document):
        for number, one in enumerate(document["annotations"]):
            one["id"] = number
            del one["iscrowd"]

    rewrite(coco / "coco/annotations/instances_val2017.json", change)
    result = run_table(COCO, prompts.stub(), coco)
    assert result.sets[0].numbers["ap"].value == pytest.approx(0.8)


def test_an_empty_data_set(coco):
    rewrite(coco / "coco/annotations/instances_val2017.json", lambda document: document["images"].clear())
    with pytest.raises(FormatError, match=r"instances_val2017.json must hold images, got none"):
        run_table(COCO, prompts.stub(), coco)
    empty = replace(COCO.sets[0], open=lambda root: Items([], lambda index: None))
    with pytest.raises(InputError, match="COCO val2017 must hold an item to measure, got none in"):
        run_table(replace(COCO, sets=(empty,)), prompts.stub(), coco)


def test_a_missing_image_is_reported_by_name(tmp_path):
    prompts.points().copy(tmp_path)
    (tmp_path / "stage1_train/ab/images/ab.png").unlink()
    table = TABLES["sam-points"]
    some = replace(table, sets=tuple(one for one in table.sets if one.name in ("BBBC038v1", "GTEA")))
    with pytest.raises(InputError, match=r"BBBC038v1 is not there|BBBC038v1 must hold .* ab.png"):
        run_table(replace(some, sets=some.sets[:1]), prompts.stub(), tmp_path)
    result = run_table(some, prompts.stub(), tmp_path)
    assert [one.name for one in result.sets] == ["GTEA"]
    assert "bbbc.broadinstitute.org" in result.missing["BBBC038v1"]


@pytest.fixture
def davis(tmp_path):
    examples.video().copy(tmp_path)
    return tmp_path / "DAVIS"


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.full((64, 64), 255, np.uint8), r"must hold numbers 0 to 1, got 255 in .*00002.png"),
        (np.zeros((64, 64, 3), np.uint8), r"must be a palette PNG, got RGB in .*00002.png"),
        (np.zeros((9, 9), np.uint8), r"must have the size \(64, 64\), got \(9, 9\) in .*00002.png"),
        (None, r"must exist, got none at .*00002.png"),
    ],
)
def test_predictions_of_davis_that_do_not_fit(davis, pixels, told):
    path = davis / "Predictions/480p/bear/00002.png"
    path.unlink()
    if pixels is not None:
        Image.fromarray(pixels).save(path)
    data = video.VIDEO_SETS[1]
    with pytest.raises(FormatError, match=told):
        data.measure(None, data.open(davis).read(0))


def test_255_in_a_truth_of_davis_is_background(davis):
    path = davis / "Annotations/480p/bear/00000.png"
    labels = np.array(Image.open(path))
    labels[0, 0] = 255
    Image.fromarray(labels).save(path)
    data = video.VIDEO_SETS[1]
    assert data.measure(None, data.open(davis).read(0))["j"] == pytest.approx([0.5])


def test_a_rating_outside_the_scale_names_its_line(tmp_path):
    (tmp_path / "VISOR.csv").write_text("mask,method,rating\na,SAM,8\nb,SAM,11\n")
    with pytest.raises(FormatError, match=r"line 3 of .*VISOR.csv must have mask, and rating from 1 to 10"):
        people.read_numbers(tmp_path / "VISOR.csv", "mask", "rating", 1, 10)


def counted(tmp_path, asked, most=None):
    """A table of ten items with one mask each, which notes what is measured."""

    def measure(model, item):
        asked.append(item)
        if item == model:
            raise KeyboardInterrupt
        return {"value": [float(item)]}

    data = TableSet(
        name="ten", home="h", size="s", licence="l", folders=(".",), needs=(), figures=means, most_masks=most,
        open=lambda root: Items([str(i) for i in range(10)], lambda index: index), measure=measure,
    )  # fmt: skip
    return replace(COCO, sets=(data,), published=(), mean="mean")


def test_an_interrupted_run_resumes(tmp_path):
    asked = []
    table, options = counted(tmp_path, asked), RunOptions(partial=tmp_path / "report.partial")
    with pytest.raises(KeyboardInterrupt):
        run_table(table, 6, tmp_path, options, name="m")
    assert asked == [0, 1, 2, 3, 4, 5, 6]
    asked.clear()
    result = run_table(table, None, tmp_path, options, name="m")
    assert asked == [6, 7, 8, 9]
    assert result.sets[0].numbers["value"].value == 4.5
    assert result.mean["value"].low < 4.5 < result.mean["value"].high
    asked.clear()
    run_table(table, None, tmp_path, options, name="another model")
    assert len(asked) == 10


def test_limits_are_drawn_by_the_seed(tmp_path):
    asked = []
    table = counted(tmp_path, asked)
    for seed in (0, 0, 1):
        run_table(table, None, tmp_path, RunOptions(limit=3, seed=seed))
    assert asked[:3] == asked[3:6] != asked[6:]
    asked.clear()
    run_table(counted(tmp_path, asked, most=4), None, tmp_path)
    assert len(set(asked)) == 4


def test_a_self_test_that_fails_names_the_figure(tmp_path):
    wrong = SelfTest(prompts.proposals().copy, prompts.stub, {"LVIS v1 val": {"ar_1000": 0.9}})
    with pytest.raises(SelfTestError, match=r"ar_1000 of LVIS v1 val must be 0.900000, got 0.800000"):
        check(replace(TABLES["sam-proposals"], self_test=lambda: wrong), tmp_path)
