"""`anymask eval clicks`: measure a model by simulated clicks and boxes."""

from __future__ import annotations

from anymask.cli.console import out
from anymask.cli.model_names import check_model
from anymask.cli.options.eval_clicks import Options
from anymask.cli.reports import by_set, check_report, open_all, print_report

__all__ = ["run"]

HIDDEN = ("random_1",)
"""Figures that the report holds and the table leaves out, for width."""


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.clicks`, print its table, write its report."""
    datasets = open_all(options.data, options.split)
    for name in filter(None, (options.model, options.against)):
        check_model(name)
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
    model, against = (
        None if name is None else load_network(name, device=options.device, offline=options.offline)
        for name in (options.model, options.against)
    )
    assert model is not None, "it has a default"
    with by_set("images") as advance:
        report = clicks.run(model, datasets, config, advance, against=against)
    shown = [name for name in report.mean.numbers if name.removeprefix(clicks.GAIN) not in HIDDEN]
    gains = [name for name in shown if name.startswith(clicks.GAIN)]
    if gains and not options.as_json:
        out(f"{options.model} minus {options.against}, on the same masks:\n")
        out(f"{report.table(gains)}\n")
    print_report(report, options, datasets, columns=[name for name in shown if name not in gains])
    return 0
