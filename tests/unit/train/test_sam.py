"""Simulated clicks: the plan of rounds, prompts, and the gradients of a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask.data.mixture import Mixture
from anymask.data.transforms.augment import Augment, Sample
from anymask.errors import FormatError, InputError
from anymask.models.config import DEBUG
from anymask.models.sam import Sam
from anymask.train.losses import LossWeights, prompt_loss
from anymask.train.sam import (
    STRIDE,
    ClickTask,
    Objects,
    Rounds,
    _best,
    _Prompts,
    collate,
    prepare,
    train_step,
)

WEIGHTS = LossWeights(focal=20.0, dice=1.0, iou=1.0)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(seed: int, count: int = 3, size: int = 64) -> Objects:
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, size, size), dtype=bool)
    for mask in masks:
        x, y = rng.integers(0, size - 24, 2)
        mask[y : y + 20, x : x + 24] = True
    image = rng.integers(0, 255, (size, size, 3), dtype=np.uint8)
    return prepare(Sample(image, masks, np.zeros((size, size), bool), ("instance",) * count), rng)


def gradients(model: Sam) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.fixture
def model() -> Sam:
    torch.manual_seed(0)
    return Sam(DEBUG)


def test_the_paper_has_eleven_rounds() -> None:
    places = set()
    for seed in range(200):
        plan = Rounds().plan(seeded(seed))
        assert 1 + len(plan) == 11
        assert sum(plan) == 8
        assert plan[-1] is False
        assert plan[0] is True
        places.add(plan.index(False))
    assert places == set(range(1, 9)), "the first idle round comes at a random place among the clicks"


@pytest.mark.parametrize(
    ("rounds", "news"),
    [
        (Rounds(0, 0), []),
        (Rounds(2, 0), [True, True]),
        (Rounds(2, 1), [True, True, False]),
        (Rounds(0, 2), [False, False]),
        (Rounds(1, 2), [True, False, False]),
    ],
)
def test_shorter_plans(rounds: Rounds, news: list[bool]) -> None:
    assert rounds.plan(seeded(0)) == news


def test_prepare_gives_covers_and_prompts_of_the_masks() -> None:
    objects = scene(1)
    assert objects.cover_Nhw.shape == (3, 16, 16)
    assert float(objects.cover_Nhw.sum() * STRIDE**2) == 3 * 20 * 24
    for cover, (x, y), (x0, y0, x1, y1) in zip(
        objects.cover_Nhw, objects.point_N2.tolist(), objects.box_N4.tolist(), strict=True
    ):
        assert cover[int(y) // STRIDE, int(x) // STRIDE] > 0
        assert x0 < x1
        assert y0 < y1


def test_objects_can_be_prompted_several_times() -> None:
    rng = np.random.default_rng(0)
    masks = np.zeros((2, 64, 64), dtype=bool)
    masks[0, :30, :30] = masks[1, 30:, 30:] = True
    sample = Sample(np.zeros((64, 64, 3), np.uint8), masks, np.zeros((64, 64), bool), ("instance",) * 2)
    objects = prepare(sample, rng, repeat=3)
    assert objects.index_N.tolist() == [0] * 6
    assert torch.equal(objects.cover_Nhw[:2], objects.cover_Nhw[4:])
    assert len(objects.point_N2.unique(dim=0)) == len(objects.box_N4.unique(dim=0)) == 6


def test_some_first_points_lie_in_the_middle() -> None:
    masks = np.zeros((200, 64, 64), dtype=bool)
    masks[:, 10:41, 20:61] = True
    sample = Sample(np.zeros((64, 64, 3), np.uint8), masks, np.zeros((64, 64), bool), ("instance",) * 200)
    for middle, least, most in ((0.0, 0.0, 0.1), (0.5, 0.4, 0.62), (1.0, 1.0, 1.0)):
        points = prepare(sample, np.random.default_rng(0), middle=middle).point_N2
        assert least <= float((points[:, 1] == 25.5).float().mean()) <= most


@pytest.mark.parametrize(
    "bad", [{"clicks": -1}, {"idle": -1}, {"box": 1.5}, {"repeat": 0}, {"middle": -0.1}, {"middle": 1.1}]
)
def test_bad_rounds(bad) -> None:
    with pytest.raises(InputError, match="rounds must have clicks and idle of at least 0, repeat of at le"):
        Rounds(**bad)


def test_collate_numbers_the_images() -> None:
    batch = collate([collate([scene(0, 2), scene(1, 1)]), scene(2, 3)])
    assert batch.index_N.tolist() == [0, 0, 1, 2, 2, 2]
    assert batch.image_BSS3.shape == (3, 64, 64, 3)
    assert len(batch.seed_B) == 3


def test_first_prompts_are_points_or_boxes() -> None:
    batch = collate([scene(i) for i in range(20)])
    prompts = _Prompts(batch, 0.5)
    assert 10 < int(prompts.kinds["box"].sum()) < 50
    assert prompts.labels[prompts.kinds["box"]].unique(dim=0).tolist() == [[2, 3]]
    assert prompts.labels[~prompts.kinds["box"]].unique(dim=0).tolist() == [[1, -1]]
    assert torch.equal(
        prompts.coords[prompts.kinds["box"]].flatten(1), batch.box_N4[prompts.kinds["box"]] + 0.5
    )
    assert torch.equal(prompts.coords[~prompts.kinds["box"], 0], batch.point_N2[~prompts.kinds["box"]] + 0.5)
    assert not _Prompts(batch, 0.0).kinds["box"].any()
    assert _Prompts(batch, 1.0).kinds["box"].all()


def test_clicks_fall_into_the_error() -> None:
    batch = collate([scene(i) for i in range(30)])
    truth = batch.cover_Nhw > 0.5
    predicted = truth.roll(3, 2)
    prompts = _Prompts(batch, 0.0)
    prompts.click(torch.where(predicted, 1.0, -1.0))
    cells = ((prompts.coords[:, -1] - 0.5) / STRIDE).long()
    rows = torch.arange(len(cells))
    where = truth[rows, cells[:, 1], cells[:, 0]]
    assert (where != predicted[rows, cells[:, 1], cells[:, 0]]).all()
    assert torch.equal(prompts.labels[:, -1], where.long())
    assert 0 < int(where.sum()) < len(where)


def test_clicks_avoid_ignored_pixels_and_fall_back_to_the_object() -> None:
    batch = collate([scene(i) for i in range(10)])
    truth = batch.cover_Nhw > 0.5
    ignore = torch.zeros_like(batch.ignore_Bhw)
    ignore[:, :, 8:] = True
    prompts = _Prompts(replace(batch, ignore_Bhw=ignore), 0.0)
    prompts.click(torch.full_like(batch.cover_Nhw, -1.0))
    seen = (truth & ~ignore[batch.index_N]).flatten(1).any(1)
    assert (prompts.coords[seen, -1, 0] <= 8 * STRIDE + 0.5).all()

    prompts.click(torch.where(truth, 1.0, -1.0))
    assert (prompts.labels[:, -1] == 1).all(), "without an error the click confirms the object"


def test_the_best_of_three_goes_back_in() -> None:
    logits = torch.arange(4.0).view(1, 4, 1, 1).expand(2, 4, 2, 2)
    iou = torch.tensor([[0.9, 0.1, 0.3, 0.2], [0.0, 0.1, 0.3, 0.2]])
    assert _best(logits, iou, torch.tensor([True, False]))[:, 0, 0, 0].tolist() == [2.0, 0.0]


def test_rounds_back_propagated_one_by_one_give_the_gradient_of_the_mean(model: Sam) -> None:
    batch = collate([scene(0), scene(1)])
    rounds = Rounds(clicks=2, idle=1, box=0.5)
    train_step(model, batch, rounds, WEIGHTS, seeded(3))
    step = gradients(model)

    model.zero_grad()
    features, skips = model.encode(model.normalise(batch.image_BSS3))
    prompts, mask, losses = _Prompts(batch, rounds.box), None, []
    for i, news in enumerate([True, *rounds.plan(seeded(3))]):
        if i and news:
            prompts.click(mask[:, 0])
        ambiguous = prompts.ambiguous & (i == 0)
        logits, iou = model.decode(features, skips, batch.index_N, prompts.coords, prompts.labels, mask)
        losses.append(prompt_loss(logits, iou, batch.cover_Nhw, prompts.valid, ambiguous, WEIGHTS).mean())
        mask = _best(logits, iou, ambiguous)
    torch.stack(losses).mean().backward()
    whole = gradients(model)
    assert step.keys() == whole.keys()
    for name, grad in whole.items():
        torch.testing.assert_close(step[name], grad, rtol=1e-4, atol=1e-6, msg=name)


def test_passes_add_up_to_the_large_batch(model: Sam) -> None:
    parts = [scene(0, 1), scene(1, 3), scene(2, 2), scene(3, 3)]
    rounds = Rounds(clicks=2, idle=2, box=0.5)
    metrics = train_step(model, collate(parts), rounds, WEIGHTS, seeded(1))
    large = gradients(model)
    model.zero_grad()
    sums: dict[str, torch.Tensor] = {}
    for half in (collate(parts[:2]), collate(parts[2:])):
        found = train_step(model, half, rounds, WEIGHTS, seeded(1), scale=len(half.index_N) / 9)
        sums = {name: sums.get(name, 0) + pair for name, pair in found.items()}
    for name, grad in gradients(model).items():
        torch.testing.assert_close(grad, large[name], rtol=1e-4, atol=1e-6, msg=name)
    for name, pair in metrics.items():
        torch.testing.assert_close(sums[name], pair, rtol=1e-5, atol=1e-6, msg=name)


def test_metrics_are_sums_and_counts(model: Sam) -> None:
    found = train_step(model, scene(0, 3), Rounds(1, 0, 0.0), WEIGHTS, seeded(0))
    assert set(found) == {f"{kind}_{i}" for kind in ("loss", "iou_point", "iou_box") for i in (0, 1)}
    assert found["loss_0"][1] == found["iou_point_1"][1] == 3
    assert found["iou_box_0"].tolist() == [0, 0]


def test_items_are_a_pure_function_of_the_index(make_task) -> None:
    task, again = make_task(), make_task()
    again.item(3)
    for name, value in vars(task.item(5)).items():
        assert torch.equal(value, getattr(again.item(5), name)), name
    assert not torch.equal(task.item(5).image_BSS3, task.item(6).image_BSS3)
    assert task.item(5).key_B.tolist() == [-1]


class Broken:
    """A data set whose items are damaged, or hold no masks."""

    def __init__(self, records: list[object]) -> None:
        self.name, self.records = "broken", records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> object:
        if self.records[index] is None:
            raise FormatError("item must be whole")
        return self.records[index]


def task_on(records: list[object]) -> ClickTask:
    return ClickTask(Sam(DEBUG), Mixture([Broken(records)], seed=0), Augment(size=64), Rounds(), WEIGHTS)


def test_damaged_items_are_replaced_and_counted(make_task) -> None:
    whole = make_task().mixture.datasets[0][0]
    task = task_on([None] * 9 + [whole])
    items = [task.item(i) for i in range(40)]
    assert 30 < sum(bool(item.spare_B) for item in items) < 40
    metrics = task.step(task.collate(items[:4]), seeded(0), 1.0)
    assert metrics["damaged"].tolist() == [sum(float(item.spare_B) for item in items[:4]), 4]


def test_data_without_masks_or_without_whole_items_is_refused(make_task) -> None:
    whole = make_task().mixture.datasets[0][0]
    empty = replace(whole, masks=whole.masks[:0], meta={})
    with pytest.raises(FormatError, match="data must hold images with masks, got 20 images without"):
        task_on([empty]).item(0)
    with pytest.raises(FormatError, match="data must hold images with masks, got 20 damaged ones"):
        task_on([None]).item(0)


def test_workers_get_the_data_and_not_the_model(make_task) -> None:
    state = make_task().__getstate__()
    assert state["model"] is None
    assert state["mixture"] is not None


def test_autocast_leaves_positions_exact_and_the_gradient_near(model) -> None:
    """A position rounded to bfloat16 lies pixels beside its place (found here, in the model's first code)."""
    place = torch.rand((4, 2), generator=seeded(0))
    exact = model.prompt_encoder.pe_layer(place)
    batch = collate([scene(0), scene(1)])
    train_step(model, batch, Rounds(0, 0), WEIGHTS, seeded(0))
    before = gradients(model)
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.prompt_encoder.pe_layer(place), exact)
        train_step(model, batch, Rounds(0, 0), WEIGHTS, seeded(0))
    after = gradients(model)
    assert after.keys() == before.keys()
    flat = [torch.cat([grads[name].flatten() for name in before]) for grads in (before, after)]
    assert torch.cosine_similarity(*flat, dim=0) > 0.98
