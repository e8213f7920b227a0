"""CVAT for video 1.1: `<track label><box frame outside .../>...</track>`, a shape for each frame of an
object.

CVAT writes every frame of a track, those between key frames too. A shape with outside="1" is where the
object has left the image and is not an annotation. Frames have numbers and no names: they are called
`frame_000000` as CVAT calls them, or after the images, where as many are given as the video has frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from xml.etree.ElementTree import Element

from anymask.formats import json_fields

__all__ = ["Tracks"]


class Tracks:
    """Gathers the tracks of a file and gives its frames as image elements."""

    def __init__(self) -> None:
        self._sizes: dict[str, dict[str, str]] = {}  # by task
        self._counts: dict[str, int | None] = {}  # of frames, by task
        self._frames: dict[tuple[str, int], Element] = {}
        self._lost = 0

    def add(self, element: Element) -> None:
        """Take a `<track>`, a `<task>` with its size, or an `<original_size>` alone."""
        if element.tag != "track":
            size = element if element.tag == "original_size" else element.find("original_size")
            sides = {} if size is None else {name: (size.findtext(name) or "").strip() for name in _SIDES}
            task = (element.findtext("id") or "").strip()
            self._sizes.setdefault(task, sides)
            self._counts.setdefault(task, json_fields.whole((element.findtext("size") or "").strip()))
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

    def frames(self, left_out: Counter[str], images: Sequence[str] = ()) -> Iterator[Element]:
        """The frames that show something, in order.

        images: names of those given, in their order.
        """
        if self._lost:
            left_out["damaged: shape of a track without a frame"] += self._lost
        tasks = dict.fromkeys(task for task, _ in self._frames)
        subsets = Counter({task: image.get("subset") for (task, _), image in self._frames.items()}.values())
        names = images if len(tasks) == 1 and len(images) in self._counts.values() else ()
        names = () if any(PurePath(name).stem == _name(0) for name in names) else names
        for (task, number), image in sorted(self._frames.items()):
            size = self._sizes.get(task) or next(iter(self._sizes.values()), {})
            is_shared = len(tasks) > 1 and subsets[image.get("subset")] > 1
            folder = f"task_{task}/" if is_shared else ""  # else a frame of two films would be one image
            name = names[number] if 0 <= number < len(names) else f"{folder}{_name(number)}"
            image.attrib.update(size, id=str(number), name=name)
            yield image


def _name(number: int) -> str:
    """What CVAT calls a frame."""
    return f"frame_{number:06d}"


_SIDES = ("width", "height")
_OF_TRACK = ("label", "source", "group_id")
