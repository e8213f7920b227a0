"""SA-1B's shards by its official list of links: resumed, checked, indexed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from anymask.data.sa1b import index_shard
from anymask.errors import DownloadError, FormatError, InputError, OutputError
from anymask.files import locked, make_folder, open_regular
from anymask.files.download import Download

__all__ = ["Got", "Link", "get_shards", "read_links"]

_NAME = re.compile(r"sa_\d{6}\.tar")
END = 1024
"""Zero bytes at the end of a whole tar file."""


@dataclass(frozen=True)
class Link:
    """A shard and its address."""

    name: str
    address: str


@dataclass
class Got:
    """What a call of `get_shards` did."""

    downloaded: int = 0
    kept: int = 0
    """Shards that were there already."""
    images: int = 0
    """In all shards of the list."""
    bytes: int = 0


def read_links(path: str | Path, shards: tuple[int, int] | None = None) -> list[Link]:
    """The links of a list: a name and an address a line, after the line `file_name cdn_link`.

    shards: the first and the last number to take. Raises FormatError for any other file.
    """
    try:
        with open_regular(path) as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"list of links must be a text file, got {path} ({error}). Check the name."
        ) from None
    links = [
        _parse(line, number, path)
        for number, line in enumerate(lines, 1)
        if line.strip() and not (number == 1 and line.split()[0] == "file_name")
    ]
    names = [link.name for link in links]
    twice = (
        next((name for name in names if names.count(name) > 1), None)
        if len(set(names)) < len(names)
        else None
    )
    if twice is not None:
        raise FormatError(
            f"list of links must name each shard once, got {twice} twice in {path}. Remove one line."
        )
    first, last = shards or (0, 999_999)
    taken = sorted(
        (link for link in links if first <= int(link.name[3:9]) <= last), key=lambda link: link.name
    )
    if not taken:
        raise FormatError(
            f"list of links must hold shards {first} to {last}, got none in {path}. Take others."
        )
    return taken


def _parse(line: str, number: int, path: str | Path) -> Link:
    words = line.split()
    if len(words) == 2 and _NAME.fullmatch(words[0]) and urlsplit(words[1]).scheme in ("http", "https"):
        return Link(*words)
    raise FormatError(
        f"list of links must hold sa_000000.tar and an http address on each line, got '{line[:60]}' on line "
        f"{number} of {path}. Get the list again."
    )


def get_shards(
    links: Sequence[Link],
    folder: str | Path,
    *,
    advance: Callable[[int, int, str], object] | None = None,
) -> Got:
    """Download the shards that a folder lacks, check that each is whole, and store its index.

    A shard is downloaded to `<name>.part`, which the next call continues. advance: called with the bytes of
    the shard, all its bytes, and its name. Raises DownloadError, FormatError for a shard that is not whole
    (it is removed), and OutputError for a folder that cannot be written or that another call uses.
    """
    place = Path(folder)
    make_folder(place)
    got = Got()
    with locked(place, wait=False) as ours:
        if not ours:
            raise OutputError(
                f"output must be a folder that nothing else uses, got {place}. Wait until that ends."
            )
        for link in links:
            _get(link, place, got, advance)
    return got


def _get(link: Link, place: Path, got: Got, advance: Callable[[int, int, str], object] | None) -> None:
    target = place / link.name
    if target.exists():
        got.kept += 1
    else:
        part = place / f"{link.name}.part"
        _download(link, part, advance)
        _check_whole(part, link)
        part.replace(target)
        got.downloaded += 1
    ids, _, faults = index_shard(target)
    if faults:
        target.unlink()
        raise _broken(link, str(faults[0][1]))
    got.images += len(ids)
    got.bytes += target.stat().st_size


def _download(link: Link, part: Path, advance: Callable[[int, int, str], object] | None) -> None:
    def tell(done: int, total: int) -> None:
        if advance is not None:
            advance(done, total, link.name)

    try:
        Download(
            address=link.address,
            part=part,
            what=link.name,
            place="the folder",
            again="run the same command",
            advice="get a new list of links, as they expire",
            elsewhere="choose another folder",
        ).run(tell)
    except OSError as error:
        raise DownloadError(
            f"the folder must have room, got {part.parent} ({error.strerror}). Make room, and run the "
            "same command."
        ) from error


def _check_whole(part: Path, link: Link) -> None:
    """Raise FormatError, after removing the file, unless it ends as a tar file does."""
    with part.open("rb") as file:
        size = part.stat().st_size
        file.seek(max(0, size - END))
        whole = size >= 2 * END and file.read() == bytes(END)
    if not whole:
        part.unlink()
        raise _broken(link, f"{size} bytes without the end of a tar file")


def _broken(link: Link, reason: str) -> InputError:
    return FormatError(
        f"{link.name} must be a whole shard, got: {reason} It was removed; run the same command again."
    )
