"""Train the text model on cached features: minutes on one core."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from anymask.errors import InputError
from anymask.files import write_atomic
from anymask.models.text.imagenet_head import ImageNetHead
from anymask.models.text.vocabulary import imagenet_names, phrase_of, together
from anymask.models.text.words import WordTable
from anymask.train.checkpoint import load_state, save_state
from anymask.train.text.config import TextConfig
from anymask.train.text.features import NOTHING, PART, Rows
from anymask.train.text.network import Batch, TextNetwork, Vocabulary, losses

__all__ = ["Examples", "fit", "gather", "write"]

Report: TypeAlias = Callable[[dict[str, Any]], None]

LEAST_SPREAD = 0.01
"""Least standard deviation of a feature."""
INSIDE = 1280
"""The first features are those that ImageNet's classifier reads, pooled inside the mask."""


@dataclass(frozen=True)
class Examples:
    """All rows of all data sets; names as phrases."""

    features: Tensor
    """(N, F) float16."""
    names: list[str]
    name_N: Tensor
    """As `Batch.name_B`."""
    set_N: Tensor
    own_SV: Tensor
    """bool: the names of each data set."""


def gather(rows: Mapping[str, Rows], words: WordTable, config: TextConfig) -> Examples:
    """The examples of a run. Raises InputError if no category has a phrase."""
    without = {phrase_of(name, words) for name in filter(None, config.without_names.split(","))}
    hidden = set(config.without_sets.split(","))
    phrases = {category: phrase_of(category, words) for one in rows.values() for category in set(one.names)}
    kept: list[tuple[int, int, str]] = []  # data set, row, phrase or kind
    for number, (title, one) in enumerate(rows.items()):
        for row, category in enumerate(one.names):
            phrase = phrases[category]
            if category in (NOTHING, PART):
                kept.append((number, row, NOTHING))
            elif phrase is not None:
                kept.append((number, row, "" if phrase in without or title in hidden else phrase))
    names = sorted({phrase for _, _, phrase in kept} - {"", NOTHING})
    if not names:
        raise InputError("data must hold masks with categories in English, got none. Choose other data sets.")
    place = {name: row for row, name in enumerate(names)} | {"": -1, NOTHING: -2}
    own = torch.zeros(len(rows), len(names), dtype=torch.bool)
    for number, _, phrase in kept:
        if place[phrase] >= 0:
            own[number, place[phrase]] = True
    features = [torch.from_numpy(one.features) for one in rows.values()]
    return Examples(
        torch.cat([features[number][[r for n, r, _ in kept if n == number]] for number in range(len(rows))]),
        names,
        torch.tensor([place[phrase] for _, _, phrase in kept]),
        torch.tensor([number for number, _, _ in kept]),
        own,
    )


def fit(
    examples: Examples,
    words: WordTable,
    head: ImageNetHead,
    config: TextConfig,
    folder: Path,
    report: Report,
) -> TextNetwork:
    """Train, or resume from the state in `folder`; returns the network.

    examples: see `gather`.
    words: the word table.
    head: ImageNet's head.
    config: the settings.
    folder: of the run.
    report: called with each line of metrics.
    """
    torch.manual_seed(config.seed)
    mean, std = _spread(examples.features)
    seen_NI = head.probabilities(examples.features[:, :INSIDE])
    vocabulary = _vocabulary(examples, seen_NI, words, config)
    network = TextNetwork(
        examples.features.shape[1], len(examples.names), config.width, config.dim, config.dropout
    )
    optimiser = torch.optim.AdamW(_groups(network, config.weight_decay), config.lr)
    step = _resumed(load_state(folder), network, optimiser)
    shares = _shares(examples)
    while step < config.steps:
        draw = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        torch.manual_seed(config.seed * 1_000_003 + step)
        rows = torch.multinomial(shares, config.batch, replacement=True, generator=draw)
        batch = Batch(
            (examples.features[rows].float() - mean) / std,
            examples.name_N[rows],
            examples.own_SV[examples.set_N[rows]],
            seen_NI[rows],
        )
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, config)
        parts = losses(network, batch, vocabulary, config.noise, config.forget)
        loss = parts[0] + config.imagenet * parts[1] + config.general * parts[2]
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        if step % config.every_log == 0 or step == config.steps:
            names = ("names", "imagenet", "general")
            report({"step": step} | {name: round(x.item(), 4) for name, x in zip(names, parts, strict=True)})
        if step % config.every_save == 0 or step == config.steps:
            save_state(
                folder, {"step": step, "network": network.state_dict(), "optimiser": optimiser.state_dict()}
            )
    return network.eval()


def write(network: TextNetwork, examples: Examples, head: ImageNetHead, words: WordTable, path: Path) -> None:
    """Write the weights that `models.text.namer.read_namer` reads, in half precision."""
    mean, std = _spread(examples.features)
    tensors = dict(network.state_dict()) | {"mean": mean, "std": std}
    tensors |= {"head.weight": head.weight, "head.bias": head.bias}
    stored = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}
    stored["together"] = torch.from_numpy(together(examples.names, words)).to(torch.uint8)
    write_atomic(path, save(stored, {"names": "\n".join(examples.names)}), force=True)


def _spread(features: Tensor) -> tuple[Tensor, Tensor]:
    plain = features.float()
    mean, std = plain.mean(0).half().float(), (plain.std(0) + LEAST_SPREAD).half().float()
    return mean, std


def _vocabulary(examples: Examples, seen_NI: Tensor, words: WordTable, config: TextConfig) -> Vocabulary:
    without = {phrase_of(name, words) or "" for name in config.without_names.split(",")}
    classes = imagenet_names(words, without)
    named = examples.name_N >= 0
    seen_VI = torch.zeros(len(examples.names), seen_NI.shape[1])
    seen_VI.index_add_(0, examples.name_N[named], seen_NI[named])
    count = torch.bincount(examples.name_N[named], minlength=len(examples.names))
    seen_VI /= count.clamp(min=1)[:, None]
    return Vocabulary(
        _vectors(examples.names, words),
        _vectors(classes.phrases, words),
        _vectors(classes.general, words),
        torch.from_numpy(together(examples.names, words)),
        torch.from_numpy(classes.members),
        seen_VI / seen_VI.amax(1, keepdim=True).clamp(min=0.02),
    )


def _vectors(phrases: Any, words: WordTable) -> Tensor:
    found: list[NDArray[np.float32]] = [words.vector(phrase) for phrase in phrases]
    return torch.from_numpy(np.stack(found)) if found else torch.zeros(0, 100)


def _groups(network: TextNetwork, weight_decay: float) -> list[dict[str, Any]]:
    plain = [network.known, network.scale, network.none]
    decayed = [*network.image.parameters(), *network.phrase.parameters()]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def _resumed(state: dict[str, Any] | None, network: TextNetwork, optimiser: torch.optim.Optimizer) -> int:
    if state is None:
        return 0
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _shares(examples: Examples) -> Tensor:
    """The share of the draws of each row: less for a row of a frequent name or a large data set."""
    key = examples.set_N * (len(examples.names) + 2) + examples.name_N + 2
    count, of_set = torch.bincount(key)[key].double(), torch.bincount(examples.set_N)[examples.set_N].double()
    return count**-0.5 * of_set**-0.25


def _rate(step: int, config: TextConfig) -> float:
    done = step / max(1, config.steps)
    return config.lr * min(1.0, (step + 1) / max(1, config.warmup)) * (1 + math.cos(math.pi * done)) / 2
