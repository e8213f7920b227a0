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
        self._sizes: dict[str, dict[str, str]] = {}  # by task
        self._frames: dict[tuple[str, int], Element] = {}
        self._lost = 0

    def add(self, element: Element) -> None:
        """Take a `<track>`, a `<task>` with its size, or an `<original_size>` alone."""
        if element.tag != "track":
            size = element if element.tag == "original_size" else element.find("original_size")
            sides = {} if size is None else {name: (size.findtext(name) or "").strip() for name in _SIDES}
            self._sizes.setdefault((element.findtext("id") or "").strip(), sides)
            return
        task = element.get("task_id", "")
        head = {key: value for key, value in element.attrib.items() if key in _OF_TRACK}
        head |= {"track": element.get("id", "")}
        for shape in element:
            frame = json_fields.whole(shape.get("frame"))
            if frame is None:
                self._lost += 1
            elif shape.get("outside") != "1":
                image = self._frames.setdefault((task, frame), Element("image"))
                image.attrib.update({"subset": element.get("subset", ""), "task_id": task})
                image.append(shape)
                shape.attrib.update(head)

    def frames(self, left_out: Counter[str]) -> Iterator[Element]:
        """The frames that show something, in order, named as CVAT names the images of a video."""
        if self._lost:
            left_out["damaged: shape of a track without a frame"] += self._lost
        tasks = dict.fromkeys(task for task, _ in self._frames)
        subsets = Counter({task: image.get("subset") for (task, _), image in self._frames.items()}.values())
        for (task, number), image in sorted(self._frames.items()):
            size = self._sizes.get(task) or next(iter(self._sizes.values()), {})
            is_shared = len(tasks) > 1 and subsets[image.get("subset")] > 1
            folder = f"task_{task}/" if is_shared else ""  # else a frame of two films would be one image
            image.attrib.update(size, id=str(number), name=f"{folder}frame_{number:06d}")
            yield image


_SIDES = ("width", "height")
_OF_TRACK = ("label", "source", "group_id")
