"""Videos: tracking with a toy that goes by colours, files with uneven times and damage."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from anymask.errors import ImageError, InputError, MissingExtraError, OutputError, UnknownNameError
from anymask.images import video
from anymask.images.colours import palette
from anymask.images.video import VideoFrame, read_video, write_video
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.tracking import segment_video
from anymask.types import Context, Masks, Record

COLOURS = palette(2)
RED, BLUE, GREEN = (220, 20, 20), (20, 20, 220), (20, 160, 20)


def scene(step: int, things: dict[tuple[int, int, int], int]) -> np.ndarray:
    """A grey frame 64 x 96 with squares that move to the right; `things` maps a colour to its row."""
    image = np.full((64, 96, 3), 128, np.uint8)
    for colour, row in things.items():
        image[row : row + 16, 8 + 4 * step : 24 + 4 * step] = colour
    return image


def masks_of(image: np.ndarray, colours: list[tuple[int, int, int]]) -> Masks:
    return Masks.from_dense(
        np.stack([(image == colour).all(-1) for colour in colours]), labels=list(range(len(colours)))
    )


FILM = [scene(step, {RED: 4, BLUE: 40}) for step in range(6)]


def first(image: np.ndarray = FILM[0], colours: tuple = (RED, BLUE)) -> Context:
    record = Record("first", image, masks_of(image, list(colours)))
    return context(record, COLOURS[: len(colours)], size=64)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_objects_are_followed_under_their_labels(toy_painter) -> None:
    tracked = list(segment_video(toy_painter, FILM, [first()], memory=2))
    assert [one.index for one in tracked] == list(range(6))
    assert toy_painter.asked == [1, 2, 3, 3, 3, 3], "the example and at most two frames"
    for one, image in zip(tracked, FILM, strict=True):
        assert (one.image == image).all()
        assert one.masks.labels is not None
        assert one.masks.labels.tolist() == [0, 1]
        truth = masks_of(image, [RED, BLUE]).dense()
        assert all(iou(*pair) > 0.8 for pair in zip(one.masks.dense(), truth, strict=True))
        assert one.drift < 0.01


def test_frames_are_read_one_by_one(toy_painter) -> None:
    taken: list[int] = []

    def frames():
        for index, image in enumerate(FILM):
            taken.append(index)
            yield image

    stream = segment_video(toy_painter, frames(), [first()])
    assert taken == []
    next(stream)
    assert taken == [0]


def test_no_memory_asks_the_example_alone(toy_painter) -> None:
    assert len(list(segment_video(toy_painter, FILM, [first()], memory=0))) == 6
    assert toy_painter.asked == [1] * 6
    with pytest.raises(InputError, match="memory must be at least 0 frames, got -1"):
        next(segment_video(toy_painter, FILM, [first()], memory=-1))


def test_lost_objects_drift(toy_painter) -> None:
    film = [FILM[0], scene(1, {RED: 4}), scene(2, {})]
    tracked = list(segment_video(toy_painter, film, [first()]))
    assert [round(one.drift, 1) for one in tracked] == [0.0, 0.5, 1.0]
    assert [len(one.masks) for one in tracked] == [2, 1, 0]


def test_an_object_is_added_corrected_and_removed(toy_painter) -> None:
    film = [scene(step, {RED: 4, GREEN: 24}) for step in range(6)]
    added = masks_of(film[2], [RED, GREEN])
    removed = masks_of(film[4], [RED, GREEN])[1]  # green stays
    start = Record("first", film[0], masks_of(film[0], [RED]))
    contexts = [context(start, COLOURS, size=64)]
    tracked = list(segment_video(toy_painter, film, contexts, edits={2: added, 4: removed}))
    labels = [one.masks.labels.tolist() for one in tracked]
    assert labels == [[0], [0], [0, 1], [0, 1], [1], [1]]
    assert tracked[2].masks is added
    assert iou(tracked[5].masks.dense()[0], (film[5] == GREEN).all(-1)) > 0.8
    assert toy_painter.asked == [1, 2, 1, 1], "an edit makes a new beginning"


def test_an_edit_without_masks_ends_the_search(toy_painter) -> None:
    nothing = Masks((64, 96), ())
    tracked = list(segment_video(toy_painter, FILM, [first()], edits={2: nothing}))
    assert [len(one.masks) for one in tracked] == [2, 2, 0, 0, 0, 0]
    assert [one.drift for one in tracked[2:]] == [0] * 4
    assert len(toy_painter.asked) == 2


def test_a_resumed_run_is_the_whole_one(toy_painter) -> None:
    whole = list(segment_video(toy_painter, FILM, [first()], memory=3))
    known = {one.index: one.masks for one in whole[:4]}
    toy_painter.asked.clear()
    again = list(segment_video(toy_painter, FILM, [first()], memory=3, known=known))
    assert toy_painter.asked == [4, 4]
    for one, two in zip(whole, again, strict=True):
        assert (one.masks.dense() == two.masks.dense()).all()


def test_white_examples_and_single_frames(toy_painter) -> None:
    record = Record("first", FILM[0], masks_of(FILM[0], [RED, BLUE]))
    (one,) = segment_video(toy_painter, FILM[:1], [context(record, size=64)])
    assert len(one.masks) == 1
    assert one.drift < 0.01
    assert list(segment_video(toy_painter, [], [first()])) == []
    with pytest.raises(InputError, match="contexts must be a list of at least one"):
        next(segment_video(toy_painter, FILM, []))


def test_a_promptable_model_redraws_each_frame_before_it_is_remembered(toy_painter, monkeypatch) -> None:
    half = masks_of(FILM[0], [RED, BLUE]).dense()
    half[:, :, 16:] = False
    drawn = Masks.from_dense(half, labels=[0, 1])
    given: list[tuple[object, Masks]] = []

    def sharpen(model: object, image: np.ndarray, masks: Masks) -> Masks:
        given.append((model, masks))
        return drawn

    monkeypatch.setattr(video, "sharpen", sharpen)
    remembered: list[Masks] = []
    make = video.context
    monkeypatch.setattr(
        video,
        "context",
        lambda record, *rest, **named: remembered.append(record.masks) or make(record, *rest, **named),
    )
    tracked = list(segment_video(toy_painter, FILM[:2], [first()], refine="sam"))  # type: ignore[arg-type]
    assert [one.masks for one in tracked] == [drawn, drawn]
    assert remembered == [drawn, drawn]
    assert [model for model, _ in given] == ["sam", "sam"]


# Files


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
        ImageError, match=r"video must (be a file that exists|be a whole video file), got .*v\.mp4"
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
    with pytest.raises(ImageError, match=r"video must hold pictures, got .*, which has none"):
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
    with pytest.raises(MissingExtraError, match=r"reading videos needs .*pip install 'anymask\[video\]'"):
        next(read_video(tmp_path / "v.mp4"))
    with pytest.raises(MissingExtraError, match="writing videos"):
        write_video(tmp_path / "v.mp4", [])
