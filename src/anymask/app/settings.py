"""What a server may be told: limits, models, who may come in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from anymask.errors import InputError

__all__ = ["Limits", "Settings"]


@dataclass(frozen=True)
class Limits:
    """Bounds of what is taken; more is answered with 413 and a sentence."""

    upload_bytes: int = 128 << 20
    """One uploaded file, a picture or annotations."""
    json_bytes: int = 16 << 20
    """One request of another kind."""
    pixels: int = 100_000_000
    """One uploaded image."""
    unpacked_bytes: int = 1 << 30
    """All that is in an uploaded archive."""
    entries: int = 20_000
    """Files in an uploaded archive."""
    embedding_bytes: int = 4 << 30
    """All embeddings that are kept on disk; the least used go."""
    jobs: int = 100
    """Jobs that wait."""


@dataclass(frozen=True)
class Settings:
    """How a server behaves."""

    token: str | None = None
    """Of an admin; None lets everybody on this machine in, as admin."""
    models: tuple[str, ...] = ("compact",)
    """Models that answer prompts: names, weights, run directories or exported directories."""
    example_models: tuple[str, ...] = ("context",)
    """Models that work by examples."""
    device: str = "auto"
    offline: bool = False
    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "[::1]"})
    """Names under which the server is reached while there is no token; others are refused."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Raise InputError for a token that no header can carry."""
        if self.token is not None and not re.fullmatch(r"[!-~]{1,200}", self.token):
            raise InputError(
                "token must be 1 to 200 letters, digits and signs of ASCII, got others. Choose another."
            )
