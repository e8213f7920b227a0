"""Downloads to `<file>.part`, resumed after an interruption."""

from __future__ import annotations

import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import urlsplit

from anymask.errors import DownloadError

__all__ = ["Download", "Progress"]

Progress: TypeAlias = "Callable[[int, int], object]"
"""Called with the bytes done and their number in all (0: unknown)."""
CHUNK = 1 << 20
TIMEOUT = 30.0  # seconds without data
ATTEMPTS = 3  # per call; each resumes the previous one
PAUSE = 0.5  # seconds before the second attempt, doubled before each further one


@dataclass(frozen=True)
class Download:
    """A file to download, and the words of its errors."""

    address: str
    part: Path
    """Where to write; what is there is continued."""
    what: str
    """What it is: "weights"."""
    place: str
    """What the folder is called: "the cache"."""
    again: str
    """What resumes it: "load the model again"."""
    advice: str
    """What else to do: "set ANYMASK_MIRROR"."""
    elsewhere: str
    """How to choose another folder: "set ANYMASK_CACHE to another folder"."""
    size: int = 0
    """Bytes in all; 0 if unknown."""

    def run(self, progress: Progress | None = None) -> None:
        """Append to the file until it is complete; retries if the connection breaks. Raises DownloadError."""
        for attempt in range(ATTEMPTS):
            try:
                self._continue(progress)
                return
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == ATTEMPTS - 1:
                    raise self._failed(f"the HTTP status {error.code} {error.reason}") from error
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if attempt == ATTEMPTS - 1:
                    raise self._failed(str(getattr(error, "reason", error)) or repr(error)) from error
            time.sleep(PAUSE * 2**attempt)

    def _continue(self, progress: Progress | None) -> None:
        done = self.part.stat().st_size if self.part.exists() else 0
        if self.size and done >= self.size:
            return
        with _request(self.address, done) as response, self.part.open("ab") as stream:
            start, total = _extent(response, done)
            if start != done:
                stream.truncate(0)
            self._require_space((total or self.size) - start)
            _copy(response, stream, start, total or self.size, progress)
        if total and self.part.stat().st_size < total:
            raise ConnectionError(f"{self.part.stat().st_size} of {total} bytes, then a broken connection")

    def _require_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise DownloadError(
                f"{self.place} must have {needed / 1e6:.0f} MB free, got {free / 1e6:.0f} MB in "
                f"{self.part.parent}. Make room, or {self.elsewhere}."
            )

    def _failed(self, reason: str) -> DownloadError:
        kept = self.part.stat().st_size if self.part.exists() else 0
        rest = f"{kept / 1e6:.0f} MB are kept: {self.again} to resume" if kept else "Check the connection"
        return DownloadError(
            f"{self.what} must be downloadable from {self.address}, got {reason}. {rest}, or {self.advice}."
        )


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
