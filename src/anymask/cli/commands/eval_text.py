"""`anymask eval text`: measure names for masks, and masks for names."""

from __future__ import annotations

from pathlib import Path

from anymask.cli.model_names import check_model
from anymask.cli.options.eval_text import Options
from anymask.cli.reports import by_set, check_report, open_all, print_report

__all__ = ["run"]


def run(options: Options) -> int:
    """Run the protocol of `anymask.evaluate.text`, print its table, write its report."""
    datasets = open_all(options.data, options.split)
    check_model(options.model)
    check_report(options.output, options.force)

    from anymask.cli.loading import load_model
    from anymask.evaluate import text
    from anymask.inference.text.find import FindConfig
    from anymask.models.text.namer import open_namer, read_namer
    from anymask.models.text.words import shipped_words

    find = FindConfig() if options.threshold is None else FindConfig(threshold=options.threshold)
    config = text.TextEvalConfig(
        find=find,
        search=not options.names_only,
        most_images=options.max_images,
        new=tuple(filter(None, options.new.split(","))),
        seed=options.seed,
    )
    weights = options.weights
    namer = open_namer() if weights is None else read_namer(Path(weights), shipped_words())
    whole = datasets if options.split is None else open_all(options.data)
    names = {name: text.phrases_of(records, namer) for name, records in whole.items()}
    model = load_model(options.model, device=options.device, offline=options.offline)
    with by_set("images") as advance:
        report = text.run(model, namer, datasets, names, config, advance)
    print_report(report, options, datasets, what="Shares of masks and names")
    return 0
