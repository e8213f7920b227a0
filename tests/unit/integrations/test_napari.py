"""The napari plugin; with napari itself where it is installed, as `make peers` does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import anymask
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.integrations import napari as plugin
from anymask.types import Masks, Prompt


class Shown:
    """Stands for an image layer: scaled, shifted."""

    name, multiscale = "shown", False

    def __init__(self, data: np.ndarray[Any, Any], scale: float = 1.0, shift: float = 0.0) -> None:
        self.data, self.rgb = data, data.ndim > 2 and data.shape[-1] in (3, 4)
        self.contrast_limits = (float(data.min()), float(data.max()))
        count = data.ndim - self.rgb
        self.scale, self.translate = np.full(count, scale), np.full(count, shift)

    def world_to_data(self, place: Any) -> Any:
        return (np.asarray(place, float) - self.translate) / self.scale

    def data_to_world(self, place: Any) -> Any:
        return np.asarray(place, float) * self.scale + self.translate


def viewer(*point: float, ndisplay: int = 2) -> Any:
    return SimpleNamespace(dims=SimpleNamespace(point=point, ndisplay=ndisplay))


def test_the_shown_plane_of_a_stack_is_scaled_by_its_contrast_limits() -> None:
    data = np.zeros((3, 4, 5), np.uint16)
    data[1] = 1000
    data[1, 0, 0] = 500
    shown = Shown(data, scale=2.0)
    plane = plugin._plane(viewer(2.0, 0, 0), shown)
    assert (plane.shape, plane.dtype) == ((4, 5, 3), np.uint8)
    assert (plane[0, 0, 0], plane[1, 1, 2]) == (128, 255)
    assert plugin._plane(viewer(0.0, 0, 0), shown).max() == 0
    with pytest.raises(InputError, match="the view must be 2D"):
        plugin._plane(viewer(0, 0, 0, ndisplay=3), shown)


def test_marks_of_other_layers_are_taken_to_the_images_pixels() -> None:
    image = Shown(np.zeros((10, 20, 3), np.uint8), scale=2.0, shift=4.0)
    marks = Shown(np.zeros((10, 20)))
    marks.data = np.array([[4.0 + 2 * 3, 4.0 + 2 * 7]])
    assert plugin._points(image, marks).tolist() == [[7.5, 3.5]]
    marks.data = np.array([[[4.0, 4], [4, 12], [8, 12], [8, 4]]])
    assert plugin._boxes(image, marks).tolist() == [[0.5, 0.5, 4.5, 2.5]]
    assert plugin._points(image, None).shape == (0, 2)


def test_points_correct_the_box_that_they_lie_in() -> None:
    inside, outside = np.array([[5.0, 5], [50, 50]]), np.array([[6.0, 6]])
    prompt = plugin._prompt(inside, outside, np.array([0.0, 0, 10, 10]))
    assert (prompt.points.tolist(), prompt.labels.tolist()) == ([[5, 5], [6, 6]], [1, 0])
    with pytest.raises(InputError, match="objects must hold a point"):
        plugin.segment(viewer(0, 0), Shown(np.zeros((8, 8, 3), np.uint8)))


def test_a_label_layer_lies_on_its_image() -> None:
    bits = np.zeros((4, 6), bool)
    bits[1:3, 2:5] = True
    masks = Masks((4, 6), [rle.encode(bits)], [0.5], labels=[0])
    pixels, attributes, kind = plugin._layer(Shown(np.zeros((9, 4, 6)), 0.5, 3.0), masks, "cat", ["cat"])
    assert kind == "labels"
    assert np.array_equal(pixels, bits.astype(np.int32))
    assert (attributes["scale"].tolist(), attributes["translate"].tolist()) == ([0.5, 0.5], [3, 3])
    assert attributes["features"]["name"] == [None, "cat"]


def test_in_napari_itself() -> None:
    napari = pytest.importorskip("napari")
    from anymask.images.bundled_photos import sample_photo
    from anymask.images.read import read_image

    opened = napari.Viewer(show=False)
    image = opened.add_image(read_image(sample_photo("cat.jpg")), name="cat", scale=(0.5, 0.5))
    points = opened.add_points([[60.0, 88.0]])
    _, segment = opened.window.add_plugin_dock_widget("anymask", "Segment by points and boxes")
    segment.image.value, segment.objects.value = image, points
    segment()
    _, words = opened.window.add_plugin_dock_widget("anymask", "Find by words")
    words.image.value, words.words.value = image, "cat"
    words()
    made = [layer for layer in opened.layers if isinstance(layer, napari.layers.Labels)]
    assert [layer.name for layer in made] == ["cat: segmented", "cat: cat"]
    clicked, found = (np.asarray(layer.data) > 0 for layer in made)
    assert clicked.shape == image.data.shape[:2]
    wanted = anymask.predict(anymask.load("compact"), image.data, [Prompt([[176.5, 120.5]])], multimask=False)
    assert np.array_equal(clicked, wanted.dense()[0])
    assert found[120, 176]
    assert np.array_equal(made[0].scale, [0.5, 0.5])
    opened.close()
