"""Time from prompts on an embedding to masks of the picture's size, beside `segment-anything`, same weights.

    python benchmarks/decode.py                  # compact and sam_vit_b, random weights
    python benchmarks/decode.py compact --image photo.jpg --threads 2 --dtype float32

Ours ends in run-length codes, the peer in boolean masks. "decoder only" leaves both out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer import predictor
from timing import print_header, print_rows, seconds

from anymask.images import read_image
from anymask.models import Sam, build
from anymask.models.config import COMPACT, SAM_VIT_B
from anymask.predict import embed, predict
from anymask.types import Embedding, Prompt

CONFIGS = {"compact": COMPACT, "sam_vit_b": SAM_VIT_B}
PHOTO = Path(__file__).parents[1] / "src" / "anymask" / "assets" / "photos" / "cat.jpg"
Points = np.ndarray[Any, np.dtype[np.float32]]


def ours(model: Sam, embedding: Embedding, points: Points) -> Callable[[], object]:
    """Three masks for every point."""
    prompts = [Prompt(points=point[None]) for point in points]
    return lambda: predict(model, embedding, prompts)


def ours_decoder(model: Sam, embedding: Embedding, points: Points) -> Callable[[], object]:
    """Logits only."""
    arrays = [Prompt(points=point[None]).arrays(embedding.frame) for point in points]
    coords, labels = (torch.tensor(np.stack([a[i] for a in arrays]), device=model.device) for i in (0, 1))
    index = torch.zeros(len(points), dtype=torch.long, device=model.device)

    @torch.inference_mode()
    def call() -> object:
        return model.decode(embedding.features, embedding.skips, index, coords, labels)

    return call


def theirs(peer: Any, points: Points) -> Callable[[], object]:
    """Three masks for every point, through the call for batches."""
    scaled = peer.transform.apply_coords(points[:, None], peer.original_size)
    coords = torch.tensor(scaled, dtype=torch.float32, device=peer.device)
    labels = torch.ones(len(points), 1, dtype=torch.int, device=peer.device)
    return lambda: peer.predict_torch(coords, labels, multimask_output=True)[0].cpu().numpy()


def theirs_decoder(peer: Any, points: Points) -> Callable[[], object]:
    """Logits only."""
    coords = torch.tensor(
        peer.transform.apply_coords(points[:, None], peer.original_size), device=peer.device
    )
    labels = torch.ones(len(points), 1, dtype=torch.int, device=peer.device)
    model = peer.model

    @torch.no_grad()
    def call() -> object:
        sparse, dense = model.prompt_encoder(points=(coords, labels), boxes=None, masks=None)
        return model.mask_decoder(
            image_embeddings=peer.features,
            image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )

    return call


def main() -> None:
    """Measure the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help=", ".join(CONFIGS))
    parser.add_argument("--image", default=PHOTO)
    parser.add_argument("--prompts", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    image = read_image(options.image)
    size_wh = np.array(image.shape[1::-1], np.float32)
    print_header(f"decode clicks, three masks each, {image.shape[1]} x {image.shape[0]}, {options.dtype}")
    rows = []
    for name in options.models or list(CONFIGS):
        torch.manual_seed(0)
        model = build(CONFIGS[name]).eval().to(options.device, getattr(torch, options.dtype))
        embedding, peer = embed(model, image), None
        if name.startswith("sam_") and options.dtype == "float32":
            peer = predictor(model, name.removeprefix("sam_"))
            peer.set_image(image)
        for count in options.prompts:
            points = np.random.default_rng(0).random((count, 2), np.float32) * size_wh
            pairs = [("masks", ours(model, embedding, points), peer and theirs(peer, points))]
            only = peer and theirs_decoder(peer, points)
            pairs.append(("decoder only", ours_decoder(model, embedding, points), only))
            for what, mine, other in pairs:
                other_seconds = seconds(other, options.repeats) if other else None
                title = f"{name}, {count} prompt{'s' * (count > 1)}, {what}"
                rows.append((title, seconds(mine, options.repeats), other_seconds))
    print_rows(rows)


if __name__ == "__main__":
    main()
