"""All tables by name, with their published rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anymask.evaluate.tables import (
    fairness,
    fewshot,
    keypoints,
    masks,
    painter,
    panoptic,
    panoptic_painting,
    people,
    point_sets,
    points,
    runs,
    semantic,
    text,
    video,
    video_servers,
)
from anymask.evaluate.tables.self_tests import examples, prompts
from anymask.evaluate.tables.table import Published, Table

__all__ = ["TABLES"]

_PROPOSAL_COLUMNS = ("ar_1000", "small", "medium", "large", "frequent", "common", "rare")

_EPISODES = (
    "Queries and examples are those of HSNet's lists and random numbers; an example may be drawn twice. "
    "Masks are compared at 400 x 400. mIoU is the mean over classes of summed intersections by summed unions."
)
_VIDEO = (
    "The first frame with its masks and the last frames with their predicted masks are the examples. The "
    "first and the last frame are left out, the figures are means over objects; J is the IoU, F the boundary "
    "measure."
)
_SERVERS = (
    "Only the servers of YouTube-VOS 2018 and MOSE v1 have the truth of their validation sets: a ZIP file "
    "for each is written beside the report. There an object may appear in any frame that has a label map; "
    "these frames are the examples from then on. On videos of their training sets, which are not comparable, "
    "J and F are means over an object's annotated frames after its first."
)
_G = ("g", "j_seen", "f_seen", "j_unseen", "f_unseen")
_SERVER_ROWS = tuple(
    Published(method, dict(zip(columns, values, strict=True)), video_servers.SERVER_SETS[at].name)
    for at, method, columns, values in (
        (0, "SegGPT", _G, (0.747, 0.751, 0.802, 0.674, 0.759)),
        (0, "Painter", _G, (0.241, 0.276, 0.358, 0.143, 0.187)),
        (1, "SegGPT", ("jf", "j", "f"), (0.451, 0.422, 0.480)),
        (1, "Painter", ("jf", "j", "f"), (0.145, 0.104, 0.185)),
    )
)


def _trained(hsnet: float, vat: float, fptrans: float) -> dict[str, float]:
    """Methods that were trained with the test classes too, as SegGPT was."""
    return {"HSNet*": hsnet, "VAT*": vat, "FPTrans*": fptrans}


def _groups(set: str, points: int, values: Mapping[str, float]) -> Published:
    """Means of groups at a number of points; the half-widths of the paper's intervals are left out."""
    return Published("SAM", {f"{name}, {points} points": value / 100 for name, value in values.items()}, set)


_FEMININE, _MASCULINE = "Predominantly Feminine", "Predominantly Masculine"
_FAIRNESS = (
    _groups(
        "MIAP, persons", 1, {_FEMININE: 54.4, _MASCULINE: 55.7, "Older": 62.9, "Middle": 54.5, "Young": 54.2}
    ),
    _groups(
        "MIAP, persons", 3, {_FEMININE: 90.4, _MASCULINE: 90.1, "Older": 92.6, "Middle": 90.2, "Young": 91.2}
    ),
    _groups(
        "MIAP, clothing", 1, {_FEMININE: 76.3, _MASCULINE: 81.0, "Older": 81.9, "Middle": 78.2, "Young": 77.3}
    ),
    _groups(
        "MIAP, clothing", 3, {_FEMININE: 90.7, _MASCULINE: 92.3, "Older": 92.8, "Middle": 91.3, "Young": 91.5}
    ),
    *(
        _groups("skin tones", points, {f"tone {tone}": value for tone, value in enumerate(values, 1)})
        for points, values in (
            (1, (52.9, 51.5, 52.2, 51.5, 52.4, 56.7)),
            (3, (91.0, 91.1, 91.4, 91.7, 92.5, 91.2)),
        )
    ),
)

_TABLES = (
    Table(
        name="sam-points",
        source="Segment Anything, figure 9 and table 7",
        summary="Mean IoU from 1, 2, 3, 5 and 9 simulated points on 23 data sets.",
        protocol="The first point is the pixel of the mask that is farthest from its edge; random_1 is a "
        "random pixel. Of three masks the one with the highest predicted IoU is evaluated, oracle_1 is the "
        "best by true IoU. Further points lie deepest in the error. With more than one point the single "
        "output is evaluated. A set's figure is the mean over its masks, the mean that of the sets.",
        model="prompts",
        columns=points.COLUMNS,
        sets=point_sets.POINT_SETS,
        published=point_sets.GAINS,
        self_test=prompts.points,
        mean="mean of sets",
    ),
    Table(
        name="sam-edges",
        source="Segment Anything, table 3",
        summary="Edges of automatic masks on BSDS500, without training for edges.",
        protocol="16 x 16 points with three masks each, NMS at 0.7; edges are thinned and matched with those "
        "of each annotator within 0.0075 of the diagonal at the least total distance, at 99 thresholds.",
        model="prompts",
        columns=("ods", "ois", "ap", "r50"),
        sets=masks.EDGE_SETS,
        published=(
            Published("SAM ViT-H", {"ods": 0.768, "ois": 0.786, "ap": 0.794, "r50": 0.928}, "BSDS500"),
            Published("HED", {"ods": 0.788, "ois": 0.808, "ap": 0.840, "r50": 0.923}, "BSDS500"),
            Published("EDETER", {"ods": 0.840, "ois": 0.858, "ap": 0.896, "r50": 0.930}, "BSDS500"),
            Published("Felz-Hutt", {"ods": 0.610, "ois": 0.640, "ap": 0.560}, "BSDS500"),
            Published("Sobel", {"ods": 0.539}, "BSDS500, Sobel"),
            Published("Canny", {"ods": 0.600, "ois": 0.640, "ap": 0.580}, "BSDS500, Canny"),
        ),
        self_test=prompts.edges,
    ),
    Table(
        name="sam-proposals",
        source="Segment Anything, table 4",
        summary="Average recall of 1000 automatic masks per image on LVIS v1.",
        protocol="64 x 64 points, NMS at 0.9, ranked by the mean of predicted IoU and stability; recall "
        "without classes, averaged over IoU 0.5 to 0.95; sizes by the annotation's area; groups of "
        "categories are matched separately.",
        model="prompts",
        columns=("ar_1000", "small", "medium", "large", "frequent", "common", "rare", "ar_10", "ar_100"),
        sets=masks.PROPOSAL_SETS,
        published=tuple(
            Published(method, dict(zip(_PROPOSAL_COLUMNS, values, strict=True)), "LVIS v1 val")
            for method, values in {
                "ViTDet-H": (0.630, 0.517, 0.808, 0.870, 0.631, 0.633, 0.583),
                "SAM, single output": (0.549, 0.428, 0.767, 0.744, 0.547, 0.598, 0.620),
                "SAM": (0.593, 0.455, 0.816, 0.869, 0.591, 0.639, 0.658),
            }.items()
        ),
        self_test=prompts.proposals,
    ),
    Table(
        name="sam-instances",
        source="Segment Anything, table 5",
        summary="Instance segmentation from the boxes of a detector on COCO and LVIS v1.",
        protocol="Each box prompts the model, and once more together with the mask; the score is the "
        "detector's. Mask AP over IoU 0.5 to 0.95, of 100 masks of a class (COCO) or 300 of an image (LVIS); "
        "sizes by the annotation's area.",
        model="prompts",
        columns=("ap", "small", "medium", "large", "ap_50", "ap_75"),
        sets=masks.INSTANCE_SETS,
        published=tuple(
            Published(method, dict(zip(("ap", "small", "medium", "large"), values, strict=True)), name)
            for name, method, values in (
                ("COCO val2017", "ViTDet-H", (0.510, 0.320, 0.543, 0.689)),
                ("COCO val2017", "SAM", (0.465, 0.308, 0.510, 0.617)),
                ("LVIS v1 val", "ViTDet-H", (0.466, 0.350, 0.580, 0.663)),
                ("LVIS v1 val", "SAM", (0.447, 0.325, 0.576, 0.655)),
            )
        ),
        self_test=prompts.instances,
    ),
    Table(
        name="sam-text",
        source="Segment Anything, section 7.5",
        summary="Masks for texts: the names of COCO's and LVIS's categories.",
        protocol="Each category of an image is asked for by its name: the IoU of all that is found with all "
        "masks of the category, and the share of names with an IoU above 0.5. False alarms are the share of "
        "names of nothing in the image that find something. Names that the text model cannot read are left "
        "out. Models without text prompts propose masks, which the text model in the package names. The "
        "paper gives no figures.",
        model="prompts",
        columns=("iou", "found", "false_alarms"),
        sets=text.TEXT_SETS,
        published=(),
        self_test=prompts.texts,
    ),
    Table(
        name="seggpt-fewshot",
        source="SegGPT, table 1",
        summary="Few-shot segmentation on COCO-20i and PASCAL-5i, one and five examples.",
        protocol=_EPISODES + " 1000 episodes of each of 4 folds; the figure is the mean of the folds.",
        model="examples",
        columns=("miou", "fb_iou"),
        sets=fewshot.FEWSHOT_SETS,
        published=tuple(
            Published(method, {"miou": miou / 100}, name)
            for name, methods in {
                "COCO-20i, 1 shot": {"SegGPT": 56.1, "Painter": 32.8, **_trained(41.7, 42.9, 56.5)},
                "COCO-20i, 5 shot": {"SegGPT, few": 67.9, "Painter, few": 32.6, **_trained(50.7, 49.4, 65.5)},
                "PASCAL-5i, 1 shot": {"SegGPT": 83.2, "Painter": 64.5, **_trained(68.7, 72.4, 77.7)},
                "PASCAL-5i, 5 shot": {
                    "SegGPT, few": 89.8,
                    "Painter, few": 64.6,
                    **_trained(73.8, 76.3, 83.2),
                },
            }.items()
            for method, miou in methods.items()
        ),
        self_test=examples.fewshot,
    ),
    Table(
        name="seggpt-fss",
        source="SegGPT, table 2",
        summary="Few-shot segmentation on the 240 test classes of FSS-1000.",
        protocol=_EPISODES + " Each of the 2,400 images is a query once.",
        model="examples",
        columns=("miou", "fb_iou"),
        sets=fewshot.FSS_SETS,
        published=(
            Published("SegGPT", {"miou": 0.856}, "FSS-1000, 1 shot"),
            Published("Painter", {"miou": 0.617}, "FSS-1000, 1 shot"),
            Published("SegGPT, few", {"miou": 0.893}, "FSS-1000, 5 shots"),
            Published("Painter, few", {"miou": 0.623}, "FSS-1000, 5 shots"),
        ),
        self_test=examples.fss,
    ),
    Table(
        name="seggpt-vos",
        source="SegGPT, table 3",
        summary="Video object segmentation from the masks of the first frame.",
        protocol=f"{_VIDEO} {_SERVERS}",
        model="examples",
        columns=("jf", "j", "f", "j_recall", "f_recall"),
        sets=(*video.VIDEO_SETS, *video_servers.SERVER_SETS),
        published=(
            Published("SegGPT", {"jf": 0.756, "j": 0.725, "f": 0.786}, "DAVIS 2017 val"),
            Published("Painter", {"jf": 0.346, "j": 0.285, "f": 0.408}, "DAVIS 2017 val"),
            *_SERVER_ROWS,
        ),
        self_test=examples.video,
    ),
    Table(
        name="seggpt-ensembles",
        source="SegGPT, tables 4 and 9",
        summary="Ensembles of examples on FSS-1000, and the number of frames in memory on DAVIS 2017.",
        protocol=f"{_EPISODES} {_VIDEO}",
        model="examples",
        columns=("miou", "fb_iou", "jf", "j", "f"),
        sets=(
            *fewshot.ENSEMBLE_SETS,
            *(video.davis_set(f"DAVIS 2017, {frames} frames", frames) for frames in (1, 4, 8, 12, 16)),
        ),
        published=(
            *(
                Published("SegGPT", {"miou": miou, "fb_iou": fb}, f"FSS-1000, {name}")
                for name, miou, fb in (
                    ("1 example", 0.855, 0.908),
                    ("4 examples, spatial", 0.893, 0.935),
                    ("4 examples, feature", 0.878, 0.924),
                    ("8 examples, feature", 0.898, 0.938),
                )
            ),
            *(
                Published("SegGPT", {"jf": jf}, f"DAVIS 2017, {frames} frames")
                for frames, jf in ((1, 0.700), (4, 0.747), (8, 0.756), (12, 0.748), (16, 0.746))
            ),
        ),
        self_test=examples.ensembles,
    ),
    Table(
        name="seggpt-ade20k",
        source="SegGPT, table 5",
        summary="Semantic segmentation of ADE20K's 150 classes by example.",
        protocol="Painter's palette and example, or a tuned prompt; the painted image is resized in colour "
        "space, truncated to 8 bits and decoded to the nearest of 150 colours. mIoU from one confusion "
        "matrix, over the classes of the truth; pixels of other things do not count.",
        model="examples",
        columns=("miou", "accuracy"),
        sets=semantic.SEMANTIC_SETS,
        published=(
            Published("Painter", {"miou": 0.499}, "ADE20K val, palette"),
            Published("SegGPT", {"miou": 0.396}, "ADE20K val, tuned prompt"),
        ),
        self_test=examples.semantic,
    ),
    Table(
        name="seggpt-panoptic",
        source="SegGPT, table 6",
        summary="Panoptic segmentation of COCO.",
        protocol="Painter's palettes and example, at 560 pixels, or tuned prompts: classes, and instances in "
        "the colours of their places on a grid of 80 x 80; matrix NMS, scores from 0.55 on, stuff from 8192 "
        "pixels on. Segments of a class match above an IoU of 0.5; void and the last crowd of a class "
        "forgive false segments. PQ is the mean over classes with any match or miss.",
        model="examples",
        columns=("pq", "sq", "rq", "pq_things", "pq_stuff"),
        sets=(panoptic_painting.PAINTED, panoptic_painting.PAINTED_TUNED, panoptic.PREDICTED),
        published=(
            Published("Painter", {"pq": 0.434}, panoptic_painting.PAINTED.name),
            Published("SegGPT", {"pq": 0.344}, panoptic_painting.PAINTED_TUNED.name),
        ),
        self_test=examples.panoptic,
    ),
    Table(
        name="painter",
        source="Painter, table 1, with the figures of the released weights",
        summary="Depth, keypoints, denoising, deraining and low-light enhancement by example.",
        protocol="One example for each task, that of the released evaluation; images are resized to the "
        "model's size and back. Depth: means over images in the crop of Eigen et al. Keypoints: each box of "
        "a detector, also mirrored; AP by OKS of at most 20 persons of an image. Deraining: luma of 8-bit "
        "images. Denoising: SSIM over the volume of the three channels. LoL: SSIM with the value range 2, "
        "that old scikit-image took, and with 1.",
        model="examples",
        columns=("rmse", "a_rel", "delta1", "ap", "ap_50", "ap_75", "psnr", "ssim", "ssim_range_1"),
        sets=(*painter.PAINTER_SETS, *keypoints.KEYPOINT_SETS),
        published=(
            Published("Painter", {"rmse": 0.288, "a_rel": 0.080, "delta1": 0.950}, "NYUv2"),
            Published("Painter", {"ap": 0.721}, "COCO keypoints"),
            Published("Painter", {"psnr": 38.66, "ssim": 0.954}, "SIDD"),
            Published("Painter, deraining", {"psnr": 29.42, "ssim": 0.867}),
            Published("Painter", {"psnr": 22.34, "ssim": 0.872}, "LoL"),
        ),
        self_test=examples.painter,
    ),
    Table(
        name="sam-fairness",
        source="Segment Anything, tables 2, 6 and 7",
        summary="Mean IoU at 1 and 3 points for groups of people.",
        protocol="The first point is a random pixel of the mask, two more lie deepest in the error. Persons: "
        "masks of Open Images whose box lies within 1 % of one of MIAP. Intervals are bootstraps over "
        "images; how the paper made its own is not stated.",
        model="prompts",
        columns=(),
        sets=fairness.FAIRNESS_SETS,
        published=_FAIRNESS,
        self_test=prompts.fairness,
    ),
    Table(
        name="sam-rating",
        source="Segment Anything, figure 11",
        summary="Ratings of masks by people: means, differences and paired t-tests.",
        protocol="Ratings from 1 to 10 of the same masks of several methods, blind and shuffled. Differences "
        "are over the masks that both have. The paper gives no figures; SAM lies between 7 and 9.",
        model="files",
        columns=(),
        sets=people.RATING_SETS,
        published=(),
        self_test=prompts.rating,
    ),
    Table(
        name="sam-audit",
        source="Segment Anything, section 5",
        summary="IoU of automatic masks with the corrections of people.",
        protocol="The share of masks with an IoU above 0.90 and 0.75 with their correction.",
        model="files",
        columns=("above_90", "above_75", "iou"),
        sets=people.AUDIT_SETS,
        published=(Published("SA-1B, 500 images", {"above_90": 0.94, "above_75": 0.97}, "audit"),),
        self_test=prompts.audit,
    ),
)

_RUNS = tuple(
    Table(
        name=name,
        source="Segment Anything, figure 13",
        summary=f"Mean IoU from one point on 23 data sets, by {what}.",
        protocol="The first point and the mask are those of sam-points. Each model that --runs names is a "
        f"column; the page has the curve of their means. {paper} The paper gives no other figures.",
        model="runs",
        columns=(),
        sets=runs.RUN_SETS,
        published=(),
        self_test=prompts.runs_on_points,
        mean="mean of sets",
    )
    for name, what, paper in (
        (
            "sam-stages",
            "the stages of the data",
            "There each stage of the data engine raises the mean, and automatic masks alone lose 0.5 mIoU.",
        ),
        (
            "sam-volume",
            "the share of the data",
            "There 1M of 11M images come close to all, and 0.1M are clearly worse.",
        ),
        (
            "sam-encoders",
            "the encoder",
            "There ViT-H is much better than ViT-B and little better than ViT-L.",
        ),
    )
)

TABLES: Mapping[str, Table] = MappingProxyType({one.name: one for one in (*_TABLES, *_RUNS)})
"""Tables by name, in the order of the list."""
