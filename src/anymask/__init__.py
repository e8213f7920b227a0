"""Promptable segmentation: a click on a photo gives a mask.

```python
import anymask

model = anymask.load("compact")
masks = anymask.predict(model, anymask.read_image("photo.jpg"), [anymask.Prompt.point(210, 180)])
```

Importing the package is cheap: the module behind a public name, and torch with it where needed, is imported
on first use of the name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from anymask.errors import needs_torch

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
    from anymask.geometry.frame import Frame
    from anymask.geometry.label_map import cover
    from anymask.images.colours import palette
    from anymask.images.overlay import overlay
    from anymask.images.read import read_image
    from anymask.images.write import write_png
    from anymask.inference.in_context.examples import context
    from anymask.inference.in_context.segment import paint, segment_like, sharpen
    from anymask.inference.in_context.tracking import segment_video
    from anymask.inference.mask_generation.candidates import Candidates
    from anymask.inference.mask_generation.config import AutoConfig
    from anymask.inference.mask_generation.edges import EdgeConfig, edges
    from anymask.inference.mask_generation.filters import explain, select
    from anymask.inference.mask_generation.generate import automatic, candidates
    from anymask.inference.mask_generation.hierarchy import Tree, flatten, tree
    from anymask.inference.mask_generation.proposals import proposals
    from anymask.inference.mask_generation.tiled import automatic_tiled
    from anymask.inference.promptable.predict import embed, embed_batch, predict, predict_batch
    from anymask.inference.text.find import FindConfig, find
    from anymask.inference.text.names import Named, name_masks
    from anymask.models import (
        FeaturePainter,
        InContext,
        Painter,
        Promptable,
        Sam,
        TextEncoder,
        load,
        load_painter,
        load_sam,
        load_text_encoder,
        variants,
    )
    from anymask.onnx_export import export
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
    "FindConfig",
    "FormatError",
    "Frame",
    "ImageError",
    "InContext",
    "InputError",
    "Masks",
    "MissingExtraError",
    "Named",
    "OutputError",
    "Painter",
    "Prompt",
    "PromptError",
    "Promptable",
    "Record",
    "Sam",
    "StoreError",
    "TextEncoder",
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
    "find",
    "flatten",
    "load",
    "load_painter",
    "load_sam",
    "load_text_encoder",
    "name_masks",
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
    "data": ("Dataset", "open_dataset"),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "geometry.frame": ("Frame",),
    "geometry.label_map": ("cover",),
    "images.colours": ("palette",),
    "images.overlay": ("overlay",),
    "images.read": ("read_image",),
    "images.write": ("write_png",),
    "inference.in_context.examples": ("context",),
    "inference.in_context.segment": ("paint", "segment_like", "sharpen"),
    "inference.in_context.tracking": ("segment_video",),
    "inference.mask_generation.candidates": ("Candidates",),
    "inference.mask_generation.config": ("AutoConfig",),
    "inference.mask_generation.edges": ("EdgeConfig", "edges"),
    "inference.mask_generation.filters": ("explain", "select"),
    "inference.mask_generation.generate": ("automatic", "candidates"),
    "inference.mask_generation.hierarchy": ("Tree", "flatten", "tree"),
    "inference.mask_generation.proposals": ("proposals",),
    "inference.mask_generation.tiled": ("automatic_tiled",),
    "inference.promptable.predict": ("embed", "embed_batch", "predict", "predict_batch"),
    "inference.text.find": ("FindConfig", "find"),
    "inference.text.names": ("Named", "name_masks"),
    "models": (
        "FeaturePainter",
        "InContext",
        "Painter",
        "Promptable",
        "Sam",
        "TextEncoder",
        "load",
        "load_painter",
        "load_sam",
        "load_text_encoder",
        "variants",
    ),
    "onnx_export": ("export",),
    "train.tune": ("TuneConfig", "tune"),
    "types": ("Context", "Embedding", "Masks", "Prompt", "Record"),
}
_HOME = {name: f"{__name__}.{module}" for module, names in _NAMES_OF_MODULE.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the module behind a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_torch(f"anymask.{name}"):
        value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported yet or not."""
    return sorted({*globals(), *__all__})
