"""`anymask eval clicks`: measure a model by simulated clicks and boxes."""

from __future__ import annotations

from anymask.cli.model_names import check_model
from anymask.cli.options.eval_clicks import Options
from anymask.cli.reports import by_set, check_report, open_all, print_report

__all__ = ["run"]

HIDDEN = ("random_1",)
"""Figures that the report holds and the table leaves out, for width."""


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.clicks`, print its table, write its report."""
    datasets = open_all(options.data, options.split)
    check_model(options.model)
    check_report(options.output, options.force)

    from anymask.cli.loading import load_network
    from anymask.evaluate import clicks

    config = clicks.ClicksConfig(
        grabcut_masks=None if options.baseline == "grabcut" else 0,
        most_images=options.max_images,
        most_masks=options.max_masks,
        zoom=options.zoom,
        seed=options.seed,
    )
    model = load_network(options.model, device=options.device, offline=options.offline)
    with by_set("images") as advance:
        report = clicks.run(model, datasets, config, advance)
    columns = [name for name in report.mean.numbers if name not in HIDDEN]
    print_report(report, options, datasets, columns=columns)
    return 0
