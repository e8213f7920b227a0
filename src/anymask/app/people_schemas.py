"""The JSON of users and their tokens in the HTTP API."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from anymask.app.schema_types import PRINTED, Schema
from anymask.data_engine.project.checks import LONGEST_NAME
from anymask.data_engine.project.values import Role

__all__ = ["NewPerson", "People", "Person", "RoleOnly", "SignIn"]


class Person(Schema):
    """A user of the project."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=PRINTED)]
    role: Role


class RoleOnly(Schema):
    """The role to give to a user."""

    role: Role


class People(Schema):
    """All users with a token."""

    people: list[Person]


class NewPerson(Schema):
    """A new user with the token, which is shown only this once."""

    name: str
    role: Role
    token: str


class SignIn(Schema):
    """A token to sign in with."""

    token: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
