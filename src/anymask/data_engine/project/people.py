"""Who may use a project from elsewhere: names, roles and the hashes of their tokens."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, insert, select

from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import people
from anymask.data_engine.project.values import ROLES, Person, Role
from anymask.errors import InputError, UnknownNameError, unknown_name

__all__ = ["add", "by_token", "listed", "remove", "token_hash"]


def token_hash(token: str) -> str:
    """What is kept of a token. Tokens are random and long, so that a plain hash does."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add(db: Database, name: str, role: Role) -> str:
    """Add a person; gives the token, which is told this once. Raises InputError for a name that is taken."""
    if role not in ROLES:
        raise unknown_name("role", role, ROLES)
    token = secrets.token_urlsafe(24)
    with db.writing() as connection:
        if connection.execute(select(people.c.name).where(people.c.name == name)).first():
            raise InputError(f"name must be a new one, got '{name}'. Remove that person first.")
        connection.execute(insert(people).values(name=name, role=role, token_hash=token_hash(token)))
    return token


def listed(db: Database) -> list[Person]:
    """Everybody, by name."""
    with db.reading() as connection:
        rows = connection.execute(select(people.c.name, people.c.role).order_by(people.c.name))
        return [Person(*row) for row in rows]


def remove(db: Database, name: str) -> None:
    """Take a person's token away; what he drew stays. Raises UnknownNameError."""
    with db.writing() as connection:
        gone = connection.execute(delete(people).where(people.c.name == name)).rowcount
    if not gone:
        raise UnknownNameError(f"name must be of somebody with a token, got '{name}'. List them first.")


def by_token(db: Database, token: str) -> Person | None:
    """Whose token it is."""
    query = select(people.c.name, people.c.role).where(people.c.token_hash == token_hash(token))
    with db.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Person(*row)
