"""The processes of a run: a single one, or several started by torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from anymask.models.devices import find_device

T = TypeVar("T")
BUCKET = 1 << 24
"""Largest number of gradient elements per message."""


@dataclass(frozen=True)
class Ranks:
    """This process: its number `rank` from 0, among `world` processes, and the device it computes on."""

    rank: int
    world: int
    device: torch.device

    @staticmethod
    def join(device: str) -> Ranks:
        """Join the process group described by torchrun's environment variables, if they are set.

        Raises `InputError` for a device that is not available.
        """
        world = int(os.environ.get("WORLD_SIZE", "1"))
        chosen = find_device(device)
        if world > 1:
            if chosen.type == "cuda":
                chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
                torch.cuda.set_device(chosen)
            distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        return Ranks(int(os.environ.get("RANK", "0")), world, chosen)

    def leave(self) -> None:
        """Leave the group."""
        if self.world > 1:
            distributed.destroy_process_group()

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Copy the values of the first process to all processes."""
        if self.world > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), 0)

    def total(self, count: int) -> int:
        """The sum of the counts of all processes."""
        if self.world == 1:
            return count
        number = torch.tensor(count, device=self.device)
        distributed.all_reduce(number)
        return int(number)

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks."""
        if self.world == 1:
            return [value]
        found: list[T | None] = [None] * self.world
        distributed.all_gather_object(found, value)
        return [it for it in found if it is not None]

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over all processes; one that is None everywhere stays None."""
        if self.world == 1:
            return
        trained = list(parameters)
        had = torch.tensor([p.grad is not None for p in trained], dtype=torch.int32, device=self.device)
        distributed.all_reduce(had)
        with_gradient = [p for p, count in zip(trained, had.tolist(), strict=True) if count]
        for bucket in _buckets(with_gradient):
            flat = torch.cat([_gradient(p).flatten() for p in bucket])
            distributed.all_reduce(flat)
            for p, part in zip(bucket, torch.split(flat, [p.numel() for p in bucket]), strict=True):
                p.grad = part.view_as(p).clone(memory_format=torch.preserve_format)


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _buckets(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        if bucket and sum(p.numel() for p in bucket) + parameter.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket
