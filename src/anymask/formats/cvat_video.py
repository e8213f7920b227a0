"""CVAT for video 1.1: `<track label><box frame outside .../>...</track>`, a shape for each frame of an
object.

CVAT writes every frame of a track, those between key frames too. A shape with outside="1" is where the
object has left the image and is not an annotation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from anymask.formats import json_fields

__all__ = ["Tracks"]


class Tracks:
    """Gathers the tracks of a file and gives its frames as image elements."""

    def __init__(self) -> None:
        self._size: dict[str, str] = {}
        self._frames: dict[int, Element] = {}
        self._lost = 0

    def add(self, element: Element) -> None:
        """Take a `<track>`, or the `<original_size>` of the task."""
        if element.tag == "original_size":
            sides = {name: (element.findtext(name) or "").strip() for name in ("width", "height")}
            self._size = self._size or sides
            return
        head = {key: value for key, value in element.attrib.items() if key in ("label", "source", "group_id")}
        for shape in element:
            frame = json_fields.whole(shape.get("frame"))
            if frame is None:
                self._lost += 1
            elif shape.get("outside") != "1":
                image = self._frames.setdefault(frame, Element("image"))
                image.append(shape)
                shape.attrib.update(head)

    def frames(self, left_out: Counter[str]) -> Iterator[Element]:
        """The frames that show something, in order, named as CVAT names the images of a video."""
        if self._lost:
            left_out["damaged: shape of a track without a frame"] += self._lost
        for number, image in sorted(self._frames.items()):
            image.attrib.update(self._size, id=str(number), name=f"frame_{number:06d}")
            yield image
