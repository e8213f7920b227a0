"""`anymask eval automatic`: measure automatic masks by recall, precision and boundaries."""

from __future__ import annotations

from anymask.cli.options.eval_automatic import Options
from anymask.cli.reports import by_set, check_report, open_all, print_report

__all__ = ["run"]

COLUMNS = (
    "f1_50", "recall_50", "precision_50", "f1_unique", "ar", "f1_75", "boundary", "outline", "islands",
    "coverage", "masks", "seconds",
)  # fmt: skip
"""The figures in the table; the report has all."""


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.automatic`, print its table, write its report."""
    datasets = open_all(options.data, options.split)
    check_report(options.output, options.force)

    from anymask.cli.loading import load_network
    from anymask.evaluate import automatic

    config = automatic.AutomaticConfig(
        points_per_side=options.points_per_side,
        crop_layers=options.crops,
        refine=False if options.one_pass else None,
        detector=options.detector,
        most_images=options.max_images,
        seed=options.seed,
    )
    model = load_network(options.model, device=options.device, offline=options.offline)
    with by_set("images") as advance:
        report = automatic.run(model, datasets, config, advance)
    print_report(report, options, datasets, columns=COLUMNS, what="Automatic masks")
    return 0
