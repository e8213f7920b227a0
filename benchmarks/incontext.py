"""Time to paint one query from examples, compared with `SegGptForImageSegmentation` on the same weights.

    python benchmarks/incontext.py                          # SegGPT ViT-L, random weights, one example
    python benchmarks/incontext.py --depth 6 --examples 1 8 # quick: 6 of the 24 blocks

Both receive the canvas of 896 x 448 as tensors. Outputs are compared with those of `transformers` in float32:
the largest difference relative to the largest value, and the IoU of the masks above the median colour. With
several examples `transformers` averages the streams in a different block, so outputs are then compared with
those of anymask in float32.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import replace
from typing import Any

import torch
from timing import Spent, print_header, spent
from torch import Tensor

from anymask.models import Painter, build
from anymask.models.config import SEGGPT_VIT_L, PainterConfig

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main() -> None:
    """Measure the requested numbers of examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, nargs="+", default=[1])
    parser.add_argument("--depth", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=1, help="after a warm-up run; 0 times the first run")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--ours", nargs="*", default=list(TYPES))
    parser.add_argument("--theirs", nargs="*", default=list(TYPES))
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    depth, config = options.depth, SEGGPT_VIT_L
    if depth != config.depth:
        config = replace(config, depth=depth, taps=tuple(range(depth - len(config.taps), depth)))
    print_header(f"SegGPT ViT-L, {depth} blocks, random weights, one query of {config.size} px")
    torch.manual_seed(0)
    model = build(config).eval()
    for count in options.examples:
        measure(model, draw(config, count), options)


def measure(model: Painter, given: tuple[Tensor, ...], options: argparse.Namespace) -> None:
    """Time both in each data type and print one row for each."""
    count = len(given[0])
    reference = ours(model, given, torch.float32)  # anymask's; with one example replaced by the reference's
    times = {}
    for name in options.theirs:
        peer = port(model).to(TYPES[name])
        times[name], answer = timed(lambda peer=peer, name=name: theirs(peer, given, TYPES[name]), options)
        report(f"{count} examples, transformers {name}", times[name], answer, reference, {})
        if count == 1 and name == "float32":
            reference = answer
        del peer
    for name in options.ours:
        typed = copy.deepcopy(model).to(TYPES[name])
        took, answer = timed(lambda typed=typed, name=name: ours(typed, given, TYPES[name]), options)
        report(f"{count} examples, anymask {name}", took, answer, reference, times)


def timed(call: Any, options: argparse.Namespace) -> tuple[Spent, Tensor]:
    """What it took, and the output."""
    kept: list[Tensor] = []
    if options.repeats:
        return spent(lambda: kept.append(call()), options.repeats), kept[-1]
    start, busy = time.perf_counter(), time.process_time()
    answer: Tensor = call()
    return Spent(time.perf_counter() - start, time.process_time() - busy), answer


def report(what: str, took: Spent, answer: Tensor, reference: Tensor, peers: dict[str, Spent]) -> None:
    """Print one line: seconds, error to the reference, speed-up over each peer."""
    error = float((answer - reference).abs().max() / reference.abs().max())
    masks = [one > reference.median() for one in (answer, reference)]
    iou = float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())
    faster = ", ".join(f"{other.wall / took.wall:.2f}x {name}" for name, other in peers.items())
    print(
        f"{what:36} {took.wall:8.2f} s ({took.processor:.2f} s CPU)   "
        f"error {error:.1e}   IoU {iou:.4f}   {faster}",
        flush=True,
    )


def draw(config: PainterConfig, count: int) -> tuple[Tensor, ...]:
    """Examples and targets (N, 3, P, P), the query (3, P, P): noise that is smooth between neighbours."""
    coarse = torch.randn(2 * count + 1, 3, 28, 28)
    fine = torch.nn.functional.interpolate(coarse, (config.size, config.size), mode="bilinear")
    return fine[:count], fine[count:-1], fine[-1]


@torch.inference_mode()
def ours(model: Painter, given: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
    """The painted query (3, P, P) by anymask."""
    return model.inpaint(*(one.to(dtype) for one in given), instance=True)


@torch.inference_mode()
def theirs(peer: Any, given: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
    """The painted query (3, P, P) by `transformers`."""
    examples, targets, query = (one.to(dtype) for one in given)
    count = len(examples)
    painted = peer(
        pixel_values=query.expand(count, -1, -1, -1),
        prompt_pixel_values=examples,
        prompt_masks=targets,
        embedding_type="instance",
        feature_ensemble=count > 1,
    ).pred_masks
    return painted[0, :, query.shape[-1] :].float()


def port(model: Painter) -> Any:
    """The `transformers` port with our weights."""
    from transformers import SegGptConfig, SegGptForImageSegmentation

    config = model.config
    peer = SegGptForImageSegmentation(
        SegGptConfig(num_hidden_layers=config.depth, intermediate_hidden_state_indices=list(config.taps))
    )
    state = {their_name(name): tensor.float() for name, tensor in model.state_dict().items()}
    peer.load_state_dict(state, strict=True)
    return peer.eval()


def their_name(name: str) -> str:
    """The name of our parameter in `transformers`."""
    heads = {
        "decoder_embed.": "decoder.decoder_embed.",
        "decoder_pred.0.": "decoder.decoder_pred.conv.",
        "decoder_pred.1.": "decoder.decoder_pred.layernorm.",
        "decoder_pred.3.": "decoder.decoder_pred.head.",
        "blocks.": "model.encoder.layers.",
        "norm.": "model.encoder.layernorm.",
        "patch_embed.proj.": "model.embeddings.patch_embeddings.projection.",
        "pos_embed": "model.embeddings.position_embeddings",
        "segment_token_x": "model.embeddings.segment_token_input",
        "segment_token_y": "model.embeddings.segment_token_prompt",
        "type_token_cls": "model.embeddings.type_token_semantic",
        "type_token_ins": "model.embeddings.type_token_instance",
        "mask_token": "model.embeddings.mask_token",
    }
    parts = {".attn.": ".attention.", ".norm1.": ".layernorm_before.", ".norm2.": ".layernorm_after."}
    ours = next(start for start in heads if name.startswith(start))
    out = heads[ours] + name[len(ours) :]
    for part, theirs in parts.items():
        out = out.replace(part, theirs)
    return out


if __name__ == "__main__":
    main()
