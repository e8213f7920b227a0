"""`anymask tune`: tune one context from many examples."""

from __future__ import annotations

from pathlib import Path

from anymask.cli.console import out, progress
from anymask.cli.like_inputs import read_pair
from anymask.cli.model_names import check_model
from anymask.cli.options.tune import Options
from anymask.data import of_category, open_dataset
from anymask.errors import InputError, OutputError
from anymask.files import check_target
from anymask.formats.example_masks import read_examples
from anymask.images.bands import read_bands

__all__ = ["run"]


def run(options: Options) -> int:
    """Check all input and output before the model is loaded; the context is written when it is tuned."""
    by_category = options.data is not None
    if by_category != (options.category is not None) or by_category == bool(options.example):
        raise InputError("--data and --category, or else several --example, must be given. Give one of both.")
    shown = read_bands(options.bands, options.stretch, options.limits)
    dataset = None if options.data is None else open_dataset(options.data, split=options.split, bands=shown)
    pairs = [read_pair(text) for text in options.example]
    examples = read_examples(pairs, bands=shown, many=options.many) if pairs else None
    if Path(options.output).suffix.lower() != ".safetensors":
        raise OutputError(
            f"output must end in .safetensors, got {options.output}. Name it cat.safetensors, for example."
        )
    check_model(options.model)
    check_target(options.output, force=options.force)
    if dataset is not None:
        records = of_category(dataset, str(options.category), options.max_images)
        palette = None
    else:
        assert examples is not None, "checked above"
        records, palette = list(examples.records), examples.palette

    from anymask.cli.loading import load_example_network
    from anymask.train.tune import TuneConfig, tune

    config = TuneConfig(steps=options.steps, kind=options.kind)
    model = load_example_network(options.model, device=options.device, offline=options.offline).float()
    with progress("steps") as advance:
        learned = tune(
            model,
            records,
            config,
            palette=palette,
            progress=lambda done, total, loss: advance(done, total, f"loss {loss:.4f}"),
        )
    learned.save(options.output, force=options.force)
    out(f"wrote {options.output}, tuned on {len(records)} images")
    out(f"To use it: anymask like --example {options.output} --model {options.model} PATH... -o OUT")
    return 0
