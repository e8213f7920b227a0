"""Damaged files of the 23 data sets of sam-points: each fault is told with file and id."""

from __future__ import annotations

import numpy as np
import pytest

from .damage import again, as_jpeg, check_told, first, gone, in_json, no, pixels, resized, text

CITY = "cityscapes/gtFine/val/frankfurt/frankfurt_000000_000001_gtFine_instanceIds.png"
WOODSCAPE = "woodscape/instance_annotations/00001_FV.json"
FAULTS = [
    (
        "PPDLS/Plant/Ara2012/ara2012_plant001_label.png",
        pixels(lambda colours: colours[..., 0]),
        "annotation must be a colour image, got L in .*ara2012_plant001_label.png",
    ),
    (
        "OVIS/annotations_train.json",
        first("annotations", video_id=9),
        "annotations_train.json: annotations of no video, left out, first of video_id 9",
    ),
    (
        WOODSCAPE,
        in_json(lambda document: document["00001_FV.json"].pop("annotation")),
        "00001_FV.json must have a field 'annotation' of type list",
    ),
    (
        WOODSCAPE,
        in_json(lambda document: document["00001_FV.json"]["annotation"][0].update(segmentation=[[1, 2]])),
        "1 x polygon of fewer than 3 corners, left out, first in 00001_FV",
    ),
    (
        "VISOR/annotations/val/P01_01.json",
        in_json(
            lambda document: document["video_annotations"][0]["annotations"][0]["segments"].append([[1, 2]])
        ),
        "1 x polygon of fewer than 3 corners, left out, first in P01_01_frame_0000000001.jpg",
    ),
    (
        "stage1_train/ab/masks/1.png",
        pixels(resized),
        r"annotation must have the size \(48, 64\) of .*ab.png, got \(96, 128\) in .*masks/1.png",
    ),
    (CITY, pixels(resized), r"size \(48, 64\) of .*, got \(96, 128\) in .*_instanceIds.png"),
    (CITY, as_jpeg, "annotation must be a lossless image.* JPEG in .*_instanceIds.png"),
    (
        "PPDLS/Plant/Ara2012/ara2012_plant001_label.png",
        as_jpeg,
        "must be a lossless image, .*ara2012_plant001_label.png",
    ),
    (
        "DS1/mask/00001.png",
        pixels(lambda mask: mask // 255),
        "mask must be white on the object, 128 to 255, got at most 1 in .*mask/00001.png",
    ),
    (
        "DRAM/labels/Impressionism/monet/a.png",
        pixels(lambda labels: labels.astype(np.uint16) * 257),
        "classes must be an image of 8 bits, got uint16 in .*monet/a.png",
    ),
    (
        "OVIS/annotations_train.json",
        in_json(lambda document: document["videos"][0]["file_names"].__setitem__(0, None)),
        "video 1 of annotations_train.json must have a field 'file_names'",
    ),
    (
        "OVIS/annotations_train.json",
        in_json(lambda document: document["videos"][0]["file_names"].pop(0)),
        "annotations_train.json: segmentations of annotation 1 must be one for each of 1 frames, got 2",
    ),
    (
        "OVIS/annotations_train.json",
        in_json(lambda document: document["annotations"][0]["segmentations"].__setitem__(0, 7)),
        "got none .* Check the annotations. .*annotations_train.json: segmentation must be",
    ),
    (
        "NDD20/ABOVE_LABELS.json",
        in_json(lambda document: document["1.jpg-1"].update(regions=7)),
        "ABOVE_LABELS.json: image must have a field 'regions'",
    ),
    (
        "NDD20/ABOVE_LABELS.json",
        in_json(lambda document: document["1.jpg-1"]["regions"][0]["shape_attributes"]["all_points_x"].pop()),
        "1 x damaged: polygon must have as many x as y, got 3 and 4, left out, first in ABOVE/1",
    ),
    ("timberseg/annotations.json", text("[]"), "timberseg/annotations.json: no images"),
    (
        "zerowaste-f/train/labels.json",
        again("annotations"),
        "labels.json must have an id of its own for every annotation, got 1 more than once",
    ),
    (
        "OVIS/annotations_train.json",
        no("videos", "height"),
        "video 1 of annotations_train.json must have a field 'height'",
    ),
    (
        "OVIS/annotations_train.json",
        first("annotations", segmentations=[]),
        "annotations_train.json: segmentations of annotation 1 must be one for each of 2 frames, got 0",
    ),
    (
        "VISOR/annotations/val/P01_01.json",
        in_json(lambda document: document["video_annotations"][0]["image"].pop("name")),
        "P01_01.json must be as the data set is distributed, got another .KeyError: 'name'",
    ),
    (
        "woodscape/instance_annotations/00001_FV.json",
        in_json(lambda document: document["00001_FV.json"].update(annotation=7)),
        "00001_FV.json must have a field 'annotation' of type list, got 7",
    ),
    (
        "egohos/train/label/ego4d_1.png",
        gone,
        "1 images without annotations, left out, first ego4d_1",
    ),
    (
        "NDD20/ABOVE_LABELS.json",
        text("[]"),
        "ABOVE_LABELS.json",
    ),
]


@pytest.mark.parametrize(("file", "damage", "sentence"), FAULTS)
def test_a_fault_is_told_with_file_and_id(file, damage, sentence, copies):
    check_told("sam-points", copies, file, damage, sentence)
