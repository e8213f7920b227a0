"""Reading and writing of annotation files.

| format | description | suffix that selects it |
|---|---|---|
| `coco` | COCO's JSON, many images per file | `.json` for a list of records |
| `cvat` | CVAT for images 1.1, many images per file | `.xml` |
| `cvatvideo` | CVAT for video 1.1, tracks of polygons | |
| `davis` | DAVIS's maps of the objects of videos, a folder | |
| `dota` | DOTA's oriented boxes, one image per file | |
| `geojson` | GeoJSON in pixels, one image per file | `.geojson` |
| `instances` | PNG, masks numbered from 1 | `.png` for more or fewer masks |
| `labelme` | LabelMe's JSON, one image per file | |
| `labels` | PNG, the masks' class numbers | |
| `labelstudio` | Label Studio's JSON, many images per file | |
| `mask` | PNG, a single mask as 0 and 255 | `.png` for a single mask |
| `masks` | a folder with one PNG per mask | no suffix |
| `mots` | MOTS's text, a folder with a file per sequence | |
| `npz` | NumPy arrays, one image per file | `.npz` |
| `sa1b` | SA-1B's JSON, one image per file | `.json` for masks or one record |
| `svg` | SVG paths, one image per file | `.svg` |
| `voc` | Pascal VOC's maps of classes and objects, a folder | |
| `yolo` | YOLO segmentation, a folder | |
| `youtubevos` | YouTube-VOS's maps of the objects of videos, a folder | |

`datumaro`, `isat` and `via` are read only. Formats with one image per file store several images as a folder
of such files.
All conversions go through run lengths (`anymask.geometry.rle`), so only the format itself can lose something;
`write` measures what is lost. The modules behind the names are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymask.formats import coco, geojson, png, sa1b
    from anymask.formats.layouts import detect
    from anymask.formats.loss_report import Loss, MaskLoss
    from anymask.formats.reading import UnknownFormatError
    from anymask.formats.registry import FORMATS, READERS, Format
    from anymask.formats.streaming import OnError, OnLeftOut, read, stream
    from anymask.formats.writers import Outlines
    from anymask.formats.writing import format_for, write

__all__ = [
    "FORMATS",
    "READERS",
    "Format",
    "Loss",
    "MaskLoss",
    "OnError",
    "OnLeftOut",
    "Outlines",
    "UnknownFormatError",
    "coco",
    "detect",
    "format_for",
    "geojson",
    "png",
    "read",
    "sa1b",
    "stream",
    "write",
]

_NAMES_OF_MODULE = {
    "layouts": ("detect",),
    "loss_report": ("Loss", "MaskLoss"),
    "reading": ("UnknownFormatError",),
    "registry": ("FORMATS", "READERS", "Format"),
    "streaming": ("OnError", "OnLeftOut", "read", "stream"),
    "writers": ("Outlines",),
    "writing": ("format_for", "write"),
}
_HOME = {name: module for module, names in _NAMES_OF_MODULE.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the module behind a name, or a module of the package, on first use (PEP 562)."""
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
