"""Self-tests of the tables of models that work by examples."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.edge_matching import require_scipy
from anymask.evaluate.keypoints import CROP_HW
from anymask.evaluate.tables.panoptic_painting import CLASSES_EXAMPLE, INSTANCES_EXAMPLE, THINGS, TUNED
from anymask.evaluate.tables.self_tests.drawing import put, put_json
from anymask.evaluate.tables.table import SelfTest
from anymask.models.config import PAINTER_DEBUG
from anymask.types import Context
from anymask.types.context import normalise

__all__ = ["ColourPainter", "ensembles", "fewshot", "fss", "painter", "panoptic", "semantic", "video"]

Floats = NDArray[np.float32]
SIDE = PAINTER_DEBUG.size
"""The images are as large as the model's input, so that nothing is resized."""
INSIDE, OUTSIDE, LATER = (200, 60, 40), (60, 90, 120), (240, 240, 30)
LIMIT = 3
"""Episodes of each data set."""


class ColourPainter:
    """Paints each pixel as the pixels of the examples that have the nearest colour, without weights."""

    config = PAINTER_DEBUG
    fingerprint = "0123456789abcdef"
    training = False

    def paint(
        self, examples_N3PP: Floats, targets_N3PP: Floats, query_3PP: Floats, *, instance: bool
    ) -> Floats:
        """As the models by example do."""
        seen, shown = (np.moveaxis(values, 1, -1).reshape(-1, 3) for values in (examples_N3PP, targets_N3PP))
        colours, which = np.unique(seen, axis=0, return_inverse=True)
        sums = np.zeros((len(colours), 3))
        np.add.at(sums, which.ravel(), shown.astype(np.float64))
        means = sums / np.bincount(which.ravel())[:, None]
        pixels = np.moveaxis(query_3PP, 0, -1).reshape(-1, 1, 3)
        nearest = np.concatenate(
            [((part - colours) ** 2).sum(axis=2).argmin(axis=1) for part in np.array_split(pixels, 64)]
        )
        out = means[nearest].reshape(*query_3PP.shape[1:], 3)
        return np.ascontiguousarray(np.moveaxis(out, -1, 0), np.float32)


def stub() -> ColourPainter:
    """The painter."""
    return ColourPainter()


def scene(x: int, w: int = 16) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3): a rectangle of height 32 from x on."""
    pixels = np.full((SIDE, SIDE, 3), OUTSIDE, np.uint8)
    pixels[16:48, x : x + w] = INSIDE
    return pixels


def truth(x: int, value: int = 1, w: int = 24) -> NDArray[np.uint8]:
    """(SIDE, SIDE): the same place in numbers; wider than what is drawn, so that a third is missed."""
    numbers = np.zeros((SIDE, SIDE), np.uint8)
    numbers[16:48, x : x + w] = value
    return numbers


def _fewshot_copy(root: Path) -> None:
    """Two images of each class, each the example of the other."""
    for x, name in ((8, "a"), (24, "b")):
        put(root / f"{name}.jpg", scene(x))
        pixels = (root / f"{name}.jpg").read_bytes()
        for folder in ("COCO2014/val2014", "VOC2012/JPEGImages"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for category in range(80):
            file = f"val2014/COCO_val2014_{category:02d}{name}"
            (root / f"COCO2014/{file}.jpg").write_bytes(pixels)
            put(root / f"COCO2014/annotations/{file}.png", truth(x, category + 1, 16))
        for category in range(20):
            (root / f"VOC2012/JPEGImages/{category:02d}{name}.jpg").write_bytes(pixels)
            numbers = truth(x, category + 1, 16)
            numbers[:4] = 255
            put(root / f"VOC2012/SegmentationClassAug/{category:02d}{name}.png", numbers)
    for fold in range(4):
        coco = {c: [f"val2014/COCO_val2014_{c:02d}{name}.jpg" for name in "ab"] for c in range(fold, 80, 4)}
        path = root / f"splits/coco/val/fold{fold}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(coco))
        lines = [f"{c:02d}{name}__{c + 1:02d}\n" for c in range(5 * fold, 5 * fold + 5) for name in "ab"]
        path = root / f"splits/pascal/val/fold{fold}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), "utf-8")


def fewshot() -> SelfTest:
    """Two images of each class that show it exactly."""
    names = [f"{data}, {shots} shot" for data in ("COCO-20i", "PASCAL-5i") for shots in (1, 5)]
    return SelfTest(_fewshot_copy, stub, {name: {"miou": 1.0, "fb_iou": 1.0} for name in names}, LIMIT)


def _fss_copy(root: Path) -> None:
    for name in ("abacus", "bee"):
        for number in range(1, 11):
            put(root / f"FSS-1000/{name}/{number}.jpg", scene(number * 2))
            mask = np.repeat(truth(number * 2, 255, 16)[..., None], 3, axis=2)
            put(root / f"FSS-1000/{name}/{number}.png", mask)
    (root / "splits/fss").mkdir(parents=True)
    (root / "splits/fss/test.txt").write_text("bee\nabacus\n", "utf-8")


def fss() -> SelfTest:
    """Two classes with ten images each."""
    figures = {"miou": 1.0, "fb_iou": 1.0}
    return SelfTest(_fss_copy, stub, {"FSS-1000, 1 shot": figures, "FSS-1000, 5 shots": figures}, LIMIT)


def _video_copy(root: Path) -> None:
    """Five frames; the first shows what is drawn, the truth of the others is wider by half."""
    for frame in range(5):
        put(root / f"DAVIS/JPEGImages/480p/bear/{frame:05d}.jpg", scene(8 + 4 * frame))
        numbers = truth(8 + 4 * frame, 1, 16 if frame == 0 else 24)
        put(root / f"DAVIS/Annotations/480p/bear/{frame:05d}.png", numbers)
        put(root / f"DAVIS/Predictions/480p/bear/{frame:05d}.png", truth(8 + 4 * frame, 1, 12))
    (root / "DAVIS/ImageSets/2017").mkdir(parents=True)
    (root / "DAVIS/ImageSets/2017/val.txt").write_text("bear\n", "utf-8")


def _server_copy(root: Path) -> None:
    """A second object appears in the third of five frames; the truth of the first is wider by half."""
    listed = {"objects": {"1": {"frames": ["00000", "00002"]}, "2": {"frames": ["00002", "00004"]}}}
    put_json(root / "YouTubeVOS/valid/meta.json", {"videos": {"film": listed}})
    for frame in range(5):
        pixels, whole = scene(8), truth(8, 1, 16 if frame == 0 else 24)
        if frame >= 2:
            pixels[50:60, 8:30], whole[50:60, 8:30] = LATER, 2
        for place in ("YouTubeVOS/valid", "YouTubeVOS/train", "MOSE/valid", "MOSE/train"):
            put(root / f"{place}/JPEGImages/film/{frame:05d}.jpg", pixels)
            if place.endswith("train") or frame == 0 or (frame == 2 and place == "YouTubeVOS/valid"):
                shown = whole if place.endswith("train") or frame == 0 else np.where(whole == 2, 2, 0)
                put(root / f"{place}/Annotations/film/{frame:05d}.png", shown.astype(np.uint8))


def _videos_copy(root: Path) -> None:
    _video_copy(root)
    _server_copy(root)


def video() -> SelfTest:
    """Two thirds of the object are found in every frame; half of it in the prepared predictions.

    Of two objects in the videos of the training sets one is found by two thirds, the other exactly.
    """
    known = {"DAVIS 2017 val": {"j": 2 / 3, "j_recall": 1.0}, "DAVIS 2017 val, predicted PNGs": {"j": 0.5}}
    known |= {f"{name} train, not comparable": {"j": 5 / 6} for name in ("YouTube-VOS 2018", "MOSE v1")}
    known |= {
        "YouTube-VOS 2018 val, for the server": {"frames": 3.0},
        "MOSE v1 val, for the server": {"frames": 5.0},
    }
    return SelfTest(_videos_copy, stub, known)


def _ensembles_copy(root: Path) -> None:
    _fss_copy(root)
    _video_copy(root)


def ensembles() -> SelfTest:
    """Both of the above, by number of examples and of frames."""
    known = {f"FSS-1000, {count} feature": {"miou": 1.0} for count in ("4 examples,", "8 examples,")}
    known["FSS-1000, 1 example"] = {"miou": 1.0, "fb_iou": 1.0}
    return SelfTest(
        _ensembles_copy,
        stub,
        known | {f"DAVIS 2017, {n} frames": {"j": 2 / 3} for n in (1, 4, 8, 12, 16)},
        LIMIT,
    )


def _semantic_copy(root: Path) -> None:
    """The query's second class is drawn as the first one, and its truth is wider."""
    base = root / "ADEChallengeData2016"
    for part, name in (("training", "ADE_train_00009574"), ("validation", "ADE_val_00000001")):
        pixels, classes = scene(8), truth(8, 3, 16)
        pixels[:8], classes[:8] = (250, 250, 20), 150
        classes[60:] = 0 if part == "training" else 7
        put(base / f"images/{part}/{name}.jpg", pixels)
        put(base / f"annotations/{part}/{name}.png", classes)


def semantic() -> SelfTest:
    """Classes 2 and 149 are found; class 6, on four rows that nothing shows, is not: it is painted black."""
    return SelfTest(_semantic_copy, stub, {"ADE20K val, palette": {"miou": 2 / 3}})


def _panoptic_copy(root: Path) -> None:
    """A thing on stuff, annotated wider by half. The prepared prediction lacks the stuff's first rows."""
    base = root / "coco"
    prompt, classes, places = (np.zeros((80, 80, 3), np.uint8) for _ in range(3))
    prompt[:], classes[:] = OUTSIDE, (219, 111, 147)  # class 80
    spot = np.s_[16:48, 8:24]
    prompt[spot], classes[spot] = INSIDE, (219, 111, 183)  # class 79
    places[spot] = (195, 112, 60)  # row 31, column 15
    for path, pixels in zip(
        (*CLASSES_EXAMPLE, *INSTANCES_EXAMPLE), (prompt, classes, prompt, places), strict=True
    ):
        put(base / path, pixels)
    for name, target in zip(TUNED, (classes, places), strict=True):
        Context(normalise(prompt), normalise(target)).save(base / name)
    put(base / "val2017/1.jpg", prompt.repeat(2, axis=0).repeat(2, axis=1))
    truth = np.full((160, 160), 300)
    truth[32:96, 16:64] = 7
    found = truth.copy()
    found[:32] = 0
    for folder, numbers in (("annotations", truth), ("predictions", found)):
        infos = [
            {"id": number, "category_id": category, "area": int((numbers == number).sum()), "iscrowd": 0}
            for number, category in ((7, 80), (300, 81))
        ]
        entry = {"image_id": 1, "file_name": "1.png", "segments_info": infos}
        kinds = [
            {"id": number, "name": str(number), "isthing": int(number <= THINGS)} for number in range(1, 134)
        ]
        put_json(base / f"{folder}/panoptic_val2017.json", {"annotations": [entry], "categories": kinds})
        colours = np.stack([numbers % 256, numbers // 256, numbers * 0], -1).astype(np.uint8)
        put(base / f"{folder}/panoptic_val2017/1.png", colours)


def panoptic() -> SelfTest:
    """IoUs of 2 / 3 and 22 / 23 as painted, of 1 and 17 / 22 as predicted."""
    painted = {"pq_things": 2 / 3, "pq_stuff": 22 / 23, "rq": 1.0}
    known = {
        "COCO panoptic val2017, painted": painted,
        "COCO panoptic val2017, tuned prompts": painted,
        "COCO panoptic val2017, predicted PNGs": {"pq": 39 / 44, "pq_things": 1.0, "pq_stuff": 17 / 22},
    }
    return SelfTest(_panoptic_copy, stub, known)


def _painter_copy(root: Path) -> None:
    """The example and the query are equal, so that the painter restores the truth exactly."""
    clean, spoiled = scene(8), scene(8) // 2
    for name in ("Test100", "Rain100H", "Rain100L", "Test2800", "Test1200"):
        put(root / f"derain/test/{name}/input/1.png", spoiled)
        put(
            root / f"derain/test/{name}/target/1.png",
            np.where(clean > 100, clean - 2, clean).astype(np.uint8),
        )
    put(root / "derain/train/input/100.jpg", spoiled)
    put(root / "derain/train/target/100.jpg", clean)
    for kind, pixels in (("low", spoiled), ("high", clean)):
        put(root / f"light_enhance/our485/{kind}/100.png", pixels)
        put(
            root / f"light_enhance/eval15/{kind}/1.png",
            np.abs(pixels.astype(int) - (kind == "high")).astype(np.uint8),
        )
    put(root / "denoise/train/input/9_9.png", spoiled)
    put(root / "denoise/train/groundtruth/9_9.png", clean)
    (root / "denoise/val").mkdir(parents=True)
    for key, pixels in (("Noisy", spoiled), ("Gt", clean - 1)):
        name = f"Validation{key}BlocksSrgb"
        require_scipy("io").savemat(root / f"denoise/val/{name}.mat", {name: pixels[None, None]})
    depth = np.where(truth(8, 1, 16) > 0, 2000, 4000).astype(np.uint16)
    for place in ("sync/study_room_0005b", "official_splits/test/kitchen"):
        put(root / f"nyu_depth_v2/{place}/rgb_00094.jpg", clean)
        put(root / f"nyu_depth_v2/{place}/sync_depth_00094.png", depth)
    _keypoints_copy(root)


def _keypoints_copy(root: Path) -> None:
    """A person whose nose is a bright square, found 80 pixels left of where it is annotated.

    With its padding the box is the whole image, so that a pixel of the crop is one of the image.
    """
    pixels, label = (np.zeros((*CROP_HW, 3), np.uint8) for _ in range(2))
    pixels[80:88, 48:57], label[80:88, 48:57] = LATER, 255  # white: the colour of the nose at its place
    put(root / "coco_pose/data_pair/train_256x192_aug0/000000000165_box0_image.png", pixels)
    put(root / "coco_pose/data_pair/train_256x192_aug0/000000000165_box0_label.png", label)
    put(root / "coco/val2017/000000000001.png", pixels)
    box = [19.2, 25.6, 153.6, 204.8]
    person = {
        "id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 4_643_000, "iscrowd": 0,
        "num_keypoints": 1, "keypoints": [132, 84, 2] + [0] * 48,
    }  # fmt: skip
    put_json(
        root / "coco/annotations/person_keypoints_val2017.json",
        {"images": [{"id": 1, "file_name": "000000000001.png"}], "annotations": [person]},
    )
    found = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9}]
    name = "COCO_val2017_detections_AP_H_56_person.json"
    put_json(root / "coco_pose/person_detection_results" / name, found)


def painter() -> SelfTest:
    """An error of one level everywhere is 48.13 dB; depths are off by their coding in 8 bits.

    The person's OKS lies between 0.75 and 0.8: matched at 6 of 10 thresholds.
    """
    level = 20 * np.log10(255)
    depths = [
        (2000, int(int(2000 * 255 / 10000) / 255 * 10000)),
        (4000, int(int(4000 * 255 / 10000) / 255 * 10000)),
    ]
    near, far = (abs(found - true) / true for true, found in depths)
    share = 16 * 32 / SIDE**2
    known = {
        "COCO keypoints": {"ap": 0.6, "ap_50": 1.0, "ap_75": 1.0},
        "LoL": {"psnr": float(level)},
        "SIDD": {"psnr": float(level)},
        "NYUv2": {"a_rel": float(near * share + far * (1 - share)), "delta1": 1.0},
    }
    return SelfTest(_painter_copy, stub, known)
