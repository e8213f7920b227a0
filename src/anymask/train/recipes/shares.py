"""Shares of the draws by data set name, for the recipes of models that are trained on many small sets."""

from __future__ import annotations

__all__ = ["EVERYDAY", "OBJECTS"]

EVERYDAY = {
    "voc": 5.0,
    "coco": 5.0,
    "ccp": 1.5,
    "cats": 1.5,
    "carparts": 1.5,
    "kitchen_objects": 2.0,
    "endangered_animals": 1.5,
    "dogs_wild": 1.0,
    "pets600": 1.0,
    "human": 1.0,
    "bathroom_products": 0.8,
    "dsb": 0.7,
    "leaves_dense": 0.7,
    "pallets": 0.7,
    "facades": 0.6,
    "food": 0.6,
    "bottles": 0.5,
    "coffee_leaf": 0.5,
    "magnetic": 0.5,
    "mugs": 0.4,
    "dogcat": 0.4,
    "fruits_kmo": 0.4,
    "mandarins": 0.4,
    "ppe": 0.5,
    "steel_defects900": 0.5,
    "work_tools": 0.5,
    "desk_items5": 0.3,
    "minitrack_road": 0.3,
    "rock": 0.3,
    "whole_sky": 0.3,
    "wood_debris": 0.3,
    "lightsheet_nuclei": 0.2,
}
"""Shares of the draws in the compact model's runs; highest for everyday scenes with many kinds of objects."""
OBJECTS = EVERYDAY | {
    "voc_animals": 4.0,
    "pantry": 2.0,
    "traffic": 1.2,
    "labelmefacade": 0.8,
    "leaves_dense": 0.5,
    "streets_mixed": 0.5,
    "trashcan": 0.5,
    "coco_people": 0.4,
    "cables": 0.3,
    "dsb": 0.3,
    "idd_lite": 0.3,
    "rock": 0.1,
}
"""Shares of the draws in the detector's run."""
