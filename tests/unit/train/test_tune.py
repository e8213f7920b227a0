"""In-context tuning with tiny models: what it learns, what it leaves alone, what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymask.data.synthetic import shapes
from anymask.errors import InputError, UnknownNameError
from anymask.geometry import rle
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import segment_like
from anymask.models import FeaturePainter, Painter, Sam, build
from anymask.models.config import CONTEXT_DEBUG, DEBUG, PAINTER_DEBUG
from anymask.train import tune as tuning
from anymask.train.tune import TuneConfig, tune
from anymask.types import Context, Masks, Record

SIZE = CONTEXT_DEBUG.size
QUICK = TuneConfig(steps=12, batch=2, every=4, starts=2, lr=0.05)


@pytest.fixture
def model() -> FeaturePainter:
    torch.manual_seed(0)
    return build(CONTEXT_DEBUG).eval()


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [shapes(np.random.default_rng(index), (48, 64), 2) for index in range(5)]


def found(model: FeaturePainter, example: Context, records: list[Record]) -> float:
    """The soft IoU of an example on records."""
    given = (torch.from_numpy(example.image.copy()), torch.from_numpy(example.target.copy()))
    contexts = [context(record, size=SIZE) for record in records]
    queries = [tuning.as_query(model, *pair, QUICK) for pair in zip(records, contexts, strict=True)]
    return tuning.soft_iou(model, given, queries, tuning.colours_of(model, contexts[0]), QUICK)


def test_the_best_state_is_kept_and_the_model_stays(
    model: FeaturePainter, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    frozen = [parameter.requires_grad for parameter in model.parameters()]
    told: list[tuple[int, int, float]] = []
    seen: list[np.ndarray] = []
    judged = iter([0.1, 0.2, 0.2, 0.3, 0.5, 0.4])  # two starts, the better of them, after 4, 8 and 12 steps

    def judge(model: FeaturePainter, example: tuple[torch.Tensor, ...], *rest: object) -> float:
        seen.append(example[0].numpy().copy())
        return next(judged)

    monkeypatch.setattr(tuning, "soft_iou", judge)
    learned = tune(model, records, QUICK, progress=lambda *facts: told.append(facts))
    assert (learned.image == seen[4]).all()
    assert len({one.tobytes() for one in seen}) == 5, "the start twice, and three that were learned"
    assert [(done, total) for done, total, _ in told] == [(step, 12) for step in range(1, 13)]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [parameter.requires_grad for parameter in model.parameters()] == frozen
    assert all(parameter.grad is None for parameter in model.parameters())


def test_steps_lower_the_loss_of_what_they_ask(model: FeaturePainter, records: list[Record]) -> None:
    config = replace(QUICK, flip=0.0, crop=1.0, steps=40)
    queries = [tuning.as_query(model, record, context(record, size=SIZE), config) for record in records[:2]]
    start, rng = queries[0].example, np.random.default_rng(0)
    white = tuning.colours_of(model, context(records[0], size=SIZE))
    losses = [loss for *_, loss in tuning.steps(model, start, queries[1:], white, rng, config)]
    assert np.mean(losses[-5:]) < 0.95 * losses[0]


def test_it_is_the_same_each_time(model: FeaturePainter, records: list[Record]) -> None:
    one, other = (tune(model, records, replace(QUICK, steps=2)) for _ in range(2))
    assert (one.image == other.image).all()
    assert (one.target == other.target).all()


def test_it_never_ends_worse_than_it_started(model: FeaturePainter, records: list[Record]) -> None:
    wild = tune(model, records, replace(QUICK, lr=1e4, steps=3, every=1))
    assert any((wild.image == context(record, size=SIZE).image).all() for record in records)


def test_the_start_answers_the_others_best(model: FeaturePainter, records: list[Record]) -> None:
    contexts = [context(record, size=SIZE) for record in records]
    queries = [tuning.as_query(model, *pair, QUICK) for pair in zip(records, contexts, strict=True)]
    white = tuning.colours_of(model, contexts[0])
    start = tuning.best_start(model, queries[:3], queries[3:], white, replace(QUICK, starts=3))
    ious = [found(model, contexts[i], records[:i] + records[i + 1 :]) for i in range(3)]
    assert start[0] is queries[int(np.argmax(ious))].image


def test_the_overlap_is_that_of_masks_where_colours_are_sure(
    model: FeaturePainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "SOFTNESS", 0.5)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]])
    record = shapes(np.random.default_rng(1), (SIZE, SIZE), 2)
    shown = context(record, colours, size=SIZE)
    query = tuning.as_query(model, record, shown, QUICK)
    table = tuning.colours_of(model, shown)
    assert table.shape == (4, 3)
    painted = query.target.roll(3, 1)
    both, either = tuning._overlap(painted, query, table)
    labels, moved = query.labels, query.labels.roll(3, 0)
    for label in (1, 2, 3):
        a, b = labels == label, moved == label
        if not a.any():
            assert (both[label - 1], either[label - 1]) == (0, 0)
            continue
        assert float(both[label - 1]) == pytest.approx(float((a & b).sum()), abs=1)
        assert float(either[label - 1]) == pytest.approx(float((a | b).sum()), abs=1)
    unknown = replace(query, weight=torch.zeros_like(query.weight))
    assert [float(part.sum()) for part in tuning._overlap(painted, unknown, table)] == [0, 0]
    nothing = replace(query, labels=torch.zeros_like(query.labels))
    assert [float(part.sum()) for part in tuning._overlap(painted, nothing, table)] == [0, 0]


def test_windows_show_something_and_fill_the_image(model: FeaturePainter) -> None:
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    mask = np.zeros((SIZE, SIZE), np.bool_)
    mask[:6, :6] = True
    image[mask] = 255
    record = Record("corner", image, Masks.from_dense(mask[None]))
    query = tuning.as_query(model, record, context(record, size=SIZE), QUICK)
    part = query.window(slice(0, SIZE // 2), slice(0, SIZE // 2))
    assert [value.shape for value in vars(part).values()] == [value.shape for value in vars(query).values()]
    assert (part.labels[:12, :12] == 1).all()
    assert part.labels.sum() == 144
    assert ((part.target[0] > 0) == (part.labels > 0)).all()
    rng, config = np.random.default_rng(0), replace(QUICK, crop=0.3)
    drawn = [tuning._augmented(query, rng, config) for _ in range(20)]
    assert all(one.labels.any() for one in drawn)
    assert len({int(one.labels.sum()) for one in drawn}) > 5
    assert all(((one.image[0] > 0).float() - one.labels).abs().mean() < 0.05 for one in drawn)
    none = replace(query, labels=torch.zeros_like(query.labels))
    assert (tuning._augmented(none, rng, replace(config, flip=0.0)).image == none.image).all()


def test_several_colours_are_learned_together(model: FeaturePainter) -> None:
    records = [shapes(np.random.default_rng(seed), (48, 64), 2) for seed in range(4)]
    records = [record.with_masks(record.masks[:1]) for record in records]
    learned = tune(model, records, replace(QUICK, steps=2, every=1), palette=[[255, 0, 0], [0, 255, 0]])
    assert learned.palette is not None
    assert len(learned.palette) == 2


def test_a_file_works_like_an_example_with_its_model_alone(
    model: FeaturePainter, records: list[Record], tmp_path: Path
) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0]])
    learned = tune(model, records, replace(QUICK, steps=1), palette=colours)
    assert learned.model == model.fingerprint
    learned.save(tmp_path / "learned.safetensors")
    again = Context.load(tmp_path / "learned.safetensors")
    assert (again.image == learned.image).all()
    plain = context(records[0], colours, size=SIZE)
    answer = segment_like(model, records[0].read(), [again, plain])
    assert answer.size == records[0].masks.size
    torch.manual_seed(1)
    with pytest.raises(InputError, match=r"contexts must be learned with this model \(\w+\), got one of"):
        segment_like(build(CONTEXT_DEBUG).eval(), records[0].read(), [again])


def test_painters_with_type_tokens_learn_too(records: list[Record]) -> None:
    torch.manual_seed(0)
    model = build(PAINTER_DEBUG).eval()
    learned = tune(model, records, replace(QUICK, steps=2, every=1, kind="semantic"))
    assert isinstance(model, Painter)
    assert learned.size == PAINTER_DEBUG.size


def test_pixels_that_nobody_labelled_do_not_count(model: FeaturePainter, records: list[Record]) -> None:
    ignore = np.zeros((48, 64), np.bool_)
    ignore[:, :32] = True
    record = replace(records[0], ignore=rle.encode(ignore))
    config = replace(QUICK, loss=replace(QUICK.loss, painted=3.0))
    weight = tuning.as_query(model, record, context(record, size=SIZE), config).weight
    assert (weight[:, : SIZE // 2] == 0).all()
    assert set(weight[:, SIZE // 2 :].unique().tolist()) == {1.0, 3.0}


def test_bad_input(model: FeaturePainter, records: list[Record]) -> None:
    with pytest.raises(InputError, match=r"examples must be at least two, got 0"):
        tune(model, [])
    empty = records[0].with_masks(Masks((48, 64), []))
    with pytest.raises(InputError, match="record must show what to segment, got no mask for"):
        tune(model, [records[1], empty])
    with pytest.raises(InputError, match="model must be in evaluation mode, got one in training mode"):
        tune(build(CONTEXT_DEBUG).train(), records)
    with pytest.raises(InputError, match="model must work by examples, got another one"):
        tune(Sam(DEBUG).eval(), records)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"every": -1}, "every must be at least 1, got -1"),
        ({"starts": 0}, "starts must be at least 1, got 0"),
        ({"lr": 0.0}, "lr must be a number over 0, got 0.0"),
        ({"lr": math.nan}, "lr must be a number over 0, got nan"),
        ({"flip": 1.5}, "flip must be in 0 to 1 and held between 0 and 1, got 1.5 and 0.3"),
        ({"crop": 0.0}, "crop must be over 0 and at most 1 and iou at least 0, got 0.0 and 1.0"),
        ({"iou": -1.0}, "crop must be over 0 and at most 1 and iou at least 0, got 0.4 and -1.0"),
        ({"held": 1.0}, "flip must be in 0 to 1 and held between 0 and 1, got 0.5 and 1.0"),
    ],
)
def test_bad_settings(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TuneConfig(**settings)  # type: ignore[arg-type]


def test_unknown_kind() -> None:
    with pytest.raises(UnknownNameError, match="kind must be a known name, got 'panoptic'"):
        TuneConfig(kind="panoptic")  # type: ignore[arg-type]
