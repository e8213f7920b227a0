"""Time from a picture to its embedding, beside `segment-anything` and `transformers`.

    python benchmarks/encode.py                  # compact and sam_vit_b, random weights
    python benchmarks/encode.py compact --image photo.jpg --threads 2

`segment-anything` has the weights of ours, and its embedding must be the same; `transformers` has random ones
of the same shape. Resizing the picture is part of all times but that of `transformers`.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from peer import predictor, transformers_model
from timing import OURS, RELEASED, add_options, parse, print_header, print_table, seconds

from anymask.images import read_image
from anymask.models import build
from anymask.models.config import COMPACT, SAM_VIT_B, SAM_VIT_H, SAM_VIT_L
from anymask.predict import embed, embed_batch

CONFIGS = {"compact": COMPACT, "sam_vit_b": SAM_VIT_B, "sam_vit_l": SAM_VIT_L, "sam_vit_h": SAM_VIT_H}
TYPES = ("float32", "bfloat16")


def measure(name: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The rows of one model."""
    timed = partial(seconds, processor=options.processor_time)
    torch.manual_seed(0)
    image, model = read_image(options.image), build(CONFIGS[name]).eval().to(options.device)
    times: dict[str, float] = {}
    rows = {f"{name}, {model.config.size} px": times}
    expected = embed(model, image).features
    if name.startswith("sam_") and options.peers:
        peer = predictor(model, name.removeprefix("sam_"))
        times[f"{RELEASED} float32"] = timed(lambda: peer.set_image(image), 1)
        error = (peer.features - expected).abs().max() / expected.abs().max()
        assert error < 1e-3, f"the embeddings differ by {error:.1e}"
        del peer
        pixels = torch.zeros(1, 3, 1024, 1024, device=options.device)
        for kind in TYPES if name == "sam_vit_b" else ():
            other = transformers_model(options.device, kind)
            some = pixels.to(other.dtype)
            times[f"transformers {kind}"] = timed(lambda o=other, s=some: o.get_image_embeddings(s), 1)
            del other
    for kind in TYPES:
        own = model.to(dtype=getattr(torch, kind))
        times[f"{OURS} {kind}"] = timed(lambda own=own: embed(own, image), options.repeats)
        error = (embed(own, image).features.float() - expected).norm() / expected.norm()
        print(f"{name} {kind}: embedding differs from float32 by {error:.4f} of its norm")
    if options.batch > 1:
        images = [image] * options.batch
        batch = timed(lambda: embed_batch(own, images), options.repeats) / options.batch
        rows[f"{name}, of {options.batch} at once"] = {f"{OURS} {TYPES[-1]}": batch}
    return rows


@torch.inference_mode()
def main() -> None:
    """Measure the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help=", ".join(CONFIGS))
    parser.add_argument("--batch", type=int, default=1, help="also so many pictures in one call")
    add_options(parser, repeats=3)
    options = parse(parser)
    print_header("from a picture to its embedding")
    rows: dict[str, dict[str, float]] = {}
    for name in options.models or ["compact", "sam_vit_b"]:
        rows |= measure(name, options)
    columns = [f"{who} {kind}" for who in (RELEASED, "transformers", OURS) for kind in TYPES]
    print_table([name for name in columns if any(name in times for times in rows.values())], rows)


if __name__ == "__main__":
    main()
