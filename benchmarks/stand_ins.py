"""Measure the shipped models by the protocols of the tables, on validation shards in place of their data.

    python benchmarks/stand_ins.py SHARDS [--limit 12]

SHARDS is a folder with data sets as for training (dsb, trashcan, coco, voc, ...). Prints Markdown for
docs/tables-measured/.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from anymask import load_sam, open_dataset
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.masks import Pictured, measure_proposals
from anymask.evaluate.tables.models import PromptModel, prompt_model
from anymask.evaluate.tables.points import measure_points
from anymask.evaluate.tables.report import as_text
from anymask.evaluate.tables.running import RunOptions, run_table
from anymask.evaluate.tables.table import Items, Row, Table, TableSet, means
from anymask.inference.mask_generation.proposals import PROPOSALS, proposals


def stand_in(shards: Path, name: str, of: str, measure: Callable[[Any, Any], Row]) -> TableSet:
    """The validation shards of a data set in place of a data set of a table."""

    def opened(root: Path) -> Items:
        collection = open_dataset(root, split="val")
        return Items(list(collection.source.ids), collection.__getitem__)

    return TableSet(
        name=f"{name} (for {of})", home="", size="", licence="", folders=(name,), needs=("*",), open=opened,
        measure=measure, figures=means,
    )  # fmt: skip


def measured(table: Table, sets: tuple[TableSet, ...], model: PromptModel, options: Any) -> None:
    """Print a table of stand-ins."""
    chosen = replace(table, sets=sets, published=(), mean="mean")
    print(f"### {table.name}\n")
    print(
        as_text(run_table(chosen, model, options.shards, RunOptions(options.limit), name="compact")),
        flush=True,
    )


def main() -> None:
    """Points and proposals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("--limit", type=int, default=12)
    options = parser.parse_args()
    sam = load_sam("compact")
    model = prompt_model(sam)
    pairs = (("dsb", "BBBC038v1"), ("trashcan", "TrashCan"), ("coco", "LVIS"), ("leaves_dense", "PPDLS"))
    points = tuple(stand_in(options.shards, name, of, measure_points) for name, of in pairs)
    measured(TABLES["sam-points"], points, model, options)
    few = replace(PROPOSALS, points_per_side=16)
    quick = replace(model, proposals=lambda image, count: proposals(sam, image, count, few))
    recall = stand_in(
        options.shards, "coco", "LVIS v1 val, 16 x 16 points",
        lambda one, record: measure_proposals(one, Pictured(record, {})),
    )  # fmt: skip
    measured(TABLES["sam-proposals"], (recall,), quick, options)


if __name__ == "__main__":
    np.seterr(invalid="ignore")
    main()
