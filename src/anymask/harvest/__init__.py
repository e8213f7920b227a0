"""Masks of everything in many pictures: a data set that grows item by item and survives being stopped."""

from __future__ import annotations

from anymask.harvest.items import Item, find_items
from anymask.harvest.plan import Plan, find_masks, open_picture, products
from anymask.harvest.run import Summary, harvest
from anymask.harvest.sheet import write_sheet

__all__ = [
    "Item",
    "Plan",
    "Summary",
    "find_items",
    "find_masks",
    "harvest",
    "open_picture",
    "products",
    "write_sheet",
]
