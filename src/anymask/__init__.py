"""Promptable segmentation: a click on a photo gives a mask.

```python
import anymask

model = anymask.load("compact")
masks = anymask.predict(model, anymask.read_image("photo.jpg"), [anymask.Prompt.point(210, 180)])
```

Importing the package is cheap: a name is looked up, and torch imported where it is needed, on first use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymask.data import Dataset, open_dataset
    from anymask.errors import (
        AnymaskError,
        ConflictError,
        DownloadError,
        ExportError,
        FormatError,
        ImageError,
        InputError,
        MissingExtraError,
        OutputError,
        PromptError,
        StoreError,
        UnknownNameError,
        WeightsError,
    )
    from anymask.export import export
    from anymask.geometry.frame import Frame
    from anymask.images.colours import palette
    from anymask.images.overlay import overlay
    from anymask.images.read import read_image
    from anymask.images.video import segment_video
    from anymask.images.write import write_png
    from anymask.inference.in_context.segment import context, paint, segment_like, sharpen
    from anymask.inference.mask_generation.candidates import Candidates
    from anymask.inference.mask_generation.config import AutoConfig
    from anymask.inference.mask_generation.edges import EdgeConfig, edges
    from anymask.inference.mask_generation.filters import explain, select
    from anymask.inference.mask_generation.generate import automatic, candidates
    from anymask.inference.mask_generation.hierarchy import Tree, cover, flatten, tree
    from anymask.inference.mask_generation.proposals import proposals
    from anymask.inference.mask_generation.tiled import automatic_tiled
    from anymask.inference.promptable.predict import embed, embed_batch, predict, predict_batch
    from anymask.models import FeaturePainter, Painter, Sam, load, variants
    from anymask.train.tune import TuneConfig, tune
    from anymask.types import Context, Embedding, Masks, Prompt, Record

__version__ = "0.1.0"

__all__ = [
    "AnymaskError",
    "AutoConfig",
    "Candidates",
    "ConflictError",
    "Context",
    "Dataset",
    "DownloadError",
    "EdgeConfig",
    "Embedding",
    "ExportError",
    "FeaturePainter",
    "FormatError",
    "Frame",
    "ImageError",
    "InputError",
    "Masks",
    "MissingExtraError",
    "OutputError",
    "Painter",
    "Prompt",
    "PromptError",
    "Record",
    "Sam",
    "StoreError",
    "Tree",
    "TuneConfig",
    "UnknownNameError",
    "WeightsError",
    "__version__",
    "automatic",
    "automatic_tiled",
    "candidates",
    "context",
    "cover",
    "edges",
    "embed",
    "embed_batch",
    "explain",
    "export",
    "flatten",
    "load",
    "open_dataset",
    "overlay",
    "paint",
    "palette",
    "predict",
    "predict_batch",
    "proposals",
    "read_image",
    "segment_like",
    "segment_video",
    "select",
    "sharpen",
    "tree",
    "tune",
    "variants",
    "write_png",
]

_NAMES_OF_MODULE = {
    "automatic": ("AutoConfig", "Candidates", "automatic", "candidates", "explain", "select"),
    "colours": ("palette",),
    "data": ("Dataset", "open_dataset"),
    "edges": ("EdgeConfig", "edges"),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "export": ("export",),
    "geometry": ("Frame",),
    "hierarchy": ("Tree", "cover", "flatten", "tree"),
    "images": ("overlay", "read_image", "write_png"),
    "incontext": ("context", "paint", "segment_like", "sharpen"),
    "models": ("FeaturePainter", "Painter", "Sam", "load", "variants"),
    "predict": ("embed", "embed_batch", "predict", "predict_batch"),
    "proposals": ("proposals",),
    "tiled": ("automatic_tiled",),
    "train.tune": ("TuneConfig", "tune"),
    "types": ("Context", "Embedding", "Masks", "Prompt", "Record"),
    "video": ("segment_video",),
}
_HOME = {name: f"{__name__}.{module}" for module, names in _NAMES_OF_MODULE.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the module behind a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported yet or not."""
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps `anymask.predict` the function when Python binds the submodule of that name (decision 0008)."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
