"""`anymask eval fewshot`: measure an in-context model on classes that examples show."""

from __future__ import annotations

from anymask.cli.model_names import check_model
from anymask.cli.options.eval_fewshot import Options
from anymask.cli.reports import by_set, check_report, open_all, print_report

__all__ = ["run"]


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.fewshot`, print its table, write its report."""
    datasets = open_all(options.data, options.split)
    check_model(options.model)
    check_report(options.output, options.force)

    from anymask.cli.loading import load_example_network
    from anymask.evaluate import fewshot

    config = fewshot.FewshotConfig(
        tuple(options.shots), options.ensemble, options.max_queries, seed=options.seed
    )
    model = load_example_network(options.model, device=options.device, offline=options.offline)
    with by_set("queries") as advance:
        report = fewshot.run(model, datasets, config, advance)
    print_report(report, options, datasets)
    return 0
