"""Time from an image to its embedding, compared with `segment-anything` and `transformers`.

    python benchmarks/encode.py                  # compact and sam_vit_b, random weights
    python benchmarks/encode.py compact --image photo.jpg --threads 2

`segment-anything` uses anymask's weights and must produce the same embedding; `transformers` uses random
weights of the same shape. All times include resizing the image, except for `transformers`.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from functools import partial

import torch
from peer import predictor, transformers_model
from timing import OURS, RELEASED, Spent, add_options, in_turns, parse, print_header, print_table

from anymask.images.read import read_image
from anymask.inference.promptable.predict import embed, embed_batch
from anymask.models import build
from anymask.models.compiling import compile_parts
from anymask.models.config import COMPACT, SAM_VIT_B, SAM_VIT_H, SAM_VIT_L

CONFIGS = {"compact": COMPACT, "sam_vit_b": SAM_VIT_B, "sam_vit_l": SAM_VIT_L, "sam_vit_h": SAM_VIT_H}
TYPES = ("float32", "bfloat16")


def measure(name: str, options: argparse.Namespace) -> dict[str, dict[str, Spent]]:
    """The table rows of one model."""
    torch.manual_seed(0)
    image, model = read_image(options.image), build(CONFIGS[name]).eval().to(options.device)
    expected = embed(model, image).features
    calls: dict[str, Callable[[], object]] = {}
    if name.startswith("sam_") and options.peers:
        peer = predictor(model, name.removeprefix("sam_"))
        calls[f"{RELEASED} float32"] = partial(peer.set_image, image)
        peer.set_image(image)
        error = (peer.features - expected).abs().max() / expected.abs().max()
        assert error < 1e-3, f"the embeddings differ by {error:.1e}"
        for kind in TYPES if name == "sam_vit_b" else ():
            other = transformers_model(options.device, kind)
            pixels = torch.zeros(1, 3, 1024, 1024, device=options.device, dtype=other.dtype)
            calls[f"transformers {kind}"] = partial(other.get_image_embeddings, pixels)
    for kind in TYPES:
        own = copy.deepcopy(model).to(dtype=getattr(torch, kind))
        if options.compile:
            compile_parts(own)
        calls[f"{OURS} {kind}"] = partial(embed, own, image)
        error = (embed(own, image).features.float() - expected).norm() / expected.norm()
        print(f"{name} {kind}: embedding differs from float32 by {error:.4f} of its norm")
    timed = partial(in_turns, repeats=options.repeats)
    rows = {f"{name}, {model.config.size} px": timed(calls)}
    if options.batch > 1:
        whole = timed({f"{OURS} {TYPES[-1]}": partial(embed_batch, own, [image] * options.batch)})
        rows[f"{name}, batch of {options.batch}, per image"] = {
            who: Spent(*(part / options.batch for part in it)) for who, it in whole.items()
        }
    return rows


@torch.inference_mode()
def main() -> None:
    """Measure the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help=", ".join(CONFIGS))
    parser.add_argument("--batch", type=int, default=1, help="also time a batch of this size, per image")
    parser.add_argument("--compile", action="store_true", help="compile anymask's model")
    add_options(parser, repeats=3)
    options = parse(parser)
    print_header("from an image to its embedding")
    rows: dict[str, dict[str, Spent]] = {}
    for name in options.models or ["compact", "sam_vit_b"]:
        rows |= measure(name, options)
    columns = [f"{who} {kind}" for who in (RELEASED, "transformers", OURS) for kind in TYPES]
    print_table([name for name in columns if any(name in times for times in rows.values())], rows)


if __name__ == "__main__":
    main()
