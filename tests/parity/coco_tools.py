"""The official COCO evaluator and a second one; a test is skipped where they are not installed."""

from __future__ import annotations

import pytest

__all__ = ["PyCocoTools", "hotcoco"]


class PyCocoTools:
    def __init__(self):
        self.COCO = pytest.importorskip("pycocotools.coco").COCO
        self.COCOeval = pytest.importorskip("pycocotools.cocoeval").COCOeval


def hotcoco():
    return pytest.importorskip("hotcoco")
