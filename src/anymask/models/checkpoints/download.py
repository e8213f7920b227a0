"""Download of published weights.

A download goes to `<cache>/<file>.part`, is resumed after an interruption, checked by size and sha256 and
then renamed. Environment: `ANYMASK_CACHE` (a folder), `ANYMASK_OFFLINE=1`, `ANYMASK_MIRROR` (an http(s)
address with the same file names).
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from anymask.errors import DownloadError, InputError, WeightsError
from anymask.files import cache_dir, locked, sha256_of
from anymask.models.checkpoints.hub import Card, Progress

__all__ = ["fetch"]

CHUNK = 1 << 20
TIMEOUT = 30.0  # seconds without data
ATTEMPTS = 3  # per call; each resumes the previous one
PAUSE = 0.5  # seconds before the second attempt, doubled before each further one


def fetch(card: Card, *, offline: bool = False, progress: Progress | None = None) -> Path:
    """The file of a card in the cache, downloaded and checked if it is not there yet.

    Raises `DownloadError` if offline, if the server cannot be reached or closes the connection (the next call
    resumes the download), and if the disk is full. Raises `WeightsError`, after removing the file, if its
    size or sha256 differs from the published one.
    """
    target = cache_dir() / card.file
    if target.is_file():
        _check_size(target, card)
        return target
    address = _address(card)
    if offline or os.environ.get("ANYMASK_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise DownloadError(
            f"weights of '{card.name}' must be in the cache when offline, got no file {target}. "
            f"Go online once, or save {address} there."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.with_name(f"{target.name}.lock")):
            if not target.is_file():  # another process may have fetched it meanwhile
                _fetch_into(target, address, card, progress)
    except OSError as error:
        raise DownloadError(
            f"the cache must be a writable folder, got {target.parent} ({error.strerror}). "
            "Set ANYMASK_CACHE to another folder."
        ) from error
    return target


def _fetch_into(target: Path, address: str, card: Card, progress: Progress | None) -> None:
    part = target.with_name(f"{target.name}.part")
    _download(address, part, card, progress)
    _check_size(part, card)
    _check_hash(part, card)
    os.replace(part, target)


def _address(card: Card) -> str:
    assert card.address is not None
    mirror = os.environ.get("ANYMASK_MIRROR")
    if not mirror:
        return card.address
    if urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).netloc:
        raise InputError(
            f"ANYMASK_MIRROR must be an http or https address, got '{mirror}'. Correct or unset it."
        )
    return f"{mirror.rstrip('/')}/{card.file}"


def _download(address: str, part: Path, card: Card, progress: Progress | None) -> None:
    """Append to `part` until complete; retries if the connection breaks."""
    for attempt in range(ATTEMPTS):
        try:
            _continue(address, part, card.size or 0, progress)
            return
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == ATTEMPTS - 1:
                raise _failed(address, f"the HTTP status {error.code} {error.reason}", part) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            if attempt == ATTEMPTS - 1:
                raise _failed(address, str(getattr(error, "reason", error)) or repr(error), part) from error
        time.sleep(PAUSE * 2**attempt)


def _continue(address: str, part: Path, size: int, progress: Progress | None) -> None:
    done = part.stat().st_size if part.exists() else 0
    if size and done >= size:
        return
    with _request(address, done) as response, part.open("ab") as stream:
        start, total = _extent(response, done)
        if start != done:
            stream.truncate(0)
        _require_space(part, (total or size) - start)
        _copy(response, stream, start, total or size, progress)
    if total and part.stat().st_size < total:
        raise ConnectionError(f"{part.stat().st_size} of {total} bytes, then a broken connection")


def _request(address: str, done: int) -> Any:
    headers = {"User-Agent": "anymask", "Accept-Encoding": "identity"}
    if not done:
        return _opener().open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT)
    try:
        ranged = urllib.request.Request(address, headers=headers | {"Range": f"bytes={done}-"})
        return _opener().open(ranged, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        return _request(address, 0)  # no bytes behind the end of the partial file: it belongs to another file


def _extent(response: Any, done: int) -> tuple[int, int]:
    """Offset of the response in the file, and the size of the whole file (0 if unknown)."""
    length = int(response.headers.get("Content-Length") or 0)
    if response.status != 206:
        return 0, length
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != done:
        raise http.client.HTTPException(f"a response for another range than from byte {done}")
    return done, done + length


def _copy(response: Any, stream: IO[bytes], done: int, total: int, progress: Progress | None) -> None:
    while chunk := response.read(CHUNK):
        stream.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, max(total, done))


def _require_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DownloadError(
            f"the cache must have {needed / 1e6:.0f} MB free, got {free / 1e6:.0f} MB in {part.parent}. "
            "Make room, or set ANYMASK_CACHE to another folder."
        )


def _check_size(path: Path, card: Card) -> None:
    size = path.stat().st_size
    if card.size is not None and size != card.size:
        path.unlink()
        raise WeightsError(
            f"{card.file} must have {card.size} bytes, got {size}. It was removed; load the model again."
        )


def _check_hash(path: Path, card: Card) -> None:
    if card.sha256 is None:
        return
    found = sha256_of(path)
    if found != card.sha256:
        path.unlink()
        raise WeightsError(
            f"{card.file} must have the sha256 {card.sha256}, got {found}. "
            "It was removed; load the model again, and do not trust the mirror if you use one."
        )


def _failed(address: str, reason: str, part: Path) -> DownloadError:
    kept = part.stat().st_size if part.exists() else 0
    rest = f"{kept / 1e6:.0f} MB are kept: load the model again to resume" if kept else "Check the connection"
    return DownloadError(
        f"weights must be downloadable from {address}, got {reason}. {rest}, or set ANYMASK_MIRROR."
    )


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https only; urllib's own handler also allows ftp."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.URLError(f"a redirect to {newurl}, which is not http")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_HttpOnly)
