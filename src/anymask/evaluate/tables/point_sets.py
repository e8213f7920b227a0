"""SAM's 23 data sets: where each comes from, its layout, and how it is read (table 7 and appendix D.1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anymask.evaluate.tables import point_readers as read
from anymask.evaluate.tables.points import measure_points
from anymask.evaluate.tables.table import Items, Published, TableSet, means

__all__ = ["GAINS", "POINT_SETS"]

_DRAWN = "The images are drawn anew: those of the paper were never published. Faces are not blurred."
_RECALLED = "The layout is from memory and may differ from the one that is distributed."


def _set(
    name: str,
    home: str,
    licence: str,
    folders: tuple[str, ...],
    needs: tuple[str, ...],
    open_: Callable[[Path], Items],
    *,
    size: str,
    drawn: bool = False,
    recalled: bool = True,
) -> TableSet:
    return TableSet(
        name=name,
        home=home,
        size=size,
        licence=licence,
        folders=folders,
        needs=needs,
        open=open_,
        measure=measure_points,
        figures=means,
        most_masks=10_000 if drawn else None,
        note=" ".join(text for text, said in ((_DRAWN, drawn), (_RECALLED, recalled)) if said),
    )


POINT_SETS: tuple[TableSet, ...] = (
    _set(
        "PPDLS", "plant-phenotyping.org", "research only", ("Plant_Phenotyping_Datasets", "PPDLS"),
        ("Plant/*/*_rgb.png", "Plant/*/*_label.png"),
        read.colour_maps("Plant/*/*_rgb.png", "Plant/*/*_label.png", ("_rgb", "_label")), size="120 MB",
    ),
    _set(
        "BBBC038v1", "bbbc.broadinstitute.org/BBBC038", "CC0", ("stage1_train", "BBBC038/stage1_train"),
        ("*/images/*.png", "*/masks/*.png"), read.instance_folders, size="80 MB", drawn=True, recalled=False,
    ),
    _set(
        "DOORS", "zenodo.org/record/7107409", "CC BY 4.0", ("DOORS/DS1", "DS1"),
        ("img/*.png", "mask/*.png"), read.binary_masks("img/*.png", "mask/*.png"), size="4 GB",
    ),
    _set(
        "TimberSeg", "data.mendeley.com/datasets/y5npsm3gkj", "CC BY 4.0", ("TimberSeg", "timberseg"),
        ("*.json",), read.coco_files("*.json"), size="1 GB",
    ),
    _set(
        "NDD20", "doi.org/10.25405/data.ncl.c.4982342", "CC BY 4.0", ("NDD20",),
        ("ABOVE_LABELS.json", "BELOW_LABELS.json"),
        read.via_files(("ABOVE_LABELS.json", "ABOVE"), ("BELOW_LABELS.json", "BELOW")), size="1 GB",
    ),
    _set(
        "LVIS", "lvisdataset.org", "CC BY 4.0; images of Flickr's terms", ("LVIS", "lvis", "coco", "."),
        ("lvis_v0.5_val.json", "val2017"), read.coco_files("lvis_v0.5_val.json", "val2017"),
        size="1 GB with val2017", drawn=True, recalled=False,
    ),
    _set(
        "STREETS", "doi.org/10.13012/B2IDB-3671567_V1 (vehicleannotations.zip)", "CC BY 4.0",
        ("vehicleannotations", "STREETS/vehicleannotations"), ("annotations/*.json",),
        read.coco_files("annotations/*.json", "images"), size="1 GB", drawn=True,
    ),
    _set(
        "ZeroWaste-f", "ai.bu.edu/zerowaste", "CC BY-NC 4.0", ("zerowaste-f", "splits_final_deblurred"),
        ("train/labels.json", "train/data"), read.coco_files("train/labels.json", "train/data"), size="7 GB",
        recalled=False,
    ),
    _set(
        "iShape", "ishape.github.io", "CC BY-NC-SA 4.0", ("iShape", "ishape_dataset"),
        ("*/val/*.json",), read.coco_files("*/val/*.json"), size="13 GB", drawn=True,
    ),
    _set(
        "ADE20K", "groups.csail.mit.edu/vision/datasets/ADE20K", "research only; on request",
        ("ADE20K_2021_17_01/images/ADE/validation",), ("**/ADE_val_*_seg.png",), read.ade20k_full,
        size="5 GB", drawn=True, recalled=False,
    ),
    _set(
        "OVIS", "songbai.site/ovis", "CC BY-NC-SA 4.0", ("OVIS", "ovis"),
        ("annotations_train.json", "train"), read.ovis, size="12 GB", drawn=True, recalled=False,
    ),
    _set(
        "Hypersim", "github.com/apple/ml-hypersim", "CC BY-SA 3.0", ("Hypersim", "hypersim"),
        ("ai_*/images/scene_cam_*_geometry_hdf5",), read.hypersim, size="1.9 TB in all", drawn=True,
        recalled=False,
    ),
    _set(
        "NDISPark", "zenodo.org/record/6560823", "CC BY-NC-SA 4.0", ("ndis_park", "NDISPark"),
        ("train/train_coco_annotations.json",),
        read.coco_files("train/train_coco_annotations.json", "train/imgs"), size="400 MB",
    ),
    _set(
        "VISOR", "epic-kitchens.github.io/VISOR", "CC BY-NC 4.0",
        ("GroundTruth-SparseAnnotations", "VISOR/GroundTruth-SparseAnnotations", "VISOR"),
        ("annotations/val/*.json", "rgb_frames/val"), read.visor, size="30 GB", drawn=True,
    ),
    _set(
        "Plittersdorf", "github.com/timmh/socrates", "on request", ("Plittersdorf", "plittersdorf"),
        ("**/*.json",), read.coco_files("**/*.json"), size="unknown",
    ),
    _set(
        "EgoHOS", "github.com/owenzlz/EgoHOS", "research only", ("egohos", "EgoHOS"),
        ("train/image/*.jpg", "train/label/*.png"),
        read.number_maps("train/image/*.jpg", "train/label/*.png", only=("ego4d", "thu")), size="3 GB",
        drawn=True,
    ),
    _set(
        "IBD", "ieee-dataport.org (Instance Building Dataset)", "CC BY 4.0", ("IBD", "ibd"),
        ("train/*.json",), read.coco_files("train/*.json", "train"), size="20 GB",
    ),
    _set(
        "WoodScape", "woodscape.valeo.com", "research only", ("WoodScape", "woodscape"),
        ("rgb_images/*.png", "instance_annotations/*.json"), read.woodscape, size="10 GB", drawn=True,
    ),
    _set(
        "Cityscapes", "cityscapes-dataset.com", "research only; registration", ("cityscapes", "Cityscapes"),
        ("leftImg8bit/val/*/*.png", "gtFine/val/*/*_gtFine_instanceIds.png"), read.cityscapes_panoptic,
        size="12 GB", drawn=True, recalled=False,
    ),
    _set(
        "PIDray", "github.com/bywang2018/security-dataset", "research only", ("pidray", "PIDray"),
        ("annotations/xray_test_hard.json", "hard"),
        read.coco_files("annotations/xray_test_hard.json", "hard"), size="16 GB", recalled=False,
    ),
    _set(
        "DRAM", "faculty.runi.ac.il/arik/site/artseg/Dram-Dataset.html", "research only",
        ("DRAM_processed", "DRAM"), ("test/**/*.jpg", "labels/**/*.png"),
        read.class_maps("test/**/*.jpg", "labels/**/*.png"), size="1 GB",
    ),
    _set(
        "TrashCan", "conservancy.umn.edu/handle/11299/214865", "CC BY 4.0",
        ("dataset/instance_version", "TrashCan/instance_version"),
        ("instances_train_trashcan.json", "train"),
        read.coco_files("instances_train_trashcan.json", "train"), size="500 MB", recalled=False,
    ),
    _set(
        "GTEA", "cbs.ic.gatech.edu/fpv", "research only", ("GTEA", "gtea"),
        ("Images/*.jpg", "Masks/*.png"), read.binary_masks("Images/*.jpg", "Masks/*.png"), size="100 MB",
    ),
)  # fmt: skip
"""In the order of SAM's gain over RITM (figure 9a)."""

GAINS: tuple[Published, ...] = tuple(
    Published("SAM ViT-H minus RITM", {"gain_1": gain / 100}, name)
    for name, gain in {
        "PPDLS": 46.9, "BBBC038v1": 44.7, "DOORS": 41.1, "TimberSeg": 28.9, "NDD20": 21.1, "LVIS": 18.5,
        "STREETS": 17.3, "ZeroWaste-f": 9.1, "iShape": 8.8, "ADE20K": 7.8, "OVIS": 7.0, "Hypersim": 6.1,
        "NDISPark": 2.7, "VISOR": 1.8, "Plittersdorf": 1.5, "EgoHOS": 0.8, "IBD": -0.3, "WoodScape": -0.6,
        "Cityscapes": -2.0, "PIDray": -5.8, "DRAM": -6.5, "TrashCan": -15.0, "GTEA": -21.4,
    }.items()
)  # fmt: skip
"""Mean IoU at one point, relative to RITM; the paper gives no absolute figures."""
