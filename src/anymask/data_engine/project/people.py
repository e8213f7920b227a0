"""The users of a project over the network: names, roles and the hashes of their tokens."""

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
    """The stored hash of a token. Tokens are long and random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add(db: Database, name: str, role: Role) -> str:
    """Add a user and return the token, which is not stored. Raises InputError for a name that is taken."""
    if role not in ROLES:
        raise unknown_name("role", role, ROLES)
    token = secrets.token_urlsafe(24)
    with db.writing() as connection:
        if connection.execute(select(people.c.name).where(people.c.name == name)).first():
            raise InputError(f"name must be new, got '{name}', which is taken. Remove that user first.")
        connection.execute(insert(people).values(name=name, role=role, token_hash=token_hash(token)))
    return token


def listed(db: Database) -> list[Person]:
    """All users, by name."""
    with db.reading() as connection:
        rows = connection.execute(select(people.c.name, people.c.role).order_by(people.c.name))
        return [Person(*row) for row in rows]


def remove(db: Database, name: str) -> None:
    """Revoke the token of a user; the user's masks stay. Raises UnknownNameError."""
    with db.writing() as connection:
        gone = connection.execute(delete(people).where(people.c.name == name)).rowcount
    if not gone:
        raise UnknownNameError(f"name must be that of a user, got '{name}'. List the users first.")


def by_token(db: Database, token: str) -> Person | None:
    """The user with this token, or None."""
    query = select(people.c.name, people.c.role).where(people.c.token_hash == token_hash(token))
    with db.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Person(*row)
