"""Video files, frame by frame: read and written through PyAV, the extra `video`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError, InputError, MissingExtraError, unknown_name
from anymask.files import check_target, staged

__all__ = ["VideoFrame", "read_video", "write_video"]

CODECS: Mapping[str, tuple[str, ...]] = {
    "vp9": ("libvpx-vp9",),
    "mpeg4": ("mpeg4",),
    "h264": ("libopenh264", "libx264"),
}
"""Encoders by the codec that a user names; the first that PyAV has writes. libx264 is under the GPL."""


DEFAULT = ("libopenh264", "libvpx-vp9", "mpeg4")
"""Encoders when no codec is named: none under the GPL, those that most players open first."""


_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30", "b": "0"},
    "mpeg4": {"qmin": "2", "qmax": "5"},
}


Codec: TypeAlias = Literal["auto", "vp9", "mpeg4", "h264"]


Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """A frame of a video file."""

    image: Pixels
    """(H, W, 3) uint8 RGB."""
    time: Fraction
    """When it is shown, in seconds; frames need not be evenly spaced."""


def read_video(
    path: str | os.PathLike[str], *, skipped: Callable[[str], None] | None = None
) -> Iterator[VideoFrame]:
    """Read the frames of a video one by one, turned as the file says.

    A frame that cannot be decoded is left out and reported to `skipped`. Raises ImageError for a file that is
    not a video or has no complete frame, MissingExtraError without PyAV.
    """
    av = _av("reading videos")
    with _opened(av, path) as container:
        count = 0
        for frame in _decoded(av, container, skipped or (lambda message: None)):
            pixels = _upright(frame.to_ndarray(format="rgb24"), getattr(frame, "rotation", 0))
            time = Fraction(count) if frame.pts is None else frame.pts * Fraction(frame.time_base)
            count += 1
            yield VideoFrame(pixels, time)
    if not count:
        raise ImageError(f"video must hold a frame, got {path}, which has none. Get the file again.")


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[VideoFrame],
    *,
    codec: Codec = "auto",
    force: bool = False,
) -> Path:
    """Write frames at their times, atomically.

    Without a codec it is VP9 with today's PyAV: what browsers and players open, without code under the GPL.
    An odd column or row at the edge is cut off. Raises OutputError as `files.write_atomic` does, InputError
    for no frames or a codec that PyAV lacks, UnknownNameError, MissingExtraError without PyAV.
    """
    target = check_target(path, force=force)
    av = _av("writing videos")
    encoder = _encoder(av, codec)
    with staged(target, force=force) as new:
        with av.open(str(new), "w") as container:
            count = _encode(av, container, frames, encoder)
        if not count:
            raise InputError("frames must hold at least one frame, got none. Nothing was written.")
    return target


def _encode(av: Any, container: Any, frames: Iterable[VideoFrame], encoder: str) -> int:
    base = Fraction(1, 60_000)  # MPEG-4 has no finer one than 1/65535
    stream, count = None, 0
    for frame in frames:
        count += 1
        if stream is None:
            height, width = (side & ~1 for side in frame.image.shape[:2])
            stream = container.add_stream(encoder, rate=30, options=dict(_OPTIONS.get(encoder, {})))
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            stream.codec_context.time_base = base
        encoded = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame.image[: stream.height, : stream.width]), format="rgb24"
        )
        encoded.pts, encoded.time_base = round(frame.time / base), base
        container.mux(stream.encode(encoded))
    if stream is not None:
        container.mux(stream.encode(None))
    return count


def _encoder(av: Any, codec: Codec) -> str:
    """The first of the encoders for a codec that this PyAV has."""
    if codec != "auto" and codec not in CODECS:
        raise unknown_name("codec", str(codec), ("auto", *CODECS))
    for name in DEFAULT if codec == "auto" else CODECS[codec]:
        if name in av.codecs_available:
            return name
    raise InputError(f"codec must be one that this PyAV can write, got {codec}. Take auto.")


def _upright(pixels: Pixels, degrees: float) -> Pixels:
    """Turn a frame counter-clockwise by as many degrees as its file says, in quarters."""
    return np.ascontiguousarray(np.rot90(pixels, round(degrees / 90)))


def _av(need: str) -> Any:
    try:
        av = import_module("av")
    except ImportError as error:
        raise MissingExtraError(need, "video") from error
    av.logging.set_level(av.logging.PANIC)  # what is wrong is told by us
    return av


@contextmanager
def _opened(av: Any, path: str | os.PathLike[str]) -> Iterator[Any]:
    if not Path(path).is_file():
        raise ImageError(f"video must be a file that exists, got {path}. Check the name.")
    try:
        container = av.open(os.fspath(path))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise ImageError(
            f"video must be a complete video file, got {path} ({error}). Get it again."
        ) from error
    with container:
        if not container.streams.video:
            raise ImageError(
                f"video must contain a video stream, got {path}, which has none. Give another file."
            )
        yield container


def _decoded(av: Any, container: Any, skipped: Callable[[str], None]) -> Iterator[Any]:
    """Frames packet by packet, so that a corrupt one affects no other."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    packets = container.demux(stream)
    number = 0
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            return
        except av.EOFError:
            return
        except av.FFmpegError as error:
            skipped(f"packet {number} of the video cannot be decoded ({error}); it is left out")
            frames = []
        number += 1
        for frame in frames:
            if getattr(frame, "is_corrupt", False):
                skipped(f"the frame of packet {number - 1} of the video is corrupt; it is left out")
            else:
                yield frame
