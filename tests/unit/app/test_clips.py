"""A video becomes a folder of frames, once and whole, or not at all."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from anymask.app.clips import frames_folder
from anymask.errors import ImageError
from anymask.images.read import read_image
from anymask.images.video import VideoFrame, write_video


@pytest.mark.parametrize("count", [1, 3])
def test_the_frames_of_a_clip_are_written_once(tmp_path: Path, count: int) -> None:
    pytest.importorskip("av")
    frames = [np.full((32, 48, 3), 60 * i, np.uint8) for i in range(count)]
    film = write_video(
        tmp_path / "film.mp4", [VideoFrame(one, Fraction(i, 10)) for i, one in enumerate(frames)]
    )
    said: list[str] = []
    folder = frames_folder(film, said.append)
    assert folder == tmp_path / "film-frames"
    assert sorted(one.name for one in folder.iterdir()) == [f"{i:06d}.jpg" for i in range(count)]
    last = read_image(folder / f"{count - 1:06d}.jpg")
    assert abs(int(last.mean()) - 60 * (count - 1)) < 8
    (folder / "000000.jpg").write_bytes(b"mine")
    assert frames_folder(film, said.append) == folder
    assert (folder / "000000.jpg").read_bytes() == b"mine"
    assert len(said) == 1


def test_a_file_that_is_no_video_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "film.mp4").write_bytes(b"no video at all")
    with pytest.raises(ImageError, match=r"film\.mp4"):
        frames_folder(tmp_path / "film.mp4")
    assert [one.name for one in tmp_path.iterdir()] == ["film.mp4"]
