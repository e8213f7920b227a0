"""`anymask licences`: what anymask consists of and uses, and under which terms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from anymask.cli.console import out, out_json, table
from anymask.cli.licence_facts import KINDS, Part, parts
from anymask.cli.options.licences import Options
from anymask.cli.sbom import to_spdx
from anymask.files import check_target, write_atomic

__all__ = ["run"]

_WIDEST = 60


def run(options: Options) -> int:
    """Print the list, and write the bill of materials if it is asked for."""
    if options.output is not None:
        check_target(options.output, force=options.force)
    found = parts()
    if options.output is not None:
        data = json.dumps(to_spdx(found), indent=1, ensure_ascii=False).encode() + b"\n"
        write_atomic(options.output, data, force=options.force)
    if options.as_json:
        out_json([asdict(part) | {"kind": part.kind, "permits": KINDS[part.kind]} for part in found])
        return 0
    out(_as_text(found))
    if options.output is not None:
        out(f"wrote {options.output}")
    return 0


def _as_text(found: Sequence[Part]) -> str:
    blocks = []
    for group, members in groupby(found, key=lambda part: part.group):
        rows = [
            [f"  {part.name}", part.version, _short(part.licence), part.kind, part.extra] for part in members
        ]
        blocks.append(f"{group}\n{table(rows)}")
    carried = [f"  {part.name}: {part.note}" for part in found if part.group == "package" and part.note]
    meaning = [f"  {kind}: {permits}" for kind, permits in KINDS.items()]
    return "\n\n".join(
        [*blocks, "\n".join(["what packages carry", *carried]), "\n".join(["permitted", *meaning])]
    )


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
