from __future__ import annotations

import json

import pytest

from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.report import as_html, as_text
from anymask.evaluate.tables.running import run_table
from anymask.evaluate.tables.self_tests import check, options


@pytest.mark.parametrize("name", TABLES)
def test_every_table_reaches_the_known_figures_on_a_copy_of_its_layout(name, tmp_path):
    """And resumes: the second time, without a model, the report and the page are the same."""
    table = TABLES[name]
    result = check(table, tmp_path)
    assert not [one.skipped for one in result.sets if one.skipped]
    again = run_table(table, None, tmp_path, options(table, tmp_path), name="stub")
    assert [one.rows for one in again.sets] == [one.rows for one in result.sets]
    values = [{key: number.value for key, number in one.numbers.items()} for one in result.sets]
    resumed = [{key: number.value for key, number in one.numbers.items()} for one in again.sets]
    assert json.dumps(resumed) == json.dumps(values)
    assert json.loads(json.dumps(again.to_dict(), allow_nan=False))["table"] == name
    page, text = as_html(again), as_text(again)
    for one in again.sets:
        assert one.name in page
        assert one.name in text
    named = {key for one in again.sets for key in one.numbers}
    shown = named & set(table.columns) if table.columns else named
    assert page.count("<svg") >= len(shown) > 0
    assert all(name in text.splitlines()[0] for name in shown)
    for sentence in again.missing.values():
        assert "licence: " in sentence or "is left out" in sentence
