"""The authors' predictor with the weights of a model of ours, from the package `segment-anything`."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from PIL import Image

from anymask.models import Sam

NEEDED = {
    "torchvision": (),
    "torchvision.ops": (),
    "torchvision.ops.boxes": ("batched_nms", "box_area"),
    "torchvision.transforms": (),
    "torchvision.transforms.functional": ("resize", "to_pil_image"),
}


def predictor(model: Sam, name: str) -> Any:
    """A `SamPredictor` of the architecture `name` ("vit_b") with the weights of `model`."""
    package = _package()
    theirs = package.sam_model_registry[name]()
    wanted = model.state_dict()
    missing, unexpected = theirs.load_state_dict(wanted, strict=False)
    assert not unexpected, unexpected
    assert all(key.startswith("pixel_") for key in missing), missing
    return package.SamPredictor(theirs.to(model.device, model.dtype))


def _package() -> Any:
    """The package; where torchvision is missing, Pillow does the one thing it is needed for."""
    try:
        return importlib.import_module("segment_anything")
    except ModuleNotFoundError:
        for name, attributes in NEEDED.items():
            sys.modules[name] = ModuleType(name)
            for attribute in attributes:
                setattr(sys.modules[name], attribute, None)
        functional: Any = sys.modules["torchvision.transforms.functional"]
        functional.to_pil_image = Image.fromarray
        functional.resize = lambda image, hw: image.resize(hw[::-1], Image.Resampling.BILINEAR)
        for name in [name for name in sys.modules if name.startswith("segment_anything")]:
            del sys.modules[name]
        return importlib.import_module("segment_anything")
