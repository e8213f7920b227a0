"""Download of published weights.

A download goes to `<cache>/<file>.part`, is resumed after an interruption, checked by size and sha256 and
then renamed. Environment: `ANYMASK_CACHE` (a folder), `ANYMASK_OFFLINE=1`, `ANYMASK_MIRROR` (an http(s)
address with the same file names).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from anymask.errors import DownloadError, InputError, WeightsError
from anymask.files import cache_dir, locked, sha256_of
from anymask.files.download import Download
from anymask.models.checkpoints.hub import Card, Progress

__all__ = ["fetch"]


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
    Download(
        address=address,
        part=part,
        what="weights",
        place="the cache",
        again="load the model again",
        advice="set ANYMASK_MIRROR",
        elsewhere="set ANYMASK_CACHE to another folder",
        size=card.size or 0,
    ).run(progress)
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
