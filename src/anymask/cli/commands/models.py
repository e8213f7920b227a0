"""`anymask models`: the models that are known by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anymask.cli.console import out, out_json, table
from anymask.cli.options.models import Options
from anymask.errors import WeightsError
from anymask.files import cache_dir
from anymask.models import Card, variants
from anymask.models.checkpoints import hub as zoo

__all__ = ["place", "run"]


def run(options: Options) -> int:
    """Print a table of the cards."""
    cards = variants().values()
    if options.as_json:
        out_json([_facts(card) for card in cards])
        return 0
    rows = [
        [fact["name"], _megabytes(fact["bytes"]), fact["licence"], _here(fact), fact["summary"]]
        for fact in map(_facts, cards)
    ]
    out(table(rows, ["name", "MB", "licence", "here", "description"]))
    out("\nAlso in the package, without a name: the text model of 'segment --text' and 'name'.")
    out("\nSources:")
    out(table([[f"  {card.name}", card.address or card.source] for card in cards]))
    out(f"\nDownloads are kept in {cache_dir()} (ANYMASK_CACHE sets another folder).")
    return 0


def place(card: Card) -> Path | None:
    """Where the weights of a card are on this machine, None if they are not."""
    if card.address is None:
        try:
            return zoo.find(card.name, offline=True)
        except WeightsError:
            return None
    path = cache_dir() / card.file
    return path if path.is_file() else None


def _facts(card: Card) -> dict[str, Any]:
    path = place(card)
    return {
        "name": card.name,
        "summary": card.summary,
        "bytes": card.size if card.size is not None or path is None else path.stat().st_size,
        "licence": card.licence,
        "source": card.source,
        "address": card.address,
        "sha256": card.sha256,
        "shipped": card.address is None,
        "path": None if path is None else str(path),
    }


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:,.0f}".rjust(5)


def _here(fact: dict[str, Any]) -> str:
    if fact["path"] is None:
        return "missing" if fact["shipped"] else "no"
    return "shipped" if fact["shipped"] else "downloaded"
