"""`anymask eval edges` and `anymask eval proposals`: measure masks of everything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from anymask.cli.commands.evaluate import by_set, check_report, open_all, tell

__all__ = ["edges", "proposals"]


def edges(
    *,
    data: str,
    split: str,
    model: str,
    device: str,
    offline: bool,
    points_per_side: int,
    thresholds: int,
    max_images: int | None,
    seed: int,
    output: str | None,
    as_json: bool,
    force: bool,
) -> int:
    """Run the protocol of `anymask.evaluate.edges`, print its table, write its report."""
    check_report(output, force)

    from anymask.cli.loading import load_model
    from anymask.evaluate.edges import EdgeFolder, EdgesConfig, run
    from anymask.evaluate.matching import require_scipy

    require_scipy("sparse")
    config = EdgesConfig(
        points_per_side=points_per_side, thresholds=thresholds, most_images=max_images, seed=seed
    )
    folder = EdgeFolder(data, split)
    opened = load_model(model, device=device, offline=offline)
    with by_set("pictures") as advance:
        report = run(opened, folder, config, advance)
    what = "Matches within 0.0075 of the diagonal"
    tell(report, {}, list(report.mean.numbers), model, output, what=what, as_json=as_json, force=force)
    return 0


def proposals(
    *,
    data: Sequence[str],
    split: str | None,
    model: str,
    device: str,
    offline: bool,
    points_per_side: int,
    count: int,
    max_images: int | None,
    seed: int,
    output: str | None,
    as_json: bool,
    force: bool,
) -> int:
    """Run the protocol of `anymask.evaluate.proposals`, print its table, write its report."""
    check_report(output, force)
    datasets = open_all(data, split)

    from anymask.cli.loading import load_model
    from anymask.evaluate.proposals import ProposalsConfig, run

    config = ProposalsConfig(count=count, points_per_side=points_per_side, most_images=max_images, seed=seed)
    opened = load_model(model, device=device, offline=offline)
    with by_set("pictures") as advance:
        report = run(opened, datasets, config, advance, frequencies=frequencies(data))
    what, columns = "Average recall", list(report.mean.numbers)
    tell(report, datasets, columns, model, output, what=what, as_json=as_json, force=force)
    return 0


def frequencies(paths: Sequence[str]) -> Mapping[str, str]:
    """How frequent categories are, "r", "c" or "f", where JSON files tell, as that of LVIS does."""
    found: dict[str, str] = {}
    for path in (Path(path) for path in paths):
        if path.suffix.lower() == ".json":
            categories = json.loads(path.read_bytes()).get("categories", [])
            found |= {one["name"]: one["frequency"] for one in categories if "frequency" in one}
    return found
