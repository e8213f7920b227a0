"""Ways to damage a file of a data set, and what a table says then."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
from PIL import Image

from anymask.errors import InputError
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.running import RunOptions, run_table

SLOW = ("COCO-20i, 1 shot", "COCO-20i, 5 shot", "PASCAL-5i, 5 shot", "BSDS500, Sobel", "BSDS500, Canny")
"""Data sets that are read as another of their table, and take long."""


def told(table, root, path):
    """All that a table says about the data sets with a file: an error, or what is left out, and notes."""
    test = table.self_test()
    sets = [one for one in table.sets if one.name not in SLOW]
    near = [one for one in sets if (place := one.find(root)) is not None and place in path.parents]
    few = replace(table, sets=tuple(replace(one, resamples=2) for one in near or sets))
    try:
        result = run_table(few, test.model(), root, RunOptions(test.limit))
    except InputError as error:
        return str(error)
    skipped = [f"{id}: {error}" for one in result.sets for id, error in one.skipped.items()]
    return "\n".join(
        [*skipped, *(note for one in result.sets for note in one.notes), *result.missing.values()]
    )


def check_told(name, copies, file, damage, sentence):
    """Damage a file of the copy of a table's data sets, and compare what the table says."""
    root = copies(name)
    path = root / file
    kept = path.read_bytes()
    try:
        damage(path)
        answer = told(TABLES[name], root, path)
    finally:
        path.write_bytes(kept)
    assert re.search(sentence, answer), answer


def in_json(change):
    def damage(path):
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return damage


def first(name, **values):
    """Change the first entry of a list."""
    return in_json(lambda document: document[name][0].update(values))


def no(name, field):
    return in_json(lambda document: document[name][0].pop(field))


def pixels(change):
    def damage(path):
        Image.fromarray(change(np.array(Image.open(path)))).save(path)

    return damage


def text(value):
    return lambda path: path.write_text(value)


def data(value):
    return lambda path: path.write_bytes(value)


def gone(path):
    path.unlink()


def colours(labels):
    return np.stack([labels, labels * 0, labels * 0 + 7], -1).astype(np.uint8)


def again(name, at=0, **values):
    """Append a copy of an entry of a list, or of the list that the document is."""

    def change(document):
        entries = document[name] if name else document
        entries.append({**entries[at], **values})

    return in_json(change)


def segment(**values):
    """Change the first segment of a panoptic file."""
    return in_json(lambda document: document["annotations"][0]["segments_info"][0].update(values))


def resized(mask):
    return np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)


def as_jpeg(path):
    Image.open(path).convert("RGB").save(path, "JPEG")
