"""`anymask eval edges`: measure the edges of automatic masks."""

from __future__ import annotations

from anymask.cli.model_names import check_model
from anymask.cli.options.eval_edges import Options
from anymask.cli.reports import by_set, check_report, print_report

__all__ = ["run"]


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.edges`, print its table, write its report."""
    from anymask.cli.loading import load_network
    from anymask.evaluate import edges
    from anymask.evaluate.edge_matching import require_scipy

    require_scipy("sparse")
    folder = edges.EdgeFolder(options.data, options.split)
    check_model(options.model)
    check_report(options.output, options.force)
    config = edges.EdgesConfig(
        points_per_side=options.points_per_side,
        thresholds=options.thresholds,
        most_images=options.max_images,
        seed=options.seed,
    )
    model = load_network(options.model, device=options.device, offline=options.offline)
    with by_set("images") as advance:
        report = edges.run(model, folder, config, advance)
    print_report(report, options, {}, what="Matches within 0.0075 of the diagonal")
    return 0
