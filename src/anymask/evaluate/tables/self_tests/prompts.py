"""Self-tests of the tables of promptable models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.edge_matching import require_scipy, skeleton
from anymask.evaluate.records import Image
from anymask.evaluate.simulated_clicks import Session
from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.self_tests.drawing import (
    BOXES,
    SIZE,
    coco,
    image,
    masks,
    numbers,
    polygon,
    put,
    put_json,
    results,
    runs,
)
from anymask.evaluate.tables.table import SelfTest
from anymask.types import Masks, Prompt

__all__ = [
    "audit",
    "edges",
    "fairness",
    "instances",
    "points",
    "proposals",
    "rating",
    "runs_on_points",
    "texts",
]


def stub() -> PromptModel:
    """Predicts the connected pixels of the colours under the clicks, or the box."""
    return PromptModel(open=_open, proposals=_proposals, edges=_edges, texts=_find)


def _open(pixels: Image) -> Session:
    def session(prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
        found = [_of_prompt(pixels, prompt) for prompt in prompts]
        return Masks.from_dense(np.stack(found), prompt=np.arange(len(found)))

    return session


def _of_prompt(pixels: Image, prompt: Prompt) -> NDArray[np.bool_]:
    out = np.zeros(pixels.shape[:2], np.bool_)
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box.astype(int)
        out[y0:y1, x0:x1] = True
    for point, label in zip(prompt.points, prompt.labels, strict=True):
        x, y = int(point[0]), int(point[1])
        alike = (np.abs(pixels.astype(int) - pixels[y, x]).max(axis=-1) < 12).astype(np.uint8)
        _, labels = cv2.connectedComponents(alike, connectivity=4)
        out[labels == labels[y, x]] = label == 1
    return out


def _proposals(pixels: Image, count: int) -> Masks:
    """The first object, and the second one without its last quarter."""
    first, second = masks()
    x, _, w, _ = BOXES[1]
    second[:, x + w - w // 4 :] = False
    return Masks.from_dense(np.stack([first, second])[:count])


def _find(pixels: Image, texts: Sequence[str]) -> list[Masks | None]:
    """The proposal with the number of the text; the last text cannot be read, the one before it finds all."""
    found = _proposals(pixels, 2)
    answers: dict[str, Masks | None] = {"class 1": found[[0]], "class 2": found[[1]], "class 3": found}
    return [answers.get(text) for text in texts]


def _edges(pixels: Image) -> NDArray[np.float32]:
    return outline().astype(np.float32)


def outline() -> NDArray[np.bool_]:
    """The border of the first object, thinned."""
    x, y, w, h = BOXES[0]
    out = np.zeros(SIZE, np.bool_)
    out[y : y + h, [x, x + w - 1]] = out[[y, y + h - 1], x : x + w] = True
    return skeleton(out)


def _points(root: Path) -> None:
    """One image of each of the 23 data sets."""
    _few_points(root)
    picture, map = image(), numbers()
    put(root / "stage1_train/ab/images/ab.png", picture)
    for i, mask in enumerate(masks()):
        put(root / f"stage1_train/ab/masks/{i}.png", mask.astype(np.uint8) * 255)
    put(root / "DS1/img/00001.png", picture)
    put(root / "DS1/mask/00001.png", masks()[0].astype(np.uint8) * 255)
    put(root / "egohos/train/image/ego4d_1.jpg", picture)
    put(root / "egohos/train/image/epickitchen_1.jpg", picture)
    for name in ("ego4d_1", "epickitchen_1"):
        put(root / f"egohos/train/label/{name}.png", map)
    put(root / "DRAM/test/Impressionism/monet/a.jpg", picture)
    put(root / "DRAM/labels/Impressionism/monet/a.png", np.where(map == 0, 255, map).astype(np.uint8))
    _coco_sets(root)
    _polygon_sets(root)
    _map_sets(root)


def _few_points(root: Path) -> None:
    """One image of each of two of the data sets."""
    picture, map = image(), numbers()
    colours = np.stack([map * 80, map * 20, 255 * (map == 1)], -1).astype(np.uint8)
    put(root / "PPDLS/Plant/Ara2012/ara2012_plant001_rgb.png", picture)
    put(root / "PPDLS/Plant/Ara2012/ara2012_plant001_label.png", colours)
    put(root / "GTEA/Images/a.jpg", picture)
    put(root / "GTEA/Masks/a.png", masks()[1].astype(np.uint8) * 255)


def _coco_sets(root: Path) -> None:
    for path, folder, name in (
        ("timberseg/annotations.json", "timberseg", "a.png"),
        ("LVIS/lvis_v0.5_val.json", "LVIS/val2017", "000000000001.jpg"),
        ("vehicleannotations/annotations/vehicles.json", "vehicleannotations/images", "a.jpg"),
        ("zerowaste-f/train/labels.json", "zerowaste-f/train/data", "a.PNG"),
        ("iShape/wire/val/coco.json", "iShape/wire/val/image", "a.jpg"),
        ("NDISPark/train/train_coco_annotations.json", "NDISPark/train/imgs", "a.jpg"),
        ("Plittersdorf/annotations.json", "Plittersdorf", "a.jpg"),
        ("IBD/train/annotations.json", "IBD/train", "a.png"),
        ("pidray/annotations/xray_test_hard.json", "pidray/hard", "xray_hard00001.png"),
        ("dataset/instance_version/instances_train_trashcan.json", "dataset/instance_version/train", "a.jpg"),
    ):
        coco(root / path, root / folder, name)


def _polygon_sets(root: Path) -> None:
    picture = image()
    for side in ("ABOVE", "BELOW"):
        put(root / f"NDD20/{side}/1.jpg", picture)
        shapes = [np.array(polygon(box)) for box in BOXES]
        regions = [
            {"shape_attributes": {"name": "polygon", "all_points_x": one[:, 0].tolist(),
                                  "all_points_y": one[:, 1].tolist()},
             "region_attributes": {"id": "1"}}
            for one in shapes
        ]  # fmt: skip
        entry = {"filename": "1.jpg", "size": -1, "regions": regions, "file_attributes": {}}
        put_json(root / f"NDD20/{side}_LABELS.json", {"1.jpg-1": entry})
    tracks = [
        {"id": i, "video_id": 1, "category_id": 1, "segmentations": [runs(mask), None]}
        for i, mask in enumerate(masks(), 1)
    ]
    names = ["ab/img_0000001.jpg", "ab/img_0000002.jpg"]
    for name in names:
        put(root / "OVIS/train" / name, picture)
    video = {"id": 1, "height": SIZE[0], "width": SIZE[1], "file_names": names, "length": 2}
    put_json(
        root / "OVIS/annotations_train.json", {"videos": [video], "annotations": tracks, "categories": []}
    )
    frame = "P01_01_frame_0000000001.jpg"
    put(root / "VISOR/rgb_frames/val/P01/P01_01" / frame, picture)
    scaled = [[[(np.array(polygon(box)) * 1920 / SIZE[1]).tolist()], "object"] for box in BOXES]
    entries = [{"id": str(i), "name": name, "segments": parts} for i, (parts, name) in enumerate(scaled)]
    shown = {"image": {"name": frame, "image_path": f"P01_01/{frame}"}, "annotations": entries}
    put_json(root / "VISOR/annotations/val/P01_01.json", {"video_annotations": [shown]})
    put(root / "woodscape/rgb_images/00001_FV.png", picture)
    marked = [{"tags": ["car"], "segmentation": polygon(box)} for box in BOXES]
    put_json(root / "woodscape/instance_annotations/00001_FV.json", {"00001_FV.json": {"annotation": marked}})


def _map_sets(root: Path) -> None:
    picture, map = image(), numbers()
    place = root / "ADE20K_2021_17_01/images/ADE/validation/urban/street"
    put(place / "ADE_val_00000001.jpg", picture)
    levels = np.stack([np.where(map > 0, 10, 0), map * 0 + 5, map], -1).astype(np.uint8)
    put(place / "ADE_val_00000001_seg.png", np.where(map[..., None] > 0, levels, 0).astype(np.uint8))
    city = "frankfurt/frankfurt_000000_000001"
    put(root / f"cityscapes/leftImg8bit/val/{city}_leftImg8bit.png", picture)
    ids = np.choose(map, [0, 26001, 7]).astype(np.uint16)
    put(root / f"cityscapes/gtFine/val/{city}_gtFine_instanceIds.png", ids)
    try:
        import h5py
    except ImportError:
        return
    images = root / "hypersim/ai_001_001/images"
    put(images / "scene_cam_00_final_preview/frame.0000.tonemap.jpg", picture)
    (images / "scene_cam_00_geometry_hdf5").mkdir(parents=True)
    name = images / "scene_cam_00_geometry_hdf5/frame.0000.semantic_instance.hdf5"
    with h5py.File(name, "w") as file:
        file["dataset"] = map.astype(np.int16) - 1


def points() -> SelfTest:
    """A click finds three quarters of an object, a second one the rest."""
    both = {"click_1": 0.75, "oracle_1": 0.75, "click_2": 1.0, "click_9": 1.0}
    names = (
        "PPDLS", "BBBC038v1", "DOORS", "TimberSeg", "NDD20", "LVIS", "STREETS", "ZeroWaste-f", "iShape",
        "ADE20K", "OVIS", "NDISPark", "VISOR", "Plittersdorf", "EgoHOS", "IBD", "WoodScape", "Cityscapes",
        "PIDray", "DRAM", "TrashCan", "GTEA",
    )  # fmt: skip
    return SelfTest(_points, stub, dict.fromkeys(names, both))


def _nothing(pixels: Image) -> Session:
    def session(prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
        return Masks.from_dense(np.zeros((len(prompts), *SIZE), np.bool_), prompt=np.arange(len(prompts)))

    return session


def runs_on_points() -> SelfTest:
    """The model of `points` beside one that finds nothing."""
    figures = {"0.1": 0.0, "1": 0.75}
    return SelfTest(
        _few_points,
        lambda: {"0.1": replace(stub(), open=_nothing), "1": stub()},
        dict.fromkeys(("PPDLS", "GTEA"), figures),
    )


def _edge_copy(root: Path) -> None:
    for split in ("images", "groundTruth"):
        (root / f"BSDS500/data/{split}/test").mkdir(parents=True, exist_ok=True)
    put(root / "BSDS500/data/images/test/1.jpg", image())
    cells = np.empty((1, 2), object)
    cells[0, 0] = {"Boundaries": outline().astype(np.uint8)}
    cells[0, 1] = {"Boundaries": np.zeros(SIZE, np.uint8)}
    require_scipy("io").savemat(root / "BSDS500/data/groundTruth/test/1.mat", {"groundTruth": cells})


def edges() -> SelfTest:
    """The border of one object, as one of two annotators drew it."""
    return SelfTest(_edge_copy, stub, {"BSDS500": {"ods": 1.0, "ois": 1.0, "r50": 1.0}})


def _lvis_copy(root: Path) -> None:
    coco(
        root / "LVIS/lvis_v1_val.json", root / "LVIS/val2017", "000000000001.jpg",
        images={"neg_category_ids": [], "not_exhaustive_category_ids": []}, categories={"frequency": "f"},
    )  # fmt: skip
    document = root / "LVIS/lvis_v1_val.json"
    document.write_text(document.read_text("utf-8").replace(', "iscrowd": 0', ""), "utf-8")


def proposals() -> SelfTest:
    """One object exactly, the other with an IoU of 0.75: recalled at 6 of 10 thresholds."""
    figures = {"ar_1000": 0.8, "small": 0.8, "frequent": 0.8}
    return SelfTest(_lvis_copy, stub, {"LVIS v1 val": figures})


def _instance_copy(root: Path) -> None:
    _lvis_copy(root)
    coco(root / "coco/annotations/instances_val2017.json", root / "coco/val2017", "000000000001.jpg")
    x, y, w, h = BOXES[1]
    found = results((BOXES[0], (x, y, w - w // 4, h)))
    put_json(root / "coco/detections/coco_val2017.json", found)
    put_json(root / "LVIS/detections/lvis_v1_val.json", found)


def instances() -> SelfTest:
    """Boxes as masks: one exact, one with an IoU of 0.75."""
    figures = {"ap": 0.8, "ap_50": 1.0, "ap_75": 1.0, "small": 0.8}
    return SelfTest(_instance_copy, stub, {"COCO val2017": figures, "LVIS v1 val": figures})


def _text_copy(root: Path) -> None:
    """Two categories are in the image, the third and the fourth are not."""
    for path, folder, more in (
        ("coco/annotations/instances_val2017.json", "coco/val2017", {}),
        ("LVIS/lvis_v1_val.json", "LVIS/val2017", {"neg_category_ids": [4]}),
    ):
        coco(root / path, root / folder, "000000000001.jpg", images=more)
        document = json.loads((root / path).read_text("utf-8"))
        document["categories"] += [{"id": number, "name": f"class {number}"} for number in (3, 4)]
        put_json(root / path, document)


def texts() -> SelfTest:
    """One object exactly, the other with an IoU of 0.75; one of two other names finds something."""
    figures = {"iou": 0.875, "found": 1.0}
    known = {"COCO val2017": {**figures, "false_alarms": 1.0}, "LVIS v1 val": figures}
    return SelfTest(_text_copy, stub, known)


def _fairness_copy(root: Path) -> None:
    """One image with two persons; one of MIAP's boxes fits the first object, the other one nothing."""
    (root / "skin_tones").mkdir()
    put(root / "skin_tones/a.png", image())
    put(root / "open_images/test/ab.jpg", image())
    boxes, files = [], []
    for number, (mask, box) in enumerate(zip(masks(), BOXES, strict=True)):
        x, y, w, h = box
        sides = [x / SIZE[1], (x + w) / SIZE[1], y / SIZE[0], (y + h) / SIZE[0]]
        put(root / f"skin_tones/{number}.png", mask.astype(np.uint8) * 255)
        put(root / f"open_images/masks/ab_{number}.png", mask.astype(np.uint8) * 255)
        told = ",".join(f"{side:.6f}" for side in sides)
        files.append(f"ab_{number}.png,ab,/m/01g317,{told}")
        files.append(f"ab_{number}.png,ab,/m/09j2d,{told}")
        shifted = told if number == 0 else ",".join(f"{side / 2:.6f}" for side in sides)
        boxes.append(f"ab,{shifted},Predominantly Feminine,{'Young' if number == 0 else 'Older'}")
    head = "ImageID,XMin,XMax,YMin,YMax,GenderPresentation,AgePresentation"
    _put_lines(root / "open_images/open_images_extended_miap_boxes_test.csv", [head, *boxes])
    head = "MaskPath,ImageID,LabelName,BoxXMin,BoxXMax,BoxYMin,BoxYMax"
    _put_lines(root / "open_images/test-annotations-object-segmentation.csv", [head, *files])
    _put_lines(
        root / "skin_tones/groups.csv", ["image,mask,group", "a.png,0.png,tone 1", "a.png,1.png,tone 6"]
    )


def _put_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", "utf-8")


def fairness() -> SelfTest:
    """Three points find all of an object."""
    person = {"Predominantly Feminine, 3 points": 1.0, "Young, 3 points": 1.0}
    tones = {"tone 1, 3 points": 1.0, "tone 6, 3 points": 1.0}
    known = {"MIAP, persons": person, "MIAP, clothing": person, "skin tones": tones}
    return SelfTest(_fairness_copy, stub, known)


def _people_copy(root: Path) -> None:
    (root / "ratings").mkdir()
    scores = {"a": (8, 6), "b": (9, 8), "c": (7, 4)}
    lines = [f"{mask},SAM,{sam}\n{mask},RITM,{ritm}" for mask, (sam, ritm) in scores.items()]
    _put_lines(root / "ratings/VISOR.csv", ["mask,method,rating", *lines])
    _put_lines(root / "audit.csv", ["image,iou", "a,0.95", "a,0.80", "b,0.92", "b,0.5"])


def rating() -> SelfTest:
    """Differences of 2, 1 and 3 points: t = 2 / (1 / sqrt 3), two degrees of freedom."""
    t = 2 * 3**0.5
    known = {"SAM": 8.0, "RITM": 6.0, "RITM - SAM": -2.0, "p: RITM = SAM": 1 - t / (2 + t**2) ** 0.5}
    return SelfTest(_people_copy, lambda: None, {"VISOR": known})


def audit() -> SelfTest:
    """Four masks, two of them above 90 %, three above 75 %."""
    return SelfTest(_people_copy, lambda: None, {"audit": {"above_90": 0.5, "above_75": 0.75}})
