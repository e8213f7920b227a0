"""Time from a picture to its embedding, beside the package `segment-anything` with the same weights.

    python benchmarks/encode.py                  # compact and sam_vit_b, random weights
    python benchmarks/encode.py compact --image photo.jpg --threads 2 --dtype float32

`segment-anything` runs in the type of our model where it can; resizing the picture is part of both times.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from peer import predictor
from timing import print_header, print_rows, seconds

from anymask.images import read_image
from anymask.models import build
from anymask.models.config import COMPACT, SAM_VIT_B, SAM_VIT_H, SAM_VIT_L
from anymask.predict import embed, embed_batch

CONFIGS = {"compact": COMPACT, "sam_vit_b": SAM_VIT_B, "sam_vit_l": SAM_VIT_L, "sam_vit_h": SAM_VIT_H}
PHOTO = Path(__file__).parents[1] / "src" / "anymask" / "assets" / "photos" / "cat.jpg"


def main() -> None:
    """Measure the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help=", ".join(CONFIGS))
    parser.add_argument("--image", default=PHOTO)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=1, help="also so many pictures in one call")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    image = read_image(options.image)
    print_header(f"encode one picture, {image.shape[1]} x {image.shape[0]}, {options.dtype}")
    rows = []
    for name in options.models or ["compact", "sam_vit_b"]:
        config = CONFIGS[name]
        torch.manual_seed(0)
        model = build(config).eval().to(options.device, getattr(torch, options.dtype))
        ours = seconds(lambda model=model: embed(model, image), options.repeats)
        theirs = None
        if name.startswith("sam_") and options.dtype == "float32":
            peer = predictor(model, name.removeprefix("sam_"))
            theirs = seconds(lambda peer=peer: peer.set_image(image), options.repeats)
            error = (peer.features - embed(model, image).features).abs().max() / peer.features.abs().max()
            assert error < 1e-3, f"the embeddings differ by {error:.1e}"
        rows.append((f"{name}, {config.size} px", ours, theirs))
        if options.batch > 1:
            images = [image] * options.batch
            batch = seconds(lambda model=model, images=images: embed_batch(model, images), options.repeats)
            rows.append(
                (f"{name}, {config.size} px, of {options.batch} at once", batch / len(images), theirs)
            )
    print_rows(rows)


if __name__ == "__main__":
    main()
