"""`anymask models` tells what is known and what is here."""

from __future__ import annotations

from pathlib import Path

from anymask.files import cache_dir
from anymask.models import variants


def test_table_names_all_models(run) -> None:
    answer = run("models")
    assert (answer.code, answer.err) == (0, "")
    for card in variants().values():
        assert f"\n{card.name} " in answer.out
    assert "the text model of 'segment --text'" in answer.out
    assert f"Downloads are kept in {cache_dir()}" in answer.out


def test_json(run) -> None:
    cards = {fact["name"]: fact for fact in run("models", "--json").json}
    assert set(cards) == set(variants())
    vit_b = cards["sam_vit_b"]
    assert (vit_b["bytes"], vit_b["licence"], vit_b["shipped"]) == (375_042_383, "Apache-2.0", False)
    assert vit_b["path"] is None
    assert cards["compact"]["shipped"]


def test_a_downloaded_model_is_seen(run) -> None:
    cache = cache_dir()
    cache.mkdir()
    (cache / variants()["sam_vit_b"].file).write_bytes(b"")
    (fact,) = [fact for fact in run("models", "--json").json if fact["path"] and not fact["shipped"]]
    assert (fact["name"], Path(fact["path"]).parent) == ("sam_vit_b", cache)
    assert "downloaded" in run("models").out
