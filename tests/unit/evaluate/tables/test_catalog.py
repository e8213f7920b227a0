from __future__ import annotations

import pytest

from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.self_tests import check


@pytest.mark.parametrize("name", TABLES)
def test_every_table_reaches_the_known_figures_on_a_copy_of_its_layout(name, tmp_path):
    result = check(TABLES[name], tmp_path)
    assert not [one.skipped for one in result.sets if one.skipped]
