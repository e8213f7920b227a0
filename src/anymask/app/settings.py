"""Settings of a server: limits, models, access."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from anymask.errors import InputError
from anymask.files import budget

__all__ = ["Limits", "Settings"]


@dataclass(frozen=True)
class Limits:
    """Limits of a server; larger requests are refused with 413."""

    upload_bytes: int = 128 << 20
    """Size of an uploaded file, image or annotations."""
    json_bytes: int = 16 << 20
    """Size of any other request."""
    pixels: int = 100_000_000
    """Pixels of an uploaded image."""
    unpacked_bytes: int = 1 << 30
    """Size of an uploaded archive after unpacking."""
    entries: int = 20_000
    """Files in an uploaded archive."""
    memory: int = budget.DEFAULT_MEMORY
    """Bytes that an import may take; it runs in a process of its own."""
    seconds: float = 20.0
    """Seconds that an import may take for one record; reading the file up to the first one counts as one."""
    values: int = 250_000
    """Numbers, texts, lists and objects in the JSON of a request."""
    heavy: int = 2
    """Imports and exports at once, and images that are read or written at once; others wait."""
    patience: float = 30.0
    """Seconds after which an unfinished request is closed, and that a heavy one waits for its turn."""
    connections: int = 500
    """Open connections; fewer where the system allows fewer open files."""
    embedding_bytes: int = 4 << 30
    """Embeddings kept on disk; the least recently used are removed."""
    jobs: int = 100
    """Unfinished jobs."""


@dataclass(frozen=True)
class Settings:
    """Settings of a server."""

    token: str | None = None
    """Token of an admin; None: no token is needed and everybody on this machine is an admin."""
    models: tuple[str, ...] = ("compact",)
    """Promptable models: names, weights files, run directories or exported directories."""
    example_models: tuple[str, ...] = ("context",)
    """In-context models."""
    device: str = "auto"
    offline: bool = False
    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "[::1]"})
    """Host names that are accepted while there is no token."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Raise InputError for a token that cannot be sent in a header."""
        if self.token is not None and not re.fullmatch(r"[!-~]{1,200}", self.token):
            raise InputError(
                "token must be 1 to 200 letters, digits and signs of ASCII, got another. Choose a new one."
            )
