"""From a configuration to data, model and task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anymask.errors import FormatError, InputError, UnknownNameError
from anymask.models import build, save
from anymask.models.compact_encoder import CompactEncoder
from anymask.models.config import DEBUG, DEBUG_VIT
from anymask.models.layers import DropPath
from anymask.train import build as start
from anymask.train.build import make_task, open_model, open_sources, set_drop_path, split_weight
from anymask.train.config import TrainConfig
from anymask.train.painter import PaintTask


def quiet(_: str):
    return lambda *_: None


def test_weights_of_paths(tmp_path) -> None:
    assert split_weight("a/b=2.5") == (Path("a/b"), 2.5)
    assert split_weight("a/b") == (Path("a/b"), None)
    assert split_weight("a=b/c") == (Path("a=b/c"), None)
    (tmp_path / "x=3").mkdir()
    assert split_weight(str(tmp_path / "x=3")) == (tmp_path / "x=3", None)
    for bad in ("0", "-1", "inf", "nan"):
        with pytest.raises(InputError, match=f"the weight of a must be a positive number, got {bad}"):
            split_weight(f"a={bad}")


def test_splits_are_found(write_data) -> None:
    both, (one,) = write_data("both", 5, 3), open_sources([write_data("one", 4)], TrainConfig(), quiet)
    (source,) = open_sources([both], TrainConfig(), quiet)
    assert (len(source.train), len(source.val), source.weight) == (5, 3, 1.0)
    assert (len(one.train), one.val) == (4, None)
    (file,) = open_sources([both / "train-000000.tar"], TrainConfig(), quiet)
    assert (len(file.train), file.val) == (5, None)
    assert file.fingerprint == source.fingerprint != one.fingerprint


def test_weights_come_from_the_path_or_the_configuration(write_data) -> None:
    a, b = write_data("a", 2), write_data("b", 2)
    config = TrainConfig(weights={"a": 4.0, "b": 5.0, "unused": 9.0})
    assert [source.weight for source in open_sources([a, f"{b}=0.5"], config, quiet)] == [4.0, 0.5]


def voc(root: Path, train: int, val: int) -> Path:
    """Pascal VOC's layout with images of one square."""
    classes, listed = np.zeros((24, 32), np.uint8), root / "ImageSets/Segmentation"
    classes[4:16, 4:16] = 8
    listed.mkdir(parents=True)
    for split, count in (("train", train), ("val", val)):
        names = [f"{split}_{number}" for number in range(count)]
        if count:
            (listed / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            for folder, array in (
                ("JPEGImages", np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)),
                ("SegmentationClass", classes),
                ("SegmentationObject", (classes > 0).astype(np.uint8)),
            ):
                (root / folder).mkdir(exist_ok=True)
                ending = "jpg" if folder == "JPEGImages" else "png"
                Image.fromarray(array).save(root / folder / f"{name}.{ending}")
    return root


def test_published_sets_are_opened_by_their_names(tmp_path, monkeypatch) -> None:
    config = TrainConfig(weights={"voc": 3.0})
    (both,) = open_sources([f"voc:{voc(tmp_path / 'both', 3, 2)}"], config, quiet)
    assert (both.train.name, len(both.train), len(both.val), both.weight) == ("voc", 3, 2, 3.0)
    assert both.train[0].meta["categories"] == ["cat"]
    monkeypatch.chdir(tmp_path)
    voc(tmp_path / "one", 2, 0)
    (one,) = open_sources(["voc:one=0.5"], config, quiet)
    assert (one.val, one.weight, one.address) == (None, 0.5, f"voc:{tmp_path / 'one'}")
    voc(tmp_path / "ade:here", 0, 0)
    with pytest.raises(FormatError, match="path must be a folder with"):
        open_sources(["ade:here"], config, quiet)
    with pytest.raises(UnknownNameError, match=r"data must be a known name, got 'vox'\. Did you mean 'voc'"):
        open_sources(["vox:one"], config, quiet)
    with pytest.raises(FormatError, match="root must hold images/training, got one without"):
        open_sources(["ade20k:one"], config, quiet)


def test_data_that_cannot_be_used(write_data, tmp_path) -> None:
    only_val = write_data("only_val", 0, 2)
    with pytest.raises(FormatError, match=r"split must be one of val in .* got 'train'"):
        open_sources([only_val], TrainConfig(), quiet)
    with pytest.raises(InputError, match="data must name a data set, got none"):
        open_sources([], TrainConfig(), quiet)
    with pytest.raises(FormatError, match=r"got .*missing"):
        open_sources([tmp_path / "missing"], TrainConfig(), quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="path must be a folder with"):
        open_sources([tmp_path / "empty"], TrainConfig(), quiet)
    data = write_data("twice", 2)
    with pytest.raises(InputError, match="data must have different names, got twice twice"):
        open_sources([data, data], TrainConfig(), quiet)


def test_a_set_without_images_is_refused(tmp_path) -> None:
    import tarfile

    with tarfile.open(tmp_path / "train-000000.tar", "w"):
        pass
    with pytest.raises(InputError, match="data must hold images with masks, got none in"):
        open_sources([tmp_path], TrainConfig(), quiet)


def test_a_model_from_scratch_depends_on_the_seed(tiny) -> None:
    first, again = open_model(tiny), open_model(tiny)
    other = open_model(replace(tiny, loop=replace(tiny.loop, seed=1)))
    name = "mask_decoder.iou_token.weight"
    assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])
    assert first.training


def test_a_model_from_a_path_keeps_its_own_configuration(tiny, tmp_path) -> None:
    torch.manual_seed(3)
    other = build(DEBUG_VIT)
    save(other, tmp_path / "model.safetensors")
    found = open_model(replace(tiny, init=str(tmp_path)))
    assert found.config == DEBUG_VIT
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("name", "lite", "blocks"), [("compact", 0, 16), ("compact_lite1", 1, 21), ("compact_lite2", 2, 21)]
)
def test_imagenet_weights_go_into_the_compact_models_only(
    tiny, monkeypatch, name: str, lite: int, blocks: int
) -> None:
    filled: list[tuple[CompactEncoder, int]] = []
    monkeypatch.setattr(start, "load_imagenet", lambda *given: filled.append(given))
    model = open_model(replace(tiny, model=name, init="imagenet"))
    assert filled == [(model.image_encoder, lite)]
    assert sum(len(stage) for stage in model.image_encoder.stages) == blocks
    attention = model.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    assert torch.equal(attention.q_proj.weight, attention.k_proj.weight)
    with pytest.raises(InputError, match=r"init=imagenet must go with model=.*context, got debug"):
        open_model(replace(tiny, init="imagenet"))


def test_unknown_names(tiny) -> None:
    with pytest.raises(UnknownNameError, match=r"model must be a known name, got 'kompact'\. Did you"):
        open_model(replace(tiny, model="kompact"))
    with pytest.raises(UnknownNameError, match="model must be a known name, got 'imagnet'"):
        open_model(replace(tiny, init="imagnet"))
    with pytest.raises(UnknownNameError, match=r"tune must be a known name, got 'decode'\. Did you"):
        replace(tiny, tune="decode")


def test_what_learns(tiny) -> None:
    def learning(tune: str) -> set[str]:
        model = open_model(replace(tiny, tune=tune))
        return {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}

    assert learning("all") == learning("lora") >= {"image_encoder", "prompt_encoder", "mask_decoder"}
    assert learning("decoder").isdisjoint({"image_encoder"})


@pytest.mark.parametrize("name", ["debug", "debug_vit"])
def test_the_head_is_all_but_the_backbone(tiny, name) -> None:
    model = open_model(replace(tiny, model=name, tune="head"))
    frozen = {n.split(".")[1] for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen == ({"stem", "stages"} if name == "debug" else {"patch_embed", "pos_embed", "blocks"})
    assert all(p.requires_grad for n, p in model.named_parameters() if ".neck." in n or "decoder" in n)


def test_drop_path_rises_with_depth(tiny) -> None:
    model = open_model(replace(tiny, model="debug_vit", drop_path=0.4))
    rates = [layer.rate for layer in model.modules() if isinstance(layer, DropPath)]
    assert rates == [0.0, 0.4]
    assert model.config == DEBUG_VIT
    with pytest.raises(InputError, match=r"drop_path must be 0 for an encoder that is not a ViT, got 0\.4"):
        open_model(replace(tiny, drop_path=0.4))
    with pytest.raises(InputError, match=r"drop_path must be at least 0 and under 1, got 1\.0"):
        set_drop_path(model, 1.0)


def test_the_task_follows_the_configuration(tiny, write_data, tmp_path) -> None:
    sources = open_sources([write_data("a", 3), f"{write_data('b', 3)}=3"], tiny, quiet)
    model = build(DEBUG)
    task = make_task(replace(tiny, size=96), model, sources, tmp_path)
    assert task.augment.size == 96
    assert task.item(0).image_BSS3.shape == (1, 96, 96, 3)
    assert task.mixture.weights.tolist() == [0.25, 0.75]
    assert task.embeddings is None
    assert make_task(replace(tiny, tune="decoder"), model, sources, tmp_path).embeddings is not None


def test_cutouts_are_pasted_but_not_on_frozen_images(tiny, write_data, tmp_path) -> None:
    sources = open_sources([write_data("a", 3)], tiny, quiet)
    config = replace(tiny, cutouts=str(write_data("cutouts", 2)))
    assert len(make_task(config, build(DEBUG), sources, tmp_path).cutouts) == 2
    with pytest.raises(InputError, match="cutouts must be empty with tune=decoder"):
        make_task(replace(config, tune="decoder"), build(DEBUG), sources, tmp_path)


def test_in_context_models_paint(tiny, write_data, tmp_path, monkeypatch) -> None:
    filled: list[object] = []
    monkeypatch.setattr(start, "load_imagenet", lambda encoder, lite=0: filled.append(encoder))
    model = open_model(replace(tiny, model="context", init="imagenet"))
    assert filled == [model.backbone]
    config = replace(tiny, model="context_debug", size=96)
    model = open_model(config)
    assert not any(p.requires_grad for p in model.backbone.parameters())
    task = make_task(config, model, open_sources([write_data()], config, quiet), tmp_path)
    assert isinstance(task, PaintTask)
    assert task.item(0).images_BHW3.shape == (1, 192, 96, 3)
    assert task.item(0).hidden_Bhw.shape == (1, 12, 6)
    with pytest.raises(InputError, match="tune must be all for an in-context model, got lora"):
        open_model(replace(config, tune="lora"))
    rates = [drop.rate for drop in drops(open_model(replace(tiny, model="painter_debug", drop_path=0.3)))]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3])


def drops(model: torch.nn.Module) -> list[DropPath]:
    return [layer for layer in model.modules() if isinstance(layer, DropPath)]
