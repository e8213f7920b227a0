"""Damaged data sets: each fault is one sentence that names the file and the id, whatever the table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from anymask.types import Context

from .damage import again, check_told, colours, data, first, gone, in_json, no, pixels, segment, text

LVIS, COCO = "LVIS/lvis_v1_val.json", "coco/annotations/instances_val2017.json"
PANOPTIC, PREDICTED = "coco/annotations/panoptic_val2017", "coco/predictions/panoptic_val2017"
PERSONS = "coco/annotations/person_keypoints_val2017.json"
ADE = "ADEChallengeData2016/annotations"
PASCAL, FSS = "VOC2012/SegmentationClassAug/00b.png", "splits/fss/test.txt"
BOXES = "coco/detections/coco_val2017.json"
SIDD = "denoise/val/ValidationGtBlocksSrgb.mat"
MASKS = "open_images/test-annotations-object-segmentation.csv"
FAULTS = [
    (
        "seggpt-ade20k",
        f"{ADE}/validation/ADE_val_00000001.png",
        pixels(lambda map: map.astype(np.uint16) + 256),
        "classes must be an image of 8 bits, got uint16 in .*ADE_val_00000001.png",
    ),
    (
        "seggpt-panoptic",
        "coco/classes.safetensors",
        lambda path: Context(*np.zeros((2, 3, 64, 64), np.float32), model="f" * 16).save(path, force=True),
        "classes.safetensors must be tuned with this model .0123456789abcdef., got one of ffff",
    ),
    (
        "seggpt-panoptic",
        f"{PANOPTIC}.json",
        in_json(lambda document: document["categories"].pop()),
        "panoptic_val2017.json must have 80 categories of things and 53 of stuff, .* got 80 and 52",
    ),
    (
        "sam-instances",
        COCO,
        again("annotations"),
        "instances_val2017.json must have an id of its own for every annotation, got 1 more than once",
    ),
    ("sam-proposals", LVIS, again("annotations", id="2"), "lvis_v1_val.json must have an id .* got 2 more"),
    (
        "painter",
        PERSONS,
        again("annotations"),
        "annotation 1 of person_keypoints_val2017.json must have an id of its own",
    ),
    ("seggpt-panoptic", f"{PANOPTIC}.json", again("annotations"), "got two of image_id 1"),
    ("seggpt-panoptic", f"{PREDICTED}.json", again("annotations"), "predictions.*got two of image_id 1"),
    (
        "seggpt-panoptic",
        f"{PREDICTED}.json",
        in_json(
            lambda document: document["annotations"][0]["segments_info"].append(
                document["annotations"][0]["segments_info"][0]
            )
        ),
        "segment 7 of image_id 1 of .*predictions.*json must be listed once",
    ),
    (
        "sam-instances",
        BOXES,
        again(None),
        "1 x box listed again, counted again as in the official tool, first result 2 of "
        "coco_val2017.json, of image 1",
    ),
    (
        "sam-instances",
        COCO,
        first("annotations", area=900),
        "1 x stated area that does not fit, used .* annotation 1 of instances_val2017.json: 900 for 320",
    ),
    (
        "sam-instances",
        COCO,
        first("annotations", area=0),
        "1 x stated area that does not fit, used .* annotation 1 of instances_val2017.json: 0 for 320",
    ),
    (
        "sam-proposals",
        LVIS,
        first("annotations", area=5000),
        "annotation 1 of lvis_v1_val.json: 5000 for 320",
    ),
    ("sam-proposals", LVIS, no("annotations", "area"), "first image 1 of lvis_v1_val.json: none for a mask"),
    (
        "painter",
        PERSONS,
        first("annotations", area=0),
        "annotation 1 of person_key.*json: 0 in a box of 31457",
    ),
    (
        "seggpt-panoptic",
        f"{PANOPTIC}.json",
        segment(area=3000),
        "1 x stated area that does not fit, .* first segment 7 of .*annotations.*1.png: 3000 for 3072 pixels",
    ),
    (
        "seggpt-panoptic",
        f"{PANOPTIC}.json",
        segment(area=0),
        "area of segment 7 of image_id 1 of .*annotations/panoptic_val2017.json must be from 1 on, got 0",
    ),
    (
        "sam-instances",
        BOXES,
        in_json(lambda found: found[1].update(category_id=77)),
        "result 1 of .*json .*category_id 77",
    ),
    (
        "sam-instances",
        BOXES,
        in_json(lambda found: found[1].update(bbox=[1, 2])),
        r"bbox of result 1 of coco_val2017.json .*\[1, 2\]",
    ),
    (
        "sam-instances",
        BOXES,
        in_json(lambda found: found[0].update(bbox=[0, 0, -1, 5])),
        r"bbox of result 0 of coco_val2017.json .* -1 x 5",
    ),
    (
        "sam-instances",
        COCO,
        in_json(lambda document: document["annotations"].clear()),
        "COCO val2017 must hold something to measure, got none in",
    ),
    (
        "sam-instances",
        COCO,
        in_json(lambda document: document["images"].clear()),
        "instances_val2017.json must hold images, got none",
    ),
    (
        "sam-instances",
        COCO,
        first("annotations", image_id=77),
        "instances_val2017.json: 1 x annotation of no image, left out, first of image_id 77",
    ),
    (
        "sam-instances",
        COCO,
        no("annotations", "segmentation"),
        "1 x box without an outline, left out, first in 1",
    ),
    (
        "sam-instances",
        COCO,
        first("annotations", category_id=77),
        "instances_val2017.json must name the category .* id 77",
    ),
    (
        "sam-instances",
        LVIS,
        first("images", not_exhaustive_category_ids=3),
        "image 1 of .*lvis_v1_val.json .*not_exhaustive_category_ids.*got 3",
    ),
    (
        "sam-instances",
        LVIS,
        first("images", neg_category_ids=["x"]),
        "image 1 of .*lvis_v1_val.json .*neg_category_ids",
    ),
    (
        "sam-instances",
        "coco/val2017/000000000001.jpg",
        pixels(lambda image: image[:-3]),
        r"masks of 1 must have the size \(45, 64\) of .*000000000001.jpg",
    ),
    (
        "sam-instances",
        COCO,
        in_json(lambda document: document.pop("images")),
        "instances_val2017.json.*images",
    ),
    ("sam-proposals", LVIS, no("categories", "frequency"), "category .*lvis_v1_val.json .*frequency"),
    (
        "sam-proposals",
        "LVIS/val2017/000000000001.jpg",
        gone,
        "1: image must be a file that exists, got .*000000000001.jpg",
    ),
    ("sam-text", LVIS, no("categories", "id"), "lvis_v1_val.json.*category must have an id"),
    (
        "sam-edges",
        "BSDS500/data/groundTruth/test/1.mat",
        lambda path: savemat(path, {"groundTruth": np.empty((1, 0), object)}),
        "groundTruth must hold Boundaries of each annotator, got none at .*1.mat",
    ),
    (
        "sam-edges",
        "BSDS500/data/groundTruth/test/1.mat",
        data(b"MATLAB"),
        "1: .*1.mat must be a .mat file with groundTruth",
    ),
    (
        "sam-edges",
        "BSDS500/data/images/test/1.jpg",
        pixels(lambda image: image[:-3]),
        r"Boundaries of .*1.mat must have the size \(45, 64\) of 1.jpg",
    ),
    ("seggpt-fewshot", "splits/pascal/val/fold2.txt", gone, "fold2.txt must be as .*No such file"),
    ("seggpt-fewshot", "splits/pascal/val/fold2.txt", text("\n"), "fold2.txt must hold names, got none"),
    ("seggpt-fss", FSS, data(b"\xff\xfe"), "test.txt must be as .*decode"),
    (
        "seggpt-fss",
        "FSS-1000/abacus/1.png",
        pixels(lambda mask: mask * 0),
        "mask of abacus/1 must show class 0, got none",
    ),
    (
        "seggpt-fss",
        "FSS-1000/abacus/1.png",
        pixels(lambda mask: mask[:-2]),
        "abacus/.*: masks must have the image's size|mask of abacus/1 must have the size",
    ),
    (
        "seggpt-ade20k",
        f"{ADE}/validation/ADE_val_00000001.png",
        pixels(colours),
        "ADE_val_00000001.png in colour",
    ),
    (
        "seggpt-ade20k",
        f"{ADE}/validation/ADE_val_00000001.png",
        pixels(lambda map: map * 0),
        "palette must hold something to measure",
    ),
    (
        "seggpt-ade20k",
        f"{ADE}/validation/ADE_val_00000001.png",
        pixels(lambda map: map[:-2]),
        r"must have the size \(64, 64\) of its image, got \(62, 64\) in .*ADE_val_00000001.png",
    ),
    (
        "seggpt-ade20k",
        f"{ADE}/training/ADE_train_00009574.png",
        pixels(lambda map: map[:-2]),
        "target of the example must have the size",
    ),
    (
        "seggpt-panoptic",
        f"{PREDICTED}.json",
        first("annotations", image_id=9),
        "predictions/panoptic_val2017.json must have .* image_id 1, which is not in .*predictions",
    ),
    (
        "seggpt-panoptic",
        f"{PREDICTED}/1.png",
        pixels(lambda image: image[..., 0]),
        "must be an RGB PNG, got L in .*predictions.*1.png",
    ),
    (
        "seggpt-panoptic",
        f"{PANOPTIC}.json",
        in_json(lambda document: document["annotations"][0]["segments_info"][0].pop("id")),
        "segment of image_id 1 of .*annotations/panoptic_val2017.json .*'id'",
    ),
    (
        "seggpt-panoptic",
        f"{PANOPTIC}.json",
        in_json(lambda document: document["annotations"][0]["segments_info"][0].update(id=5)),
        "segment 5 of .*annotations.*1.png must be in PNG and JSON, got none in the PNG",
    ),
    (
        "painter",
        PERSONS,
        first("annotations", keypoints=[1, 2]),
        "keypoints of annotation 1 of person_keypoints_val2017.json must be 51 numbers, got 2",
    ),
    (
        "painter",
        PERSONS,
        first("annotations", image_id=4),
        "annotation 1 of person_keypoints_val2017.json .* image_id 4",
    ),
    (
        "painter",
        "nyu_depth_v2/official_splits/test/kitchen/sync_depth_00094.png",
        pixels(lambda depth: (depth // 256).astype(np.uint8)),
        "16-bit PNG in millimetres, got 8 bits in .*kitchen/sync_depth_00094.png",
    ),
    ("painter", SIDD, data(b"MATLAB"), "ValidationGtBlocksSrgb.mat must be a .mat file"),
    (
        "sam-rating",
        "ratings/VISOR.csv",
        text("mask,rating\na,8\n"),
        "mask a of .*VISOR.csv must have a method",
    ),
    ("sam-audit", "audit.csv", data(b"image,iou\n\xff,1\n"), "audit.csv"),
    (
        "sam-fairness",
        MASKS,
        text("MaskPath,ImageID,LabelName,BoxXMin,BoxXMax,BoxYMin,BoxYMax\na.png,ab,/m/01g317,x,1,0,1\n"),
        "object-segmentation.csv",
    ),
    (
        "sam-fairness",
        "skin_tones/groups.csv",
        text("image,mask\na.png,0.png\n"),
        "groups.csv must have the column group",
    ),
]


@pytest.mark.parametrize(("name", "file", "damage", "sentence"), FAULTS)
def test_a_fault_is_told_with_file_and_id(name, file, damage, sentence, copies):
    check_told(name, copies, file, damage, sentence)
