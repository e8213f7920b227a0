"""Video files: uneven times and damage."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from anymask.errors import ImageError, InputError, MissingExtraError, OutputError, UnknownNameError
from anymask.images import video
from anymask.images.video import VideoFrame, read_video, write_video


def frames(count: int, size: tuple[int, int] = (64, 96)) -> list[VideoFrame]:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (count, *size, 3), np.uint8)
    return [VideoFrame(image, Fraction(index, 10)) for index, image in enumerate(noise)]


def test_times_survive_however_uneven(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 10), Fraction(4, 10), Fraction(9, 2)]
    flat = [np.full((41, 61, 3), 40 * i, np.uint8) for i in range(4)]
    path = write_video(tmp_path / "v.mp4", map(VideoFrame, flat, times))
    read = list(read_video(path))
    assert [frame.time for frame in read] == times
    assert [frame.image.shape for frame in read] == [(40, 60, 3)] * 4
    assert [round(frame.image.mean() / 40) for frame in read] == [0, 1, 2, 3]
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.mp4"]


def test_damaged_frames_are_left_out_and_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", frames(20))
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 3, len(data) // 3 + len(data) // 16)
    data[middle] = np.random.default_rng(1).integers(0, 256, middle.stop - middle.start, np.uint8).tobytes()
    path.write_bytes(data)
    told: list[str] = []
    read = list(read_video(path, skipped=told.append))
    assert told
    assert 10 < len(read) < 20
    assert all("left out" in message for message in told)


@pytest.mark.parametrize("kind", ["missing", "text", "cut", "empty"])
def test_files_that_are_no_videos(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    if kind == "cut":
        write_video(path, frames(5))
        path.write_bytes(path.read_bytes()[:300])
    elif kind != "missing":
        path.write_text("no video" if kind == "text" else "")
    with pytest.raises(
        ImageError, match=r"video must (be a file that exists|be a complete video file), got .*v\.mp4"
    ):
        list(read_video(path))


def test_a_video_without_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="frames must hold at least one frame, got none"):
        write_video(tmp_path / "v.mp4", [])
    assert not list(tmp_path.iterdir())
    path = write_video(tmp_path / "v.mp4", frames(1))
    assert len(list(read_video(path))) == 1
    monkeypatch.setattr(video, "_decoded", lambda *arguments: iter(()))
    with pytest.raises(ImageError, match=r"video must hold a frame, got .*, which has none"):
        list(read_video(path))


def test_sound_is_no_video(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "v.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2000))
    with pytest.raises(ImageError, match=r"video must contain a video stream, got .*, which has none"):
        list(read_video(tmp_path / "v.wav"))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", frames(1))
    with pytest.raises(OutputError, match="exists"):
        write_video(path, frames(2))
    write_video(path, frames(2), force=True)
    assert len(list(read_video(path))) == 2


def test_a_codec_is_chosen_and_the_default_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    written = {}
    for codec in ("auto", "vp9", "mpeg4"):
        path = write_video(tmp_path / f"{codec}.mp4", frames(3), codec=codec)
        with av.open(str(path)) as container:
            written[codec] = container.streams.video[0].codec_context.name
        assert len(list(read_video(path))) == 3
    assert written["mpeg4"] == "mpeg4"
    assert "vp9" in written["vp9"]
    assert video._encoder(av, "auto") in ("libopenh264", "libvpx-vp9", "mpeg4")
    monkeypatch.setattr(av, "codecs_available", {"libx264", "mpeg4"})
    assert [video._encoder(av, name) for name in ("auto", "h264")] == ["mpeg4", "libx264"]
    with pytest.raises(
        InputError, match=r"codec must be one that this PyAV can write, got vp9\. Take auto\."
    ):
        write_video(tmp_path / "new.mp4", frames(1), codec="vp9")
    with pytest.raises(UnknownNameError, match="codec must be a known name, got 'h265'"):
        write_video(tmp_path / "new.mp4", frames(1), codec="h265")  # type: ignore[arg-type]
    assert not (tmp_path / "new.mp4").exists()


def test_turned_frames_stand_upright() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)[..., None].repeat(3, 2)
    assert (video._upright(image, 90) == np.rot90(image)).all()
    assert (video._upright(image, -90) == np.rot90(image, 3)).all()
    assert (video._upright(image, 0) == image).all()


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"reading videos needs .*pip install .*\[video\]'"):
        next(read_video(tmp_path / "v.mp4"))
    with pytest.raises(MissingExtraError, match="writing videos"):
        write_video(tmp_path / "v.mp4", [])
