"""`anymask tune`: learn one example from many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anymask.cli.commands.like import read_pair
from anymask.cli.console import out, progress
from anymask.data import of_category, open_dataset
from anymask.errors import InputError, OutputError
from anymask.files import check_target
from anymask.formats.example_masks import read_examples

__all__ = ["run"]


def run(
    *,
    data: str | None,
    category: str | None,
    split: str | None,
    max_images: int,
    example: Sequence[str],
    kind: Any,
    steps: int,
    model: str,
    device: str,
    offline: bool,
    output: str,
    force: bool,
) -> int:
    """Look at all that was given before the model is opened; the context is written when it is learned."""
    if Path(output).suffix.lower() != ".safetensors":
        raise OutputError(f"output must end in .safetensors, got {output}. Name it cat.safetensors, say.")
    check_target(output, force=force)
    if (data is None) != (category is None) or (data is None) == (not example):
        raise InputError("--data and --category, or else several --example, must be given. Give one of both.")
    palette = None
    if data is not None and category is not None:
        records = of_category(open_dataset(data, split=split), category, max_images)
    else:
        examples = read_examples([read_pair(text) for text in example])
        records, palette = list(examples.records), examples.palette

    from anymask.cli.loading import load_example_model
    from anymask.train.tune import TuneConfig, tune

    config = TuneConfig(steps=steps, kind=kind)
    opened = load_example_model(model, device=device, offline=offline).float()
    with progress("steps") as advance:
        learned = tune(
            opened,
            records,
            config,
            palette=palette,
            progress=lambda done, total, loss: advance(done, total, f"loss {loss:.4f}"),
        )
    learned.save(output, force=force)
    out(f"wrote {output}, learned from {len(records)} pictures")
    out(f"Use it by: anymask like --example {output} --model {model} PATH... -o OUT")
    return 0
