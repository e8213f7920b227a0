from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from anymask import predict as public
from anymask.errors import ImageError, InputError, PromptError, WeightsError
from anymask.inference.promptable import decode as answering
from anymask.inference.promptable.predict import embed, embed_batch, predict, predict_batch
from anymask.models import build
from anymask.models.config import DEBUG, DEBUG_VIT
from anymask.types import Embedding, Masks, Prompt

H, W = 40, 60


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build(DEBUG).eval()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)


@pytest.fixture(scope="module")
def embedding(model, image):
    return embed(model, image)


@pytest.fixture
def encoded(model, monkeypatch):
    """Shapes of what the encoder was given."""
    batches = []
    encode = model.encode

    def spy(images):
        batches.append(images)
        return encode(images)

    monkeypatch.setattr(model, "encode", spy)
    return batches


def scene(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def mixed_prompts():
    """Every kind and many lengths."""
    mask = np.zeros((H, W), bool)
    mask[10:30, 10:40] = True
    return [
        Prompt.point(20, 12),
        Prompt(box=[4, 4, 50, 30]),
        Prompt(points=[(5, 5), (30, 20), (50, 38)], labels=[1, 0, 1]),
        Prompt.point(50, 30),
        Prompt(points=[(20, 20)], box=[4, 4, 50, 30]),
        Prompt(points=[(20, 20)], mask=mask),
        Prompt(mask=mask),
        Prompt(points=[(9, 9)] * 7),
        Prompt(),
        Prompt(box=[0, 0, W, H], mask=np.full((16, 16), 3.0)),
    ]


def close(first: Masks, second: Masks):
    assert first.size == second.size
    np.testing.assert_array_equal(first.prompt, second.prompt)
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-5)
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-4)


def direct(model, embedding, prompt):
    """The decoder's four outputs for one prompt."""
    coords, labels, mask = prompt.arrays(embedding.frame)
    grid = None if mask is None else torch.tensor(mask)[None, None]
    with torch.no_grad():
        logits, iou = model.decode(
            embedding.features,
            embedding.skips,
            torch.zeros(1, dtype=torch.long),
            torch.tensor(coords)[None],
            torch.tensor(labels)[None],
            grid,
        )
    return logits[0].numpy(), iou[0].numpy()


def test_embedding_knows_its_frame_and_model(model, image, embedding):
    assert (embedding.frame.size_hw, embedding.frame.scaled_hw) == ((H, W), (43, 64))
    assert embedding.frame.padded_hw == (64, 64)
    assert embedding.features.shape == (1, 32, 4, 4)
    assert [tuple(skip.shape) for skip in embedding.skips] == [(1, 4, 16, 16), (1, 8, 8, 8)]
    assert embedding.model == model.fingerprint


def test_images_come_as_arrays_files_and_images(model, image, embedding, tmp_path):
    Image.fromarray(image).save(tmp_path / "image.png")
    for source in (tmp_path / "image.png", Image.fromarray(image), (tmp_path / "image.png").read_bytes()):
        assert torch.equal(embed(model, source).features, embedding.features)
    with pytest.raises(ImageError):
        embed(model, tmp_path / "missing.png")


def test_padding_is_zero_after_normalising(model, image, encoded):
    frame = embed(model, image).frame
    (batch,) = encoded
    assert batch.shape == (1, 3, 64, 64)
    assert not batch[:, :, 43:].any()
    content = model.normalise(torch.tensor(frame.resize(image))[None])
    assert torch.equal(batch[:, :, :43], content)


def test_square_frames_pad_both_sides():
    torch.manual_seed(0)
    model = build(DEBUG_VIT).eval()
    for size in ((20, 40), (40, 20), (3, 300), (1, 1)):
        masks = predict(model, scene(*size), [Prompt.point(0.5, 0.5)])
        assert (masks.size, len(masks)) == (size, 3)
    assert embed(model, scene(20, 40)).frame.padded_hw == (128, 128)


def test_a_batch_equals_singles_and_shares_calls(model, encoded, monkeypatch):
    sizes = [(40, 60), (60, 40), (20, 30), (30, 90), (8, 12), (64, 64)]
    images = [scene(*size, seed) for seed, size in enumerate(sizes)]
    together = embed_batch(model, images)
    assert sorted(len(batch) for batch in encoded) == [1, 5]
    for one, it in zip(images, together, strict=True):
        alone = embed(model, one)
        assert it.frame == alone.frame
        torch.testing.assert_close(it.features, alone.features, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(it.skips, alone.skips, atol=1e-4, rtol=1e-4)
    encoded.clear()
    monkeypatch.setattr(answering, "ENCODE_PIXELS", 2 * 64 * 64)
    embed_batch(model, images)
    assert sorted(len(batch) for batch in encoded) == [1, 1, 2, 2]
    assert embed_batch(model, []) == []


def test_three_masks_per_prompt_in_the_order_of_the_outputs(model, embedding):
    prompts = mixed_prompts()[:3]
    masks = predict(model, embedding, prompts, logits=True)
    assert masks.prompt.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert masks.size == (H, W)
    for number, prompt in enumerate(prompts):
        logits, scores = direct(model, embedding, prompt)
        np.testing.assert_allclose(masks.logits[3 * number : 3 * number + 3], logits[1:], atol=1e-4)
        np.testing.assert_allclose(
            masks.scores[3 * number : 3 * number + 3], np.clip(scores[1:], 0, 1), atol=1e-5
        )


def test_one_mask_is_the_best_of_a_click_and_the_single_output_of_the_rest(model, embedding):
    prompts = mixed_prompts()
    masks = predict(model, embedding, prompts, multimask=False, logits=True)
    assert masks.prompt.tolist() == list(range(len(prompts)))
    for number, prompt in enumerate(prompts):
        logits, scores = direct(model, embedding, prompt)
        stability = (logits > 1).sum((1, 2)) / np.maximum((logits > -1).sum((1, 2)), 1)
        best = 1 + int((scores * stability)[1:].argmax()) if prompt.ambiguous else 0
        np.testing.assert_allclose(masks.logits[number], logits[best], atol=1e-4)
        assert masks.scores[number] == pytest.approx(np.clip(scores[best], 0, 1), abs=1e-5)
        assert masks.stability[number] == pytest.approx(stability[best], abs=1e-2)
    assert sum(prompt.ambiguous for prompt in prompts) == 2


def test_masks_are_the_logits_over_zero_in_the_image(model, embedding):
    masks = predict(model, embedding, mixed_prompts(), logits=True)
    wanted = embedding.frame.logits_to_image(masks.logits) > 0
    assert (masks.dense() == wanted).all()
    assert predict(model, embedding, mixed_prompts()).logits is None


@pytest.mark.parametrize("multimask", [True, False])
def test_ragged_prompts_equal_singles(model, embedding, multimask):
    prompts = mixed_prompts()
    together = predict(model, embedding, prompts, multimask=multimask, logits=True)
    alone = [predict(model, embedding, [prompt], multimask=multimask, logits=True) for prompt in prompts]
    for number, one in enumerate(alone):
        found = together[together.prompt == number]
        np.testing.assert_allclose(found.logits, one.logits, atol=1e-4)
        np.testing.assert_allclose(found.scores, one.scores, atol=1e-5)


def test_the_order_of_prompts_does_not_matter(model, embedding):
    prompts = mixed_prompts()
    order = np.random.default_rng(1).permutation(len(prompts))
    straight = predict(model, embedding, prompts, multimask=False, logits=True)
    shuffled = predict(model, embedding, [prompts[i] for i in order], multimask=False, logits=True)
    np.testing.assert_allclose(shuffled.logits, straight.logits[order], atol=1e-4)
    np.testing.assert_allclose(shuffled.scores, straight.scores[order], atol=1e-5)


def test_small_parts_change_nothing(model, embedding, monkeypatch):
    prompts = [Prompt.point(x, 7) for x in range(11)] + mixed_prompts()
    whole = predict(model, embedding, prompts, logits=True)
    monkeypatch.setattr(answering, "DECODE_CELLS", 3 * 16 * 16)
    close(predict(model, embedding, prompts, logits=True), whole)
    monkeypatch.setattr(answering, "DECODE_CELLS", 1)
    close(predict(model, embedding, prompts, logits=True), whole)


@pytest.mark.parametrize("size", [(H, W), (W, H), (2, W)])
@pytest.mark.parametrize("config", [DEBUG, replace(DEBUG, square=True), DEBUG_VIT], ids=["", "square", "vit"])
@pytest.mark.parametrize("multimask", [True, False])
def test_padding_is_drawn_for_logits_alone(size, config, multimask):
    torch.manual_seed(0)
    model = build(config).eval()
    embeddings = [embed(model, scene(*size)), embed(model, scene(size[0] // 2, size[1]))]
    prompts = [[Prompt.point(20, 1), Prompt(box=[4, 0, 30, 2]), Prompt(points=[(5, 1), (8, 1)])]] * 2
    for whole, part in zip(
        predict_batch(model, embeddings, prompts, multimask=multimask, logits=True),
        predict_batch(model, embeddings, prompts, multimask=multimask),
        strict=True,
    ):
        np.testing.assert_allclose(part.scores, whole.scores, atol=1e-6)
        np.testing.assert_allclose(part.stability, whole.stability, atol=1e-3)
        assert (part.dense() != whole.dense()).mean() < 1e-3


@pytest.mark.parametrize("part", ["iou_prediction_head", "output_upscaling"])
def test_weights_that_give_no_numbers_are_an_error(image, part):
    model = build(DEBUG).eval()
    with torch.no_grad():
        next(getattr(model.mask_decoder, part).parameters()).fill_(np.nan)
    with pytest.raises(WeightsError, match="model must give finite scores, got NaN or infinity"):
        predict(model, image, [Prompt.point(5, 5)])


def test_stability_is_of_the_image(model, embedding):
    masks = predict(model, embedding, mixed_prompts(), logits=True)
    rows, columns = embedding.frame.content_hw
    content = masks.logits[:, :rows, :columns]
    inner, outer = ((content > bound).sum((1, 2)) for bound in (1, -1))
    np.testing.assert_allclose(masks.stability, inner / np.maximum(outer, 1), atol=1e-6)


def test_a_part_holds_no_more_than_its_cells(model, embedding, monkeypatch):
    sizes = []
    decode = model.decode_tokens

    def spy(*arguments):
        sizes.append(len(arguments[3]))
        return decode(*arguments)

    monkeypatch.setattr(model, "decode_tokens", spy)
    monkeypatch.setattr(answering, "DECODE_CELLS", 4 * 16 * 16)
    predict(model, embedding, [Prompt.point(5, 5)] * 10)
    assert sizes == [4, 4, 2]


def test_many_images_in_one_call_equal_one_at_a_time(model, embedding):
    images = [scene(40, 60, 1), embedding, scene(90, 30, 2), scene(60, 60, 3), scene(10, 10)]
    prompts = [
        [Prompt.point(5, 5), Prompt(box=[1, 1, 30, 30])],
        mixed_prompts(),
        [Prompt.point(20, 70)],
        [Prompt.point(5, 5)] * 3,
        [],
    ]
    together = predict_batch(model, images, prompts, logits=True)
    assert [len(masks) for masks in together] == [6, 30, 3, 9, 0]
    for it, some, masks in zip(images, prompts, together, strict=True):
        close(masks, predict(model, it, some, logits=True))


def test_logits_come_back_as_a_mask_prompt(model, embedding):
    first = predict(model, embedding, [Prompt.point(20, 20)], multimask=False, logits=True)
    again = Prompt(points=[(20, 20), (40, 30)], labels=[1, 0], mask=first.logits[0])
    without = Prompt(points=[(20, 20), (40, 30)], labels=[1, 0])
    masks = predict(model, embedding, [again, without], multimask=False, logits=True)
    assert np.abs(masks.logits[0] - masks.logits[1]).max() > 1e-3


def test_threads_equal_a_single_one(model, image):
    prompts = mixed_prompts()
    images = [scene(40, 60, seed) for seed in range(6)]
    serial = [predict(model, one, prompts, logits=True) for one in images]
    with ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(lambda one: predict(model, one, prompts, logits=True), images * 2))
    for found, wanted in zip(threads, serial * 2, strict=True):
        close(found, wanted)


def test_no_prompts_no_masks(model, embedding):
    masks = predict(model, embedding, [], logits=True)
    assert (len(masks), masks.size, masks.logits.shape) == (0, (H, W), (0, 16, 16))
    assert predict(model, embedding, []).logits is None
    assert predict_batch(model, [], []) == []


def test_a_saved_embedding_answers_alike(model, embedding, tmp_path):
    embedding.save(tmp_path / "image.safetensors")
    loaded = Embedding.load(tmp_path / "image.safetensors")
    first, second = (predict(model, it, mixed_prompts(), logits=True) for it in (embedding, loaded))
    assert np.abs(first.logits - second.logits).max() < 0.05


def test_bfloat16_weights_give_float32_logits(image):
    torch.manual_seed(0)
    full, half = build(DEBUG).eval(), build(DEBUG).eval()
    half.load_state_dict(full.state_dict())
    half = half.to(torch.bfloat16)
    assert embed(half, image).features.dtype == torch.bfloat16
    masks = predict(half, image, mixed_prompts(), logits=True)
    exact = predict(full, image, mixed_prompts(), logits=True)
    assert masks.logits.dtype == np.float32
    assert np.abs(masks.logits - exact.logits).mean() < 0.1 * exact.logits.std()


def test_a_decoder_can_be_trained_on_an_embedding(model, embedding):
    logits, _ = model.decode(
        embedding.features,
        embedding.skips,
        torch.zeros(1, dtype=torch.long),
        torch.tensor([[[20.0, 20.0]]]),
        torch.tensor([[1]]),
    )
    logits.sum().backward()
    assert model.mask_decoder.iou_token.weight.grad is not None
    model.zero_grad(set_to_none=True)


def test_an_embedding_of_another_model_is_refused(embedding):
    torch.manual_seed(1)
    with pytest.raises(InputError, match=r"image must be an Embedding made by this model .* Embed the image"):
        predict(build(DEBUG).eval(), embedding, [Prompt.point(1, 1)])


def test_a_model_in_training_mode_is_refused(image):
    with pytest.raises(InputError, match=r"model must be in evaluation mode.*model\.eval\(\)"):
        predict(build(DEBUG), image, [Prompt.point(1, 1)])
    with pytest.raises(InputError, match="model must be in evaluation mode"):
        embed(build(DEBUG), image)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([Prompt(text="dog")], "text must be None for this model, got 'dog'"),
        ([Prompt.point(61, 5)], "points must lie in the image"),
        ([Prompt(mask=np.ones((5, 5), bool))], "mask must have the image's size"),
        ([Prompt(mask=np.ones((5, 5)))], "mask must be logits of the model's grid"),
        ([(5, 5)], "prompts must be a list of Prompt"),
        (Prompt.point(5, 5), "prompts must be a list of Prompt, got Prompt"),
    ],
)
def test_prompts_are_checked_before_any_work(model, image, encoded, prompts, words):
    with pytest.raises(PromptError, match=words):
        predict(model, image, prompts)
    assert encoded == []


def test_every_image_needs_its_list(model, image):
    with pytest.raises(InputError, match="prompts must be a list for each of 1 images, got 2"):
        predict_batch(model, [image], [[], []])


def test_the_package_offers_the_function():
    assert public is predict
