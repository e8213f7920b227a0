"""`anymask eval proposals`: measure ranked automatic masks by average recall."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from anymask.cli.model_names import check_model
from anymask.cli.options.eval_proposals import Options
from anymask.cli.reports import by_set, check_report, open_all, print_report

__all__ = ["frequencies", "run"]


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.proposals`, print its table, write its report."""
    datasets = open_all(options.data, options.split)
    check_model(options.model)
    check_report(options.output, options.force)

    from anymask.cli.loading import load_network
    from anymask.evaluate import proposals

    config = proposals.ProposalsConfig(
        count=options.candidates,
        points_per_side=options.points_per_side,
        most_images=options.max_images,
        seed=options.seed,
    )
    model = load_network(options.model, device=options.device, offline=options.offline)
    rarity = frequencies(options.data)
    with by_set("images") as advance:
        report = proposals.run(model, datasets, config, advance, frequencies=rarity)
    print_report(report, options, datasets, what="Average recall")
    return 0


def frequencies(paths: Sequence[str]) -> Mapping[str, str]:
    """How frequent categories are, "r", "c" or "f", where JSON files say so, as that of LVIS does."""
    found: dict[str, str] = {}
    for path in (Path(path) for path in paths):
        if path.suffix.lower() == ".json":
            categories = json.loads(path.read_bytes()).get("categories", [])
            found |= {one["name"]: one["frequency"] for one in categories if "frequency" in one}
    return found
