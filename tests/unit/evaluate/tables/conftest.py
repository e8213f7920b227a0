"""Copies of the data sets of tables."""

from __future__ import annotations

import pytest

from anymask.evaluate.tables.catalog import TABLES


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """A copy of the data sets of each table, made once."""
    made = {}

    def copy(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            TABLES[name].self_test().copy(made[name])
        return made[name]

    return copy
