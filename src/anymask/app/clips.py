"""A video as a project: its frames become the images of a folder beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anymask.files import staged
from anymask.images.video import read_video
from anymask.images.write import encode_jpeg

__all__ = ["frames_folder"]


def frames_folder(video: Path, tell: Callable[[str], None] = lambda sentence: None) -> Path:
    """The folder NAME-frames beside a video, with its frames as 000000.jpg and so on; made once.

    tell: called with a sentence before the frames are read, and for each frame that is skipped. Raises
    ImageError for a file that is no video, OutputError for a place that cannot be written to,
    MissingExtraError without PyAV; nothing is left behind then.
    """
    folder = video.with_name(f"{video.stem}-frames")
    if folder.is_dir():
        return folder

    def note(sentence: str) -> None:
        tell(sentence)

    note(f"reading the frames of {video.name} into {folder}")
    with staged(folder, may_replace=lambda name: False) as new:
        new.mkdir()
        for index, frame in enumerate(read_video(video, skipped=note)):
            (new / f"{index:06d}.jpg").write_bytes(encode_jpeg(frame.image))
    return folder
