"""Reference implementations: the authors' package `segment-anything` with our weights, and `transformers`."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image

from anymask.geometry.boxes import nms
from anymask.models import Sam
from anymask.types import Embedding

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


def transformers_model(device: str, dtype: str) -> Any:
    """A `SamModel` of the size of ViT-B with random weights."""
    package = importlib.import_module("transformers")
    return package.SamModel(package.SamConfig()).eval().to(device, getattr(torch, dtype))


def generator(model: Sam, name: str, embedding: Embedding, **settings: Any) -> Any:
    """A `SamAutomaticMaskGenerator` with our weights that uses `embedding` for every image."""
    made = predictor(model, name)
    made.features, made.is_image_set = embedding.features, True
    made.original_size, made.input_size = embedding.frame.size_hw, embedding.frame.scaled_hw
    made.set_image, made.reset_image = (lambda *_: None), (lambda: None)
    module = importlib.import_module("segment_anything.automatic_mask_generator")
    module.batched_nms = _batched_nms
    module.box_area = lambda boxes: (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    out = module.SamAutomaticMaskGenerator(made.model, output_mode="uncompressed_rle", **settings)
    out.predictor = made
    return out


def _batched_nms(boxes: Any, scores: Any, groups: Any, iou_threshold: float) -> Any:
    """NMS of one group, with the signature that the generator expects."""
    return torch.tensor(nms(np.asarray(boxes), np.asarray(scores), iou_threshold))


def _package() -> Any:
    """The package; if torchvision is missing, Pillow replaces the one function that is needed."""
    try:
        return importlib.import_module("segment_anything")
    except ModuleNotFoundError:
        with suppress(ImportError):
            importlib.import_module("transformers")  # first: on import it checks for torchvision
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
