"""Independent implementations with random weights, for comparison.

`segment-anything` asks for torchvision only where it resizes images or removes duplicates; a stand-in
answers its import and is taken away again, so that `transformers` sees no torchvision.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image


def batched_nms(
    boxes: torch.Tensor, scores: torch.Tensor, groups: torch.Tensor, iou_threshold: float
) -> torch.Tensor:
    """Greedy suppression within each group, the plain way: indices that stay, best first."""
    area = box_area(boxes)
    corner = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    far = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = (far - corner).clamp(min=0).prod(-1)
    overlaps = (both / (area[:, None] + area[None] - both) > iou_threshold) & (
        groups[:, None] == groups[None]
    ).to(boxes.device)
    kept: list[int] = []
    for i in scores.argsort(descending=True, stable=True).tolist():
        if not overlaps[i, kept].any():
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long)


def box_area(boxes: torch.Tensor) -> torch.Tensor:
    """(N,) areas of xyxy boxes."""
    return (boxes[:, 2:] - boxes[:, :2]).prod(-1)


def resize(image: Image.Image, size_hw: tuple[int, int]) -> Image.Image:
    """Bilinear with antialiasing, as torchvision does it for Pillow images."""
    return image.resize(size_hw[::-1], Image.Resampling.BILINEAR)


STANDIN: dict[str, dict[str, Any]] = {
    "torchvision": {},
    "torchvision.ops": {},
    "torchvision.ops.boxes": {"batched_nms": batched_nms, "box_area": box_area},
    "torchvision.transforms": {},
    "torchvision.transforms.functional": {"resize": resize, "to_pil_image": Image.fromarray},
}


@contextmanager
def torchvision_standin() -> Iterator[None]:
    """Modules in torchvision's place, only while the context lasts and only where it is missing."""
    missing = {name: content for name, content in STANDIN.items() if name not in sys.modules}
    for name, content in missing.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


@pytest.fixture(scope="session")
def segment_anything() -> Any:
    """The authors' modules: `segment_anything.modeling`."""
    pytest.importorskip("transformers")  # first: it looks for torchvision when imported
    with torchvision_standin():
        return importlib.import_module("segment_anything.modeling")


@pytest.fixture(scope="session")
def transformers() -> Any:
    """The package `transformers`."""
    return pytest.importorskip("transformers")


LEARNED_VECTOR = re.compile(
    r"(_embed|point_embed\w*\.\d|_tokens?)\.weight$|gaussian_matrix$|positional_embedding$"
)


def randomise(module: torch.nn.Module, seed: int) -> None:
    """Random values of a sensible scale for every parameter, those that start at zero or one included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if "pos_embed" in name or "rel_pos" in name:
                tensor.copy_(0.2 * noise)
            elif tensor.ndim <= 1:
                tensor.copy_(0.1 * noise + float("norm" in name and name.endswith("weight")))
            elif LEARNED_VECTOR.search(name):
                tensor.copy_(noise)
            elif not name.startswith("pixel_"):
                tensor.copy_(noise / tensor[0].numel() ** 0.5)


def assert_close(ours: torch.Tensor, theirs: torch.Tensor, limit: float = 1e-5) -> None:
    """The largest difference is at most `limit` of the largest value."""
    assert ours.shape == theirs.shape
    assert theirs.abs().max() > 1e-3, "nothing to compare"
    error = float((ours - theirs).abs().max() / theirs.abs().max())
    assert error <= limit, f"differs by {error:.2e} of the scale"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Leave the other cores alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
