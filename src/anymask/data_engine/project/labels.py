"""The labels of a project. A label that masks use cannot be removed."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from anymask.data_engine.project.database import Database, lock_table
from anymask.data_engine.project.tables import heads, labels, revisions
from anymask.data_engine.project.values import Attribute, Label
from anymask.errors import InputError, UnknownNameError
from anymask.images.colours import palette

__all__ = ["ensure", "listed", "replace", "use"]


def listed(db: Database) -> list[Label]:
    """The labels, in order."""
    query = (
        select(labels.c.id, labels.c.name, labels.c.color, labels.c.attributes)
        .where(~labels.c.removed)
        .order_by(labels.c.place)
    )
    with db.reading() as connection:
        return [Label(*row[:3], _attributes(row.attributes)) for row in connection.execute(query)]


def _attributes(stored: Any) -> tuple[Attribute, ...]:
    return tuple(Attribute(one["name"], one["kind"], tuple(one["choices"])) for one in stored or ())


def replace(db: Database, new: Sequence[Label]) -> list[Label]:
    """Replace all labels; masks keep their labels by id.

    Raises InputError for duplicate ids or names, and if a label that masks use would be removed.
    """
    for what in ("id", "name"):
        counts = Counter(getattr(label, what) for label in new)
        twice = next((value for value, count in counts.items() if count > 1), None)
        if twice is not None:
            raise InputError(f"labels must have different {what}s, got '{twice}' twice. Change one of them.")
    with db.writing() as connection:
        lock_table(connection, labels)
        _remove(connection, {label.id for label in new})
        for place, label in enumerate(new):
            put(connection, label, place)
    return list(new)


def ensure(db: Database, names: Sequence[str]) -> dict[str, str]:
    """Ids by name; labels that are missing are added, by one client at a time."""
    with db.writing() as connection:
        lock_table(connection, labels)
        query = select(labels.c.name, labels.c.id).where(~labels.c.removed).order_by(labels.c.place)
        there: dict[str, str] = {row.name: row.id for row in connection.execute(query)}
        new = [name for name in names if name not in there]
        colours = palette(len(there) + len(new))[len(there) :].tolist()
        for place, (name, colour) in enumerate(zip(new, colours, strict=True), len(there)):
            label = Label(secrets.token_hex(8), name, "#{:02x}{:02x}{:02x}".format(*colour))
            put(connection, label, place)
            there[name] = label.id
    return there


def put(connection: Connection, label: Label, place: int) -> None:
    """Add a label, or change the one with the same id."""
    attributes = [asdict(one) for one in label.attributes] or None
    values = {"name": label.name, "color": label.color, "place": place, "removed": False}
    values["attributes"] = attributes
    changed = connection.execute(update(labels).where(labels.c.id == label.id).values(**values))
    if not changed.rowcount:
        connection.execute(insert(labels).values(id=label.id, **values))


def use(connection: Connection, id: str) -> None:
    """Check that a label exists before a mask uses it; restores a removed one. Raises UnknownNameError."""
    removed = connection.execute(select(labels.c.removed).where(labels.c.id == id)).scalar_one_or_none()
    if removed is None:
        raise UnknownNameError(f"label must be one of this project, got '{id}'. Save the labels first.")
    if removed:
        connection.execute(update(labels).where(labels.c.id == id).values(removed=False))


def _remove(connection: Connection, kept: set[str]) -> None:
    there = select(labels.c.id, labels.c.name).where(~labels.c.removed)
    for id, name in connection.execute(there).all():
        if id in kept:
            continue
        if _in_use(connection, id):
            raise InputError(f"labels must include those that masks use, got none for '{name}'. Keep it.")
        connection.execute(update(labels).where(labels.c.id == id).values(removed=True))
    _forget(connection)


def _in_use(connection: Connection, id: str) -> bool:
    same = (
        (heads.c.image_id == revisions.c.image_id)
        & (heads.c.id == revisions.c.id)
        & (heads.c.revision == revisions.c.revision)
    )
    query = select(heads.c.id).join(revisions, same).where(revisions.c.label_id == id, ~revisions.c.deleted)
    return connection.execute(query.limit(1)).first() is not None


def _forget(connection: Connection) -> None:
    """Delete removed labels that no revision uses."""
    used = select(revisions.c.label_id).where(revisions.c.label_id == labels.c.id).exists()
    connection.execute(delete(labels).where(labels.c.removed, ~used))
