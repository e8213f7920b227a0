"""Time from clicks on an embedding to masks, compared with `segment-anything` and `transformers`.

    python benchmarks/decode.py                  # compact and sam_vit_b
    python benchmarks/decode.py compact --image photo.jpg --threads 2

Three masks per click. "masks": anymask returns run lengths at the image size, `segment-anything` boolean
masks of that size. "logits": the decoder alone, at a quarter of the model's input size. The compact model
uses its own weights, in PyTorch. All others use random weights, the same for anymask and `segment-anything`,
and a random embedding. Both are smoothed as in `automatic.py`, so that masks are regions and not noise.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from peer import predictor, transformers_model
from random_weights import smooth_features, smoothed
from timing import OURS, RELEASED, Spent, add_options, in_turns, parse, print_header, print_table

from anymask.geometry.frame import Frame
from anymask.geometry.rle import iou
from anymask.images.read import read_image
from anymask.inference.promptable.decode import DECODE_CELLS
from anymask.inference.promptable.predict import embed, predict
from anymask.models import Sam, build, load
from anymask.models.config import SAM_VIT_B
from anymask.types import Embedding, Prompt

TYPES = ("float32", "bfloat16")
Points = np.ndarray[Any, np.dtype[np.float32]]
Calls = dict[str, Callable[[], object]]


def ours(model: Sam, embedding: Embedding, points: Points, kind: str) -> tuple[Calls, Calls]:
    """Calls that compute masks, and calls that compute logits."""
    prompts = [Prompt(points=point[None]) for point in points]
    arrays = [prompt.arrays(embedding.frame) for prompt in prompts]
    coords, labels = (torch.tensor(np.stack([a[i] for a in arrays]), device=model.device) for i in (0, 1))
    index = torch.zeros(len(points), dtype=torch.long, device=model.device)
    cells = embedding.frame.grid_hw[0] * embedding.frame.grid_hw[1]
    parts = torch.arange(len(points), device=model.device).split(max(1, DECODE_CELLS // cells))
    name = f"{OURS} {kind}"

    def logits() -> object:  # in the batches that `predict` uses
        seen = embedding.features, embedding.skips
        decoded = (model.decode_tokens(*seen, index[p], coords[p], labels[p]) for p in parts)
        return torch.cat([model.mask_logits(some, slice(1, None)) for some in decoded])

    return {name: lambda: predict(model, embedding, prompts)}, {name: logits}


def released(peer: Any, points: Points) -> tuple[Calls, Calls]:
    """The same for `segment-anything`, with its batch API."""
    scaled = peer.transform.apply_coords(points[:, None], peer.original_size)
    coords = torch.tensor(scaled, dtype=torch.float32, device=peer.device)
    labels = torch.ones(len(points), 1, dtype=torch.int, device=peer.device)
    model, name = peer.model, f"{RELEASED} float32"

    def logits() -> object:
        sparse, dense = model.prompt_encoder(points=(coords, labels), boxes=None, masks=None)
        pe = model.prompt_encoder.get_dense_pe()
        return model.mask_decoder(peer.features, pe, sparse, dense, multimask_output=True)

    return {name: lambda: peer.predict_torch(coords, labels)[0].cpu().numpy()}, {name: logits}


def transformers(peer: Any, points: Points, kind: str) -> tuple[Calls, Calls]:
    """The same for `transformers`, which returns logits."""
    features = torch.randn(1, 256, 64, 64).to(peer.device, peer.dtype)
    coords = torch.tensor(points, dtype=peer.dtype, device=peer.device)[None, :, None]
    labels = torch.ones(1, len(points), 1, dtype=torch.long, device=peer.device)

    def logits() -> object:
        return peer(image_embeddings=features, input_points=coords, input_labels=labels).pred_masks

    return {}, {f"transformers {kind}": logits}


def embeddings(name: str, options: argparse.Namespace) -> tuple[Sam, Embedding]:
    """A model in float32 and the embedding of the image."""
    torch.manual_seed(0)
    image = read_image(options.image)
    if name == "compact":
        model = load(name, device=options.device, dtype="float32", runtime="torch")
        return model, embed(model, image)
    model = smoothed(build(SAM_VIT_B).eval()).to(options.device)
    frame = Frame.fit(image.shape[:2], 1024, square=True)
    features = smooth_features().to(options.device).contiguous(memory_format=torch.channels_last)
    return model, Embedding(features, (), frame, model.fingerprint)


def converted(model: Sam, embedding: Embedding, kind: str) -> tuple[Sam, Embedding]:
    """Both in another data type."""
    model = copy.deepcopy(model).to(dtype=getattr(torch, kind))
    features, *skips = (part.to(model.dtype) for part in (embedding.features, *embedding.skips))
    return model, Embedding(features, tuple(skips), embedding.frame, model.fingerprint)


def measure(name: str, options: argparse.Namespace) -> dict[str, dict[str, Spent]]:
    """The table rows of one model."""
    model, embedding = embeddings(name, options)
    height, width = embedding.frame.size_hw
    rng = np.random.default_rng(0)
    sets = {count: rng.random((count, 2), np.float32) * (width, height) for count in options.clicks}
    own = {kind: converted(model, embedding, kind) for kind in TYPES}
    makers: list[Callable[[Points], tuple[Calls, Calls]]] = []
    if name == "sam_vit_b" and options.peers:
        peer = predictor(model, "vit_b")
        peer.features, peer.is_image_set = embedding.features, True
        peer.original_size, peer.input_size = embedding.frame.size_hw, embedding.frame.scaled_hw
        others = {kind: transformers_model(options.device, kind) for kind in TYPES}
        makers.append(partial(released, peer))
        makers += [partial(transformers, other, kind=kind) for kind, other in others.items()]
    makers += [partial(ours, *it, kind=kind) for kind, it in own.items()]
    rows: dict[str, dict[str, Spent]] = {}
    for count, points in sets.items():
        made = [make(points) for make in makers]
        for i, what in enumerate(("masks", "logits")):
            calls = {who: call for some in made for who, call in some[i].items()}
            repeats = options.repeats if count < 10 else max(1, options.repeats // 3)
            title = f"{name}, {count} click{'s' * (count > 1)}, {what}"
            rows[title] = in_turns(calls, repeats)
    prompts = [Prompt(points=point[None]) for point in sets[max(sets)]]
    answers = [predict(*it, prompts) for it in own.values()]
    same = [iou([a], [b])[0, 0] for a, b in zip(*(masks.rles for masks in answers), strict=True)]
    print(f"{name}: IoU of bfloat16 with float32: mean {np.mean(same):.4f}, median {np.median(same):.4f}")
    return rows


@torch.inference_mode()
def main() -> None:
    """Measure the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="compact, sam_vit_b")
    parser.add_argument("--clicks", type=int, nargs="*", default=[1, 64])
    add_options(parser, repeats=9)
    options = parse(parser)
    print_header("from clicks on an embedding to three masks each")
    rows: dict[str, dict[str, Spent]] = {}
    for name in options.models or ["compact", "sam_vit_b"]:
        rows |= measure(name, options)
    columns = [f"{who} {kind}" for who in (RELEASED, "transformers", OURS) for kind in TYPES]
    print_table([name for name in columns if any(name in times for times in rows.values())], rows)


if __name__ == "__main__":
    main()
