"""`anymask eval calibration`: measure how well predicted IoUs agree with real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from anymask.cli.console import note, out, out_json
from anymask.cli.model_names import check_model
from anymask.cli.options.eval_calibration import Options
from anymask.cli.reports import by_set, check_report, open_all
from anymask.files import check_target, write_atomic

if TYPE_CHECKING:
    from anymask.evaluate.calibration import Reliability

__all__ = ["run"]


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.calibration`, print its table, write what is asked for."""
    datasets = open_all(options.data, options.split)
    check_model(options.model)
    check_report(options.output, options.force)
    for target in (options.plot, options.corrected_model):
        if target is not None:
            check_target(target, force=options.force)

    from anymask.cli.loading import load_network
    from anymask.evaluate.calibration import collect, reliability
    from anymask.evaluate.clicks import ClicksConfig

    config = ClicksConfig(
        most_images=options.max_images, most_masks=options.max_masks, zoom=options.zoom, seed=options.seed
    )
    model = load_network(options.model, device=options.device, offline=options.offline)
    with by_set("images") as advance:
        pairs = collect(model, datasets, config, advance)
    found = {kind: reliability(*pair) for kind, pair in pairs.items()}
    figures = {kind: _figures(one) for kind, one in found.items()}
    if options.as_json:
        out_json(figures)
    else:
        out(_table(figures))
    _write(options, figures, found, pairs)
    return 0


def _write(
    options: Options, figures: Mapping[str, Any], found: Mapping[str, Reliability], pairs: Mapping[str, Any]
) -> None:
    """Write the files that the options name, and print their names."""
    from anymask.evaluate.calibration import correct, draw
    from anymask.images.write import write_png
    from anymask.models import load_sam, save

    if options.output is not None:
        write_atomic(options.output, (json.dumps(figures, indent=1) + "\n").encode(), force=options.force)
    if options.plot is not None:
        write_png(draw(found), options.plot, force=options.force)
    if options.corrected_model is not None:
        model = load_sam(options.model, runtime="torch", device="cpu", dtype="float32", offline=True)
        save(correct(model, pairs), options.corrected_model)
    for written in (options.output, options.plot, options.corrected_model):
        if written is not None:
            (note if options.as_json else out)(f"wrote {written}")


def _figures(found: Reliability) -> dict[str, Any]:
    return {
        "masks": int(found.counts.sum()),
        "error": found.error,
        "counts": found.counts.tolist(),
        "score": np.nan_to_num(found.scores).tolist(),
        "iou": np.nan_to_num(found.ious).tolist(),
    }


def _table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """One row per kind of prompt; columns of bins with the real IoU, and how many masks it is the mean of."""
    bins = len(next(iter(figures.values()))["counts"])
    heads = [f"{place / bins:.1f}-{(place + 1) / bins:.1f}" for place in range(bins)]
    rows = [["real IoU by predicted", "masks", "error", *heads], ["---"] + ["---:"] * (2 + bins)]
    for kind, one in figures.items():
        cells = [
            f"{iou:.2f} ({count})" if count else "-"
            for iou, count in zip(one["iou"], one["counts"], strict=True)
        ]
        rows.append([kind, str(one["masks"]), f"{one['error']:.3f}", *cells])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
