"""The terms of the loss against their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from anymask.errors import InputError
from anymask.train.losses import LossWeights, bce, dice, focal, mask_loss, prompt_loss, real_iou

ALL = torch.ones(1, 1, 2, 2)


def maps(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 2, 2)


def test_focal_is_the_published_formula() -> None:
    logits, cover = maps(2.0, -1.0, 0.5, 0.0), maps(1, 0, 0, 1)
    expected = []
    for z, t in zip(logits.flatten().tolist(), cover.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        right = p if t else 1 - p
        expected.append(-((1 - right) ** 2) * math.log(right))
    assert focal(logits, cover, ALL).item() == pytest.approx(sum(expected) / 4, rel=1e-5)
    assert focal(logits, cover, ALL, gamma=0).item() == pytest.approx(bce(logits, cover, ALL).item())


def test_dice_counts_overlap() -> None:
    sure = maps(50, 50, -50, -50)
    assert dice(sure, maps(1, 1, 0, 0), ALL).item() == pytest.approx(0, abs=1e-6)
    assert dice(sure, maps(0, 0, 1, 1), ALL).item() == pytest.approx(1 - 1 / 5)
    assert dice(sure, maps(1, 0, 0, 0), ALL).item() == pytest.approx(1 - 3 / 4)


def test_ignored_cells_count_for_nothing() -> None:
    valid = maps(1, 1, 0, 0)
    cover = maps(1, 0, 0, 1)
    one, two = maps(3, -1, 7, 7), maps(3, -1, -9, 0)
    for term in (focal, bce, dice, real_iou):
        assert torch.equal(term(one, cover, valid), term(two, cover, valid)), term.__name__
    assert bce(one, cover, torch.zeros_like(valid)).item() == 0


def test_real_iou_thresholds_and_carries_no_gradient() -> None:
    logits = maps(1, 1, -1, -1).requires_grad_()
    found = real_iou(logits, maps(0.9, 0.1, 0.6, 0), ALL)
    assert found.item() == pytest.approx(1 / 3)
    assert not found.requires_grad
    assert real_iou(maps(-1, -1, -1, -1), maps(0, 0, 0, 0), ALL).item() == 0


def test_weights_add_terms() -> None:
    logits, cover = maps(2.0, -1.0, 0.5, 0.0), maps(1, 0, 0, 1)
    both = mask_loss(logits, cover, ALL, LossWeights(focal=20, dice=3, bce=5))
    parts = 20 * focal(logits, cover, ALL) + 3 * dice(logits, cover, ALL) + 5 * bce(logits, cover, ALL)
    torch.testing.assert_close(both, parts)


def four(*strengths: float) -> torch.Tensor:
    """Logits of one object, (1, 4, 2, 2), each output right with another sureness."""
    return torch.tensor(strengths).view(1, 4, 1, 1) * torch.tensor([[1.0, 1.0], [-1.0, -1.0]])


COVER = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])


def test_one_click_trains_the_best_of_three_only() -> None:
    logits = four(9, 1, 3, 2).requires_grad_()
    loss = prompt_loss(logits, torch.ones(1, 4), COVER, ALL[0], torch.tensor([True]), LossWeights())
    loss.sum().backward()
    touched = logits.grad.abs().sum((-1, -2))[0] > 0
    assert touched.tolist() == [False, False, True, False]


def test_other_prompts_train_the_single_output() -> None:
    logits = four(1, 9, 9, 9).requires_grad_()
    iou = torch.zeros(1, 4, requires_grad=True)
    prompt_loss(logits, iou, COVER, ALL[0], torch.tensor([False]), LossWeights()).sum().backward()
    assert (logits.grad.abs().sum((-1, -2))[0] > 0).tolist() == [True, False, False, False]
    assert (iou.grad[0] != 0).tolist() == [True, False, False, False]


def test_predicted_iou_of_all_three_is_trained_by_squared_error() -> None:
    logits, iou = four(1, 1, 1, 1), torch.tensor([[0.0, 0.5, 1.0, 0.0]])
    weights = LossWeights(focal=0, dice=1.0, iou=3.0)
    ambiguous = torch.tensor([True])
    with_iou = prompt_loss(logits, iou, COVER, ALL[0], ambiguous, weights)
    without = prompt_loss(logits, torch.ones(1, 4), COVER, ALL[0], ambiguous, weights)
    assert (with_iou - without).item() == pytest.approx(3 * (0.25 + 0 + 1) / 3)


def test_the_other_path_counts_by_its_weight() -> None:
    logits, iou = four(1, 2, 3, 0.5), torch.full((1, 4), 0.7)
    args = (logits, iou, COVER, ALL[0])
    single = prompt_loss(*args, torch.tensor([False]), LossWeights())
    triple = prompt_loss(*args, torch.tensor([True]), LossWeights())
    both = prompt_loss(*args, torch.tensor([True]), LossWeights(other=0.5))
    torch.testing.assert_close(both, triple + 0.5 * single)


@pytest.mark.parametrize("bad", [{"dice": -1.0}, {"focal": 0.0, "dice": 0.0, "bce": 0.0}])
def test_bad_weights(bad) -> None:
    with pytest.raises(InputError, match="loss weights must not be negative, with one of focal"):
        LossWeights(**bad)
