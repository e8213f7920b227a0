"""The same canvases as `transformers.SegGptForImageSegmentation`, from the folder it saves.

The feature ensemble is not compared: the port averages the streams off by one block
(tests/unit/models/test_painter.py has the plain form of the released code).
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from anymask.models import Painter, load
from anymask.models.config import PainterConfig

from .conftest import assert_close, randomise

pytestmark = pytest.mark.parity


def build_peer(package: Any, size: int) -> Any:
    config = package.SegGptConfig(
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=2,
        image_size=[2 * size, size],
        pretrain_image_size=64,
        decoder_hidden_size=8,
        merge_index=2,
        intermediate_hidden_state_indices=[2, 3, 5],
        mlp_dim=96,
    )
    peer = package.SegGptForImageSegmentation(config).eval()
    randomise(peer, seed=size)
    return peer


@pytest.fixture(scope="module", params=[64, 112])
def pair(request: pytest.FixtureRequest, transformers: Any, tmp_path_factory: Any) -> tuple[Any, Painter]:
    """The port with random weights, and ours opened from the folder it saved."""
    peer = build_peer(transformers, request.param)
    folder = tmp_path_factory.mktemp("port")
    peer.save_pretrained(folder)
    model = load(folder, device="cpu", dtype="float32")
    assert isinstance(model, Painter)
    return peer, model


def draw(model: Painter, count: int) -> tuple[torch.Tensor, ...]:
    """Examples, their targets and as many queries, (count, 3, P, P) each."""
    side = model.config.size
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(count, 3, side, side, generator=generator) for _ in range(3))


def test_configuration_is_read(pair: tuple[Any, Painter]) -> None:
    assert pair[1].config == PainterConfig(
        dim=32,
        depth=6,
        heads=2,
        mlp_ratio=3.0,
        size=pair[1].config.size,
        positions=4,
        merge=2,
        taps=(2, 3, 5),
        head_channels=8,
    )


@pytest.mark.parametrize("kind", ["semantic", "instance"])
def test_the_answer_is_the_same(kind: str, pair: tuple[Any, Painter]) -> None:
    peer, model = pair
    examples, targets, queries = draw(model, 1)
    with torch.inference_mode():
        theirs = peer(queries, examples, targets, embedding_type=kind).pred_masks
        ours = model.inpaint(examples, targets, queries[0], instance=kind == "instance")
    assert_close(ours, theirs[0, :, model.config.size :])


def test_whole_canvases_are_the_same(pair: tuple[Any, Painter]) -> None:
    peer, model = pair
    examples, targets, queries = draw(model, 2)
    labels = torch.randn(targets.shape, generator=torch.Generator().manual_seed(2))
    side = model.config.size // model.config.patch
    hidden = torch.rand(2, 2 * side, side, generator=torch.Generator().manual_seed(3)) < 0.75
    with torch.inference_mode():
        theirs = peer(
            queries,
            examples,
            targets,
            labels=labels,
            bool_masked_pos=hidden.flatten(1),
            embedding_type="instance",
        ).pred_masks
        ours = model(
            torch.cat([examples, queries], 2),
            torch.cat([targets, labels], 2),
            hidden,
            torch.tensor([True, True]),
        )
    assert_close(ours, theirs)
