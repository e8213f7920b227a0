from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import FormatError, InputError
from anymask.evaluate import clicks, simulated_clicks
from anymask.evaluate.clicks import run_sessions
from anymask.evaluate.report import model_hash
from anymask.evaluate.simulated_clicks import ClicksConfig, Targets, choose_targets, click_ious, next_click
from anymask.geometry import rle
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Masks, Record

SIZE = (40, 60)


def rectangle(x0, y0, x1, y1):
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


LARGE = rectangle(2, 2, 14, 14)  # 144 pixels
MIDDLE = rectangle(20, 4, 28, 12)  # 64
SMALL = rectangle(32, 20, 38, 26)  # 36
OTHER = rectangle(44, 20, 54, 30)  # 100, in no truth
THREE = LARGE | MIDDLE | SMALL
IMAGE = np.zeros((*SIZE, 3), np.uint8)
PLAIN = ClicksConfig(grabcut_masks=0, box=False, random_click=False, min_area=0, resamples=50)


def at(mask, point):
    return bool(mask[int(point[1]), int(point[0])])


def targets(*masks, ignore=None):
    return Targets(np.stack(masks), ignore)


def record(name, masks, ignore=None, **meta):
    hidden = None if ignore is None else rle.encode(ignore)
    return Record(id=name, image=IMAGE, masks=Masks.from_dense(np.stack(masks)), meta=meta, ignore=hidden)


class Islands:
    """Answers with the islands that were clicked, and with OTHER until a click tells it not to."""

    def __init__(self, image=IMAGE):
        self.prompts = []

    def __call__(self, prompts, *, multimask):
        self.prompts.append((list(prompts), multimask))
        return Masks.from_dense(np.stack([self.answer(prompt) for prompt in prompts]))

    def answer(self, prompt):
        mask = OTHER.copy()
        for point, label in zip(prompt.points, prompt.labels, strict=True):
            for island in (LARGE, MIDDLE, SMALL, OTHER):
                if at(island, point):
                    mask = mask | island if label else mask & ~island
        return mask


class Three:
    """Three hypotheses per prompt: everything, the truth, nothing; the logits tell which is which."""

    def __init__(self, truths, scores=(0.9, 0.5, 0.1)):
        self.truths, self.scores, self.asked = truths, scores, []

    def truth(self, prompt):
        return next(
            (t for t in self.truths if len(prompt.points) and at(t, prompt.points[0])), self.truths[0]
        )

    def __call__(self, prompts, *, multimask):
        self.asked.append(list(prompts))
        masks, owner, logits = [], [], []
        for number, prompt in enumerate(prompts):
            truth = self.truth(prompt)
            shown = [~truth | truth, truth, truth & ~truth] if multimask else [truth]
            masks += shown
            owner += [number] * len(shown)
            logits += [np.full((2, 3), float(10 * number + k)) for k in range(len(shown))]
        scores = np.tile(self.scores, len(prompts)) if multimask else np.ones(len(prompts))
        return Masks.from_dense(np.stack(masks), scores, prompt=np.array(owner), logits=np.stack(logits))


def test_next_click_is_the_middle_of_the_deepest_error():
    point, label = next_click(LARGE, THREE)
    assert (at(MIDDLE, point), label) == (True, 1)
    assert point.tolist() in [[x, y] for x in (23.5, 24.5) for y in (7.5, 8.5)]
    point, label = next_click(LARGE | OTHER, LARGE | MIDDLE)
    assert (at(OTHER, point), label) == (True, 0)


def test_depth_decides_between_missed_and_false_pixels_not_area():
    """RITM clicks the false blob of 400 pixels, 10 deep, before the missed strip of 720, 2 deep."""
    truth, prediction = np.zeros((2, 60, 200), bool)
    truth[5:9, 5:185] = True
    prediction[30:50, 30:50] = True
    point, label = next_click(prediction, truth)
    assert (point.tolist(), label) == ([39.5, 39.5], 0)
    assert next_click(truth, prediction)[1] == 1


def test_of_equal_depths_the_click_is_on_the_background():
    truth, prediction = rectangle(0, 0, 10, 10), rectangle(20, 10, 30, 20)
    assert next_click(prediction, truth)[1] == 0
    assert next_click(truth, prediction)[1] == 0


def test_a_clicked_pixel_is_not_clicked_again():
    first, _ = next_click(OTHER & False, MIDDLE)
    second, _ = next_click(OTHER & False, MIDDLE, clicked=first[None])
    assert first.tolist() != second.tolist()
    single = rectangle(5, 5, 6, 6)
    assert next_click(single & False, single, clicked=np.array([[5.5, 5.5]], np.float32)) is None


def by_definition(prediction, truth, ignore, clicked):
    """The rule of RITM's clicker over whole images, with SciPy's exact distances."""
    edt = pytest.importorskip("scipy.ndimage").distance_transform_edt
    depths = []
    for error in (truth & ~prediction & ~ignore, prediction & ~truth & ~ignore):
        depth = edt(np.pad(error, 1))[1:-1, 1:-1]
        for x, y in clicked:
            depth[int(y), int(x)] = 0
        depths.append(depth)
    label = int(depths[0].max() > depths[1].max())
    y, x = np.argwhere(depths[1 - label] == depths[1 - label].max())[0]
    return [x + 0.5, y + 0.5], label


def test_next_click_equals_the_definition(rng):
    for size in ((9, 11), (40, 60)) * 15:
        prediction, truth, ignore = rng.random((3, *size)) < np.array([0.7, 0.7, 0.1])[:, None, None]
        clicked = np.floor(rng.random((2, 2)) * size[::-1]) + 0.5
        point, label = next_click(prediction, truth, ignore, clicked.astype(np.float32))
        assert (point.tolist(), label) == by_definition(prediction, truth, ignore, clicked)


def test_ignored_errors_get_no_click():
    assert next_click(LARGE | OTHER, LARGE, OTHER) is None
    assert next_click(LARGE, LARGE) is None
    point, _ = next_click(LARGE, THREE, MIDDLE)
    assert at(SMALL, point)


def test_next_click_lies_in_an_error_of_its_label():
    rng = np.random.default_rng(0)
    for _ in range(20):
        prediction, truth = rng.random((2, 9, 11)) < 0.6
        point, label = next_click(prediction, truth)
        x, y = int(point[0]), int(point[1])
        assert prediction[y, x] != truth[y, x]
        assert label == truth[y, x]


def test_every_click_adds_an_island():
    session = Islands()
    ious, oracle = click_ious(session, targets(THREE), ClicksConfig(clicks=(1, 5), noc=()))
    wanted = [144 / 344, 144 / 244, 208 / 244, 1.0, 1.0]
    assert ious[0].tolist() == pytest.approx(wanted)
    assert oracle.tolist() == pytest.approx(wanted[:1])
    assert session.prompts[-1][0][0].labels.tolist() == [1, 0, 1, 1]
    assert [multimask for _, multimask in session.prompts] == [True, False, False, False]


def test_clicks_needed_are_counted_and_done_masks_get_no_more():
    session = Islands()
    config = ClicksConfig(clicks=(1, 2), noc=(0.85, 0.9))
    numbers = clicks.click_numbers(session, targets(THREE, LARGE | MIDDLE), config)
    assert numbers["noc_85"].tolist() == [3, 3]  # 208 / 244 = 0.852
    assert numbers["noc_90"].tolist() == [4, 3]
    assert [len(prompts) for prompts, _ in session.prompts] == [2, 2, 2, 1]


def test_a_model_that_never_learns_needs_all_clicks():
    asked = []

    def stubborn(prompts, *, multimask):
        asked.append(prompts)
        return Masks.from_dense(np.ones((len(prompts), *SIZE), bool))

    numbers = clicks.click_numbers(stubborn, targets(LARGE), ClicksConfig())
    assert numbers["noc_85"].tolist() == [20]
    assert len(asked) == 20
    assert all(numbers[f"click_{k}"][0] == pytest.approx(144 / 2400) for k in (1, 2, 3, 5, 9))


def test_the_first_mask_is_that_of_the_highest_predicted_iou_whatever_its_stability():
    def three(prompts, *, multimask):
        masks = Masks.from_dense(np.stack([LARGE, LARGE | OTHER]), [0.9, 0.8], prompt=np.zeros(2))
        return Masks(masks.size, masks.rles, masks.scores, stability=[0.1, 1.0], prompt=[0, 0])

    ious, _ = click_ious(three, targets(LARGE), ClicksConfig(clicks=(1,), noc=()))
    assert ious.tolist() == [[1.0]]


def test_best_score_counts_and_oracle_is_the_best_of_three():
    session = Three([LARGE, OTHER])
    ious, oracle = click_ious(session, targets(LARGE, OTHER), ClicksConfig(clicks=(1, 2), noc=()))
    assert ious[:, 0].tolist() == pytest.approx([144 / 2400, 100 / 2400])
    assert oracle.tolist() == [1.0, 1.0]
    assert ious[:, 1].tolist() == [1.0, 1.0]


def test_logits_of_the_chosen_hypothesis_come_back_as_mask():
    session = Three([LARGE, OTHER], scores=(0.1, 0.2, 0.3))
    click_ious(session, targets(LARGE, OTHER), ClicksConfig(clicks=(1, 3), noc=()))
    assert [prompt.mask[0, 0] for prompt in session.asked[1]] == [2.0, 12.0]
    assert [len(prompt.points) for prompt in session.asked[1]] == [2, 2]
    assert len(session.asked) == 2


def test_ignored_pixels_count_for_nothing():
    def generous(prompts, *, multimask):
        return Masks.from_dense(np.stack([LARGE | OTHER] * len(prompts)))

    ious, _ = click_ious(generous, targets(LARGE, ignore=OTHER), ClicksConfig(clicks=(1,), noc=()))
    assert ious.tolist() == [[1.0]]


def test_boxes_are_tight_and_half_open():
    assert simulated_clicks.tight_box(MIDDLE).tolist() == [20, 4, 28, 12]
    session = Three([LARGE])
    assert simulated_clicks.box_ious(session, targets(LARGE)).tolist() == [1.0]
    assert session.asked[0][0].box.tolist() == [2, 2, 14, 14]


def test_random_clicks_lie_at_pixel_centres_of_the_mask():
    rng = np.random.default_rng(0)
    points = np.array([simulated_clicks.random_click(MIDDLE, rng) for _ in range(600)])
    assert all(at(MIDDLE, point) for point in points)
    assert (points % 1 == 0.5).all()
    assert len(np.unique(points, axis=0)) == 64


def test_targets_by_kind():
    masks, rng = [LARGE, MIDDLE, SMALL], np.random.default_rng(0)
    mixed = record("a", masks, kinds=["semantic", "instance", "part"])
    semantic = record("b", masks, kinds=["semantic"] * 3)
    assert len(choose_targets(mixed, PLAIN, rng).truths) == 2
    assert len(choose_targets(semantic, PLAIN, rng).truths) == 3
    assert len(choose_targets(record("c", masks), PLAIN, rng).truths) == 3
    only = ClicksConfig(kinds=("semantic",), min_area=0)
    assert (choose_targets(mixed, only, rng).truths == LARGE[None]).all()


def test_areas_are_taken_at_512_pixels():
    config = ClicksConfig(min_area=50 * (512 / 60) ** 2)
    found = choose_targets(record("a", [LARGE, MIDDLE, SMALL]), config, np.random.default_rng(0))
    assert len(found.truths) == 2


def test_ignore_is_taken_out_and_hidden_masks_are_left_out():
    hidden = record("a", [THREE, OTHER], ignore=OTHER | SMALL)
    found = choose_targets(hidden, PLAIN, np.random.default_rng(0))
    assert (found.truths == (LARGE | MIDDLE)[None]).all()
    assert (found.ignore == (OTHER | SMALL)).all()


def test_masks_are_capped_by_the_seed():
    masks = [rectangle(x, 0, x + 2, 2) for x in range(0, 60, 2)]
    config = ClicksConfig(most_masks=5, min_area=0)
    first, again, other = (
        choose_targets(record("a", masks), config, np.random.default_rng(seed)).truths for seed in (0, 0, 1)
    )
    assert len(first) == 5
    assert (first == again).all()
    assert (first != other).any()


class Broken(list):
    """Items that are None cannot be read."""

    def __getitem__(self, index):
        item = super().__getitem__(index)
        if item is None:
            raise FormatError("item must be readable")
        return item


def test_report_of_known_numbers():
    sets = {
        "islands": Broken([record("a", [THREE, LARGE | MIDDLE]), None, record("b", [LARGE])]),
        "single": [record("c", [LARGE])],
    }
    seen = []
    report = run_sessions(Islands, sets, PLAIN, lambda *args: seen.append(args), model="islands")
    assert [(s.name, s.images, s.masks) for s in report.sets] == [("islands", 2, 3), ("single", 1, 1)]
    numbers = report.sets[0].numbers
    assert numbers["click_1"].value == pytest.approx(np.mean([144 / 344, 144 / 308, 144 / 244]))
    assert numbers["click_9"].value == 1.0
    assert numbers["noc_90"].value == pytest.approx((4 + 3 + 2) / 3)
    assert report.mean.numbers["noc_90"].value == pytest.approx((3 + 2) / 2)
    assert report.config["skipped"] == {"islands": 1}
    assert (report.protocol, report.model) == ("clicks", "islands")
    assert seen[0] == ("islands", 0, 3)
    assert seen[-1] == ("single", 1, 1)
    order = ["click_1", "oracle_1", "click_2", "click_3", "click_5", "click_9", "noc_85", "noc_90"]
    assert list(report.mean.numbers) == order


def test_images_are_capped():
    config = ClicksConfig(most_images=2, grabcut_masks=0, box=False, random_click=False, min_area=0, noc=())
    report = run_sessions(Islands, {"s": [record(str(i), [LARGE]) for i in range(5)]}, config)
    assert report.sets[0].images == 2


def test_the_same_seed_gives_the_same_report():
    sets = {"s": [record(str(i), [LARGE, MIDDLE, SMALL]) for i in range(3)]}
    config = ClicksConfig(box=False, grabcut_masks=0, min_area=0, most_masks=2)
    first, second = (run_sessions(Islands, sets, config).mean.numbers for _ in range(2))
    assert first == second


def test_two_methods_are_compared_on_the_same_masks():
    sets = {"s": [record(str(i), [LARGE, MIDDLE]) for i in range(3)]}

    def other(image):
        return Three([OTHER])

    config = ClicksConfig(grabcut_masks=0, min_area=0)
    alone, worse = (
        run_sessions(Islands, sets, config).mean.numbers,
        run_sessions(other, sets, config).mean.numbers,
    )
    both = run_sessions(Islands, sets, config, against=other).mean.numbers
    same = run_sessions(Islands, sets, config, against=Islands).mean.numbers
    for name, number in alone.items():
        assert both[name] == number
        assert both[f"gain_{name}"].value == pytest.approx(number.value - worse[name].value)
        assert same[f"gain_{name}"].value == same[f"gain_{name}"].high == 0
    assert list(both) == [*alone, *(f"gain_{name}" for name in alone)]


def test_nothing_to_measure_is_an_error():
    with pytest.raises(InputError, match=r"datasets must hold a mask that counts, got none in s"):
        run_sessions(Islands, {"s": [record("a", [SMALL])]}, ClicksConfig(kinds=("part",)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"clicks": ()}, "clicks must be one or more"),
        ({"clicks": (0, 1)}, "from 1 on"),
        ({"most_clicks": 0}, "most_clicks must be at least 1"),
    ],
)
def test_senseless_options_are_refused(values, words):
    with pytest.raises(InputError, match=words):
        ClicksConfig(**values)


def test_a_model_is_evaluated_beside_grabcut_and_left_as_it_was():
    model = build(DEBUG)
    config = ClicksConfig(clicks=(1, 2), most_clicks=3, resamples=50, grabcut_iterations=1)
    report = clicks.run(model, {"s": [record("a", [LARGE, OTHER])]}, config)
    assert model.training
    assert report.model == model_hash(model)
    names = ["click_1", "oracle_1", "random_1", "click_2", "noc_85", "noc_90", "box", "grabcut_box"]
    assert list(report.mean.numbers) == names
    values = {name: report.mean.numbers[name].value for name in names}
    assert all(0 <= values[name] <= 1 for name in names if not name.startswith("noc"))
    assert values["oracle_1"] >= values["click_1"]
