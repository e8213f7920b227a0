"""Users get ids; values that could not be sent are mended: scores, prompts, names of labels and users."""

from __future__ import annotations

import json
import math
import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

from anymask.data_engine.project import checks

revision = "0002"
down_revision = "0001"

_REVISIONS = sa.table(
    "revisions",
    *(sa.column(name) for name in ("picture_id", "id", "revision", "score", "seconds", "model")),
    sa.column("prompts", sa.Text),
)
_KEY = ("picture_id", "id", "revision")
_LABELS = sa.table("labels", sa.column("id"), sa.column("name"))
_PEOPLE = sa.table("people", sa.column("name"), sa.column("id"))


def upgrade() -> None:
    """Add the column and mend the rows."""
    connection = op.get_bind()
    _identify(connection)
    _rename(connection)
    _mend(connection)


def _identify(connection: sa.Connection) -> None:
    """Give every user an id, and those with a reserved name another name."""
    op.add_column("people", sa.Column("id", sa.String(64), nullable=True))
    names = list(connection.scalars(sa.select(_PEOPLE.c.name)))
    for name in names:
        facts = {"id": secrets.token_hex(8)}
        if name.casefold() in checks.RESERVED:
            facts["name"] = next(one for n in range(2, 9999) if (one := f"{name}-{n}") not in names)
        connection.execute(sa.update(_PEOPLE).where(_PEOPLE.c.name == name).values(**facts))
    with op.batch_alter_table("people") as table:
        table.alter_column("id", existing_type=sa.String(64), nullable=False)
        table.create_unique_constraint("people_id_key", ["id"])


def _rename(connection: sa.Connection) -> None:
    """Names of labels become valid text."""
    rows = connection.execute(sa.select(_LABELS.c.id, _LABELS.c.name)).all()
    taken = {name for _, name in rows}
    for id, name in rows:
        plain = checks.plain_text(name) or "label"
        if plain != name:
            plain = next(
                one for n in range(1, 99999) if (one := plain if n == 1 else f"{plain} {n}") not in taken
            )
            taken.add(plain)
            connection.execute(sa.update(_LABELS).where(_LABELS.c.id == id).values(name=plain))


def _mend(connection: sa.Connection) -> None:
    """Scores and times become finite, scores 0 to 1, and prompts that are not plain JSON are removed."""
    query = sa.select(*(_REVISIONS.c[name] for name in _KEY), _REVISIONS.c.score, _REVISIONS.c.seconds,
                      sa.cast(_REVISIONS.c.prompts, sa.Text).label("prompts"))  # fmt: skip
    with connection.execute(query.execution_options(yield_per=100)) as rows:
        wrong = [(row[:3], facts) for row in rows if (facts := _mended(row.score, row.seconds, row.prompts))]
    for key, facts in wrong:
        where = [_REVISIONS.c[name] == value for name, value in zip(_KEY, key, strict=True)]
        connection.execute(sa.update(_REVISIONS).where(*where).values(**facts))


def _mended(score: float | None, seconds: float, prompts: str | None) -> dict[str, Any]:
    """What is to be changed in a row."""
    facts: dict[str, Any] = {}
    if score is not None and not 0 <= score <= 1:
        facts["score"] = min(1.0, max(0.0, score)) if math.isfinite(score) else None
    if not math.isfinite(seconds):
        facts["seconds"] = 0.0
    if prompts is not None and not _is_plain_json(prompts):
        facts["prompts"] = sa.null()
    return facts


def _is_plain_json(text: str) -> bool:
    try:
        return checks.is_plain(json.loads(text))
    except (ValueError, RecursionError):
        return False
