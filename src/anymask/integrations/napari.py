"""A plugin for napari: clicks, boxes, words and automatic masks, as label layers. See napari.yaml.

What is shown is segmented: the plane of a stack at the position of the sliders, with the layer's contrast
limits. Coordinates of other layers are taken to the image's own, so that scaled and shifted layers fit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import anymask
from anymask.errors import InputError
from anymask.geometry.label_map import label_map
from anymask.inference.text.find import find
from anymask.types import Embedding, Masks, Prompt

if TYPE_CHECKING:  # napari resolves these names itself
    import napari.layers
    import napari.types

__all__ = ["everything", "find_words", "segment"]

LayerData: TypeAlias = tuple[NDArray[np.int32], dict[str, Any], str]
"""What napari makes a layer of: pixels, attributes, kind."""
Pixels: TypeAlias = NDArray[np.uint8]


def segment(
    viewer: napari.Viewer,
    image: napari.layers.Image,
    objects: napari.layers.Points | None = None,
    background: napari.layers.Points | None = None,
    boxes: napari.layers.Shapes | None = None,
) -> napari.types.LayerDataTuple:
    """Segment what points and rectangles mark, as a new label layer.

    With rectangles every one is an object, and points inside correct it. Without, all points are one object.

    viewer: its sliders select the plane of a stack.
    image: the layer to segment.
    objects: points on the object.
    background: points beside it.
    boxes: rectangles around objects.

    Raises InputError if nothing is marked.
    """
    plane = _plane(viewer, image)
    inside, outside = _points(image, objects), _points(image, background)
    corners = _boxes(image, boxes)
    if not len(inside) and not len(corners):
        raise InputError("objects must hold a point or boxes a rectangle, got none. Add one.")
    prompts = [_prompt(inside, outside, box) for box in (corners if len(corners) else [None])]
    found = anymask.predict(_model(), _embedded(plane), prompts, multimask=False)
    return _layer(image, found, "segmented")


def everything(viewer: napari.Viewer, image: napari.layers.Image) -> napari.types.LayerDataTuple:
    """Segment everything in the image, as a new label layer; parts lie on their wholes."""
    return _layer(image, anymask.automatic(_model(), _embedded(_plane(viewer, image))), "everything")


def find_words(
    viewer: napari.Viewer,
    image: napari.layers.Image,
    words: str = "cat, dog",
) -> napari.types.LayerDataTuple:
    """Find what words name, with commas between them, as a new label layer with the names as features.

    Raises PromptError for words that the model does not know, InputError if nothing is found.
    """
    names = [one.strip() for one in words.split(",") if one.strip()]
    found = find(_model(), _embedded(_plane(viewer, image)), names)
    if not len(found):
        raise InputError(f"words must name something in the image, got nothing for '{words}'. Try others.")
    assert found.labels is not None
    return _layer(image, found, words, [names[label] for label in found.labels])


@lru_cache(maxsize=1)
def _model() -> Any:
    return anymask.load("compact")


_LAST: dict[bytes, Embedding] = {}
"""The embedding of the image that was segmented last, by its pixels."""


def _embedded(pixels: Pixels) -> Embedding:
    key = pixels.tobytes()
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = anymask.embed(_model(), pixels)
    return _LAST[key]


def _plane(viewer: Any, image: Any) -> Pixels:
    """The shown plane as (H, W, 3) uint8. Raises InputError for a 3D view."""
    if viewer.dims.ndisplay != 2:
        raise InputError("the view must be 2D, got 3D. Press Ctrl+Y.")
    data = image.data[0] if image.multiscale else image.data
    spatial = data.ndim - (3 if image.rgb else 2)
    at = image.world_to_data(viewer.dims.point)[:spatial]
    index = tuple(int(np.clip(round(place), 0, n - 1)) for place, n in zip(at, data.shape, strict=False))
    plane = np.asarray(data[index])
    if plane.dtype == np.uint8 and image.rgb:
        return np.ascontiguousarray(plane[..., :3])
    low, high = image.contrast_limits
    scaled = (plane.astype(np.float32) - low) / max(high - low, 1e-12)
    eight = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(eight[..., :3] if image.rgb else np.repeat(eight[..., None], 3, axis=-1))


def _place(image: Any, layer: Any, at: Any) -> NDArray[np.float64]:
    """A position of another layer as x, y of the image."""
    y, x = image.world_to_data(layer.data_to_world(at))[-2:]
    return np.array([x + 0.5, y + 0.5])  # a pixel's centre is 0 in napari, 0.5 here


def _points(image: Any, layer: Any) -> NDArray[np.float64]:
    """Points (N, 2) xy."""
    found = [] if layer is None else [_place(image, layer, at) for at in layer.data]
    return np.reshape(found, (-1, 2))


def _boxes(image: Any, layer: Any) -> NDArray[np.float64]:
    """Boxes (N, 4) xyxy around the corners of all shapes."""
    found = []
    for shape in [] if layer is None else layer.data:
        corners = np.array([_place(image, layer, at) for at in shape])
        found.append([*corners.min(axis=0), *corners.max(axis=0)])
    return np.reshape(found, (-1, 4))


def _prompt(inside: NDArray[Any], outside: NDArray[Any], box: NDArray[Any] | None) -> Prompt:
    """One object: the points in its box, or all of them without a box."""
    points = np.concatenate([inside, outside])
    labels = np.array([1] * len(inside) + [0] * len(outside))
    if box is not None:
        within = ((points >= box[:2]) & (points <= box[2:])).all(axis=1)
        points, labels = points[within], labels[within]
    return Prompt(points if len(points) else None, labels if len(points) else None, box)


def _layer(image: Any, masks: Masks, what: str, names: list[str] | None = None) -> LayerData:
    """A label layer that lies on the image; label i + 1 is mask i."""
    features: dict[str, Any] = {"index": range(1, len(masks) + 1), "score": masks.scores}
    if names is not None:
        features["name"] = names
    rows = {key: [None, *values] for key, values in features.items()}
    rows["index"][0] = 0
    attributes = {
        "name": f"{image.name}: {what}",
        "scale": image.scale[-2:],
        "translate": image.translate[-2:],
        "features": rows,
    }
    return label_map(masks.rles, masks.size), attributes, "labels"
