"""The users of a project over the network: names, roles and the hashes of their tokens."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, insert, select, update

from anymask.data_engine.project.checks import new_name
from anymask.data_engine.project.database import Database, lock_table
from anymask.data_engine.project.tables import people
from anymask.data_engine.project.values import ROLES, Person, Role
from anymask.errors import InputError, UnknownNameError, unknown_name

__all__ = ["add", "by_token", "listed", "remove", "set_role", "token_hash"]


_PERSON = select(people.c.name, people.c.role, people.c.id)


def token_hash(token: str) -> str:
    """The stored hash of a token. Tokens are long and random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add(db: Database, name: str, role: Role) -> str:
    """Add a user and return the token, which is not stored.

    Raises InputError for a name that is taken, reserved, empty or too long.
    """
    name = new_name(name)
    if role not in ROLES:
        raise unknown_name("role", role, ROLES)
    token = secrets.token_urlsafe(24)
    with db.writing() as connection:
        lock_table(connection, people)
        taken = {one.casefold() for one in connection.scalars(select(people.c.name))}
        if name.casefold() in taken:
            raise InputError(f"name must be new, got '{name}', which is taken. Remove that user first.")
        facts = {"name": name, "role": role, "id": secrets.token_hex(8), "token_hash": token_hash(token)}
        connection.execute(insert(people).values(**facts))
    return token


def listed(db: Database) -> list[Person]:
    """All users, by name."""
    with db.reading() as connection:
        rows = connection.execute(_PERSON.order_by(people.c.name))
        return [Person(*row) for row in rows]


def set_role(db: Database, name: str, role: Role) -> None:
    """Give a user another role. Raises UnknownNameError for an unknown user or role."""
    if role not in ROLES:
        raise unknown_name("role", role, ROLES)
    with db.writing() as connection:
        query = update(people).where(people.c.name == name).values(role=role)
        _check_known(name, connection.execute(query).rowcount)


def remove(db: Database, name: str) -> None:
    """Revoke the token of a user; the user's masks stay. Raises UnknownNameError."""
    with db.writing() as connection:
        _check_known(name, connection.execute(delete(people).where(people.c.name == name)).rowcount)


def _check_known(name: str, changed: int) -> None:
    if not changed:
        raise UnknownNameError(f"name must be that of a user, got '{name}'. List the users first.")


def by_token(db: Database, token: str) -> Person | None:
    """The user with this token, or None."""
    query = _PERSON.where(people.c.token_hash == token_hash(token))
    with db.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Person(*row)
