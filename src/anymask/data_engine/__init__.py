"""Masks of everything in many pictures: a data set that grows item by item and survives being stopped."""

from __future__ import annotations

from anymask.data_engine.contact_sheet import write_sheet
from anymask.data_engine.one import Plan, find_masks, open_picture, products
from anymask.data_engine.run import Summary, harvest
from anymask.data_engine.sources import Item, find_items

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
