"""Folders of images and annotations as tools export them."""

from __future__ import annotations

SIZE = (20, 30)
RING = [4, 5, 10, 5, 10, 12, 4, 12]


def coco(*names: str) -> dict:
    """A COCO file with one polygon in each image."""
    return {
        "images": [
            {"id": i, "width": 30, "height": 20, "file_name": name} for i, name in enumerate(names, start=1)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "segmentation": [RING]}
            for i in range(1, len(names) + 1)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
