"""Checkpoints: strict, explained, atomic, never executed."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from anymask.errors import OutputError, WeightsError
from anymask.models import build, save
from anymask.models.checkpoints.load import load_weights
from anymask.models.checkpoints.sam_layouts import (
    config_from_shapes,
    from_hugging_face,
    hugging_face_config,
    recognise,
)
from anymask.models.config import DEBUG, DEBUG_VIT, SamConfig
from anymask.models.sam import Sam

AUTHORS = replace(DEBUG_VIT, decoder_heads=8)  # eight heads, as the authors' files imply


@pytest.fixture(scope="module")
def model() -> Sam:
    torch.manual_seed(0)
    return build(AUTHORS).eval()


@pytest.fixture
def authors_file(model: Sam, tmp_path: Path) -> Path:
    path = tmp_path / "sam.pth"
    torch.save(model.state_dict(), path)
    return path


def assert_same(a: Sam, b: Sam) -> None:
    assert a.config == b.config
    theirs = b.state_dict()
    for name, tensor in a.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def changed(model: Sam, path: Path, change: Callable[[dict[str, Tensor]], Any]) -> Path:
    state = dict(model.state_dict())
    change(state)
    torch.save(state, path)
    return path


# Our own format


@pytest.mark.parametrize("config", [DEBUG, DEBUG_VIT])
def test_own_files_come_back_as_they_were(config: SamConfig, tmp_path: Path) -> None:
    original = build(config)
    loaded = load_weights(save(original, tmp_path / "model.safetensors"))
    assert_same(loaded, original)
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_a_header_as_long_as_a_pickle_mark_opens(model: Sam, tmp_path: Path) -> None:
    """A file of safetensors begins with the length of its header; 128 and some are the mark of a pickle."""
    path = save(model, tmp_path / "model.safetensors")
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    spaces = (0x80 - length) % 256
    path.write_bytes(
        (length + spaces).to_bytes(8, "little") + data[8 : 8 + length] + b" " * spaces + data[8 + length :]
    )
    assert path.read_bytes()[:1] == b"\x80"
    assert_same(load_weights(path), model)


def test_a_run_directory_opens(model: Sam, tmp_path: Path) -> None:
    save(model, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"not": "a SamModel"}')
    assert_same(load_weights(tmp_path), model)


def test_loading_draws_no_weights_first(model: Sam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(model, tmp_path / "model.safetensors")

    def draw(*arguments: Any, **options: Any) -> None:
        raise AssertionError("drawing takes longer than reading")

    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(torch.Tensor, name, draw, raising=False)
    loaded = load_weights(path)
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())


def test_half_precision_on_disk_loads_as_float32(model: Sam, tmp_path: Path) -> None:
    whole = save(model, tmp_path / "whole.safetensors").stat().st_size
    path = save(model, tmp_path / "half.safetensors", dtype=torch.float16)
    assert path.stat().st_size < 0.7 * whole
    loaded = load_weights(path)
    assert loaded.dtype == torch.float32
    for name, tensor in loaded.state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[name], atol=1e-3, rtol=1e-3)


def test_saving_replaces_in_one_step(model: Sam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(model, tmp_path / "model.safetensors")
    before = path.read_bytes()

    def fail(tensors: object, target: Path, metadata: object) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("anymask.models.checkpoints.load.save_file", fail)
    with pytest.raises(KeyboardInterrupt):
        save(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_saving_into_a_missing_folder_is_refused(model: Sam, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"path must lie in an existing folder, got .*nowhere"):
        save(model, tmp_path / "nowhere" / "model.safetensors")


@pytest.mark.parametrize(
    "head",
    [
        "no json",
        '{"format": 99, "model": "sam", "config": {}}',
        '{"format": 1, "model": "dino", "config": {}}',
        '{"format": 1, "model": "sam", "config": {"encoder": {"kind": "vit"}, "wings": 2}}',
        '{"format": 1, "model": "sam", "config": {"encoder": {"kind": "unheard"}}}',
        "[]",
    ],
)
def test_an_unknown_format_is_refused(head: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"x": torch.zeros(1)}, path, {"anymask": head})
    assert "must be in a format that this version reads" in refusal(path)


def test_a_configuration_that_makes_no_model_is_refused(model: Sam, tmp_path: Path) -> None:
    config = replace(DEBUG_VIT, decoder_heads=7).to_dict()
    path = tmp_path / "model.safetensors"
    save_file(
        model.state_dict(), path, {"anymask": json.dumps({"format": 1, "model": "sam", "config": config})}
    )
    assert "must be valid, got" in refusal(path)


# The authors' layout


def test_the_authors_file_opens_by_its_shapes_alone(model: Sam, authors_file: Path) -> None:
    assert_same(load_weights(authors_file), model)


def test_the_same_state_dict_as_safetensors_opens(model: Sam, tmp_path: Path) -> None:
    save_file(model.state_dict(), tmp_path / "sam.safetensors")
    assert_same(load_weights(tmp_path / "sam.safetensors"), model)


def test_the_old_file_format_of_torch_opens(model: Sam, tmp_path: Path) -> None:
    torch.save(model.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_same(load_weights(tmp_path / "old.pth"), model)


def test_missing_weights_are_named(model: Sam, tmp_path: Path) -> None:
    path = changed(model, tmp_path / "a.pth", lambda state: state.pop("mask_decoder.iou_token.weight"))
    assert "1 missing (mask_decoder.iou_token.weight)" in refusal(path)


def test_five_names_at_most_are_shown(model: Sam, tmp_path: Path) -> None:
    def grow(state: dict[str, Tensor]) -> None:
        state.update({f"extra.{index}": torch.zeros(1) for index in range(7)})

    message = refusal(changed(model, tmp_path / "a.pth", grow))
    assert "7 unexpected (extra.0, extra.1, extra.2, extra.3, extra.4, ...)" in message


def test_weights_of_another_shape_are_named_with_both(model: Sam, tmp_path: Path) -> None:
    def cut(state: dict[str, Tensor]) -> None:
        state["prompt_encoder.no_mask_embed.weight"] = torch.zeros(1, 7)

    message = refusal(changed(model, tmp_path / "a.pth", cut))
    assert "1 of another shape (prompt_encoder.no_mask_embed.weight 1x7 instead of 1x32)" in message


def test_integer_weights_are_refused(model: Sam, tmp_path: Path) -> None:
    def quantise(state: dict[str, Tensor]) -> None:
        state["mask_decoder.iou_token.weight"] = state["mask_decoder.iou_token.weight"].to(torch.int8)

    assert "1 not floating point (mask_decoder.iou_token.weight)" in refusal(
        changed(model, tmp_path / "a.pth", quantise)
    )


@pytest.mark.parametrize(
    ("names", "owner"),
    [
        (["image_encoder.trunk.blocks.0.norm1.weight", "memory_attention.layers.0"], "a SAM 2"),
        (["vision_encoder.backbone.patch_embed.projection.weight"], "a SAM 2"),
        (["image_encoder.patch_embed.seq.0.c.weight", "mask_decoder.iou_token.weight"], "a MobileSAM"),
        (["image_encoder.pos_embed", "mask_decoder.hf_token.weight"], "a SAM-HQ"),
        (["vision_encoder.pos_embed", "shared_image_embedding.positional_embedding"], "a Hugging Face SAM"),
        (["mask_token", "segment_token_x", "decoder_embed.weight"], "a Painter or SegGPT"),
        (["visual.conv1.weight", "logit_scale"], "a CLIP"),
        (["cls_token", "blocks.0.attn.qkv.weight"], "a plain ViT"),
        (["conv1.weight", "layer1.0.conv1.weight"], "a ResNet"),
        (["weight"], "a checkpoint of an unknown model"),
    ],
)
def test_other_architectures_are_recognised(names: list[str], owner: str, tmp_path: Path) -> None:
    torch.save({name: torch.zeros(1) for name in names}, tmp_path / "other.pth")
    message = refusal(tmp_path / "other.pth")
    assert f"It seems to be {owner}" in message
    assert names[0] in message


def test_a_compact_state_dict_without_its_configuration_is_recognised(tmp_path: Path) -> None:
    torch.save(build(DEBUG).state_dict(), tmp_path / "compact.pth")
    assert "It seems to be an anymask compact checkpoint" in refusal(tmp_path / "compact.pth")


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_wrapped_state_dicts_are_refused_with_the_way_out(key: str, model: Sam, tmp_path: Path) -> None:
    torch.save({key: dict(model.state_dict()), "epoch": 3}, tmp_path / "run.pth")
    message = refusal(tmp_path / "run.pth")
    assert f"wrapped under '{key}'" in message
    assert "It seems to be a SAM checkpoint" in message


@pytest.mark.parametrize("content", [[torch.zeros(1)], {}, {"lr": 0.1}, torch.zeros(3)])
def test_other_contents_are_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    assert "must hold named tensors only" in refusal(tmp_path / "other.pth")


# Files that are no checkpoints


class Bomb:
    """Runs a program when unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_refused_and_not_run(
    zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bomb.pth"
    torch.save({"weight": torch.zeros(1), "extra": Bomb()}, path, _use_new_zipfile_serialization=zipped)
    assert "must hold tensors only, got Python objects, which can run any code" in refusal(path)
    assert not (tmp_path / "exploded").exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    assert "must hold tensors only" in refusal(tmp_path / "bomb.pkl")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>Sign in</html>", "a web page"),
        (b"\n <html><body>404", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a git-lfs pointer"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "an HDF5 file"),
        (b"just some text, no weights at all", "something else"),
    ],
)
def test_what_is_no_checkpoint_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    message = refusal(path)
    assert f"must be a .safetensors or .pth checkpoint, got {said}" in message


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_truncated_pth_is_refused(kept: float, authors_file: Path) -> None:
    data = authors_file.read_bytes()
    authors_file.write_bytes(data[: int(len(data) * kept)])
    assert "got a truncated or corrupt one" in refusal(authors_file)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_truncated_safetensors_is_refused(kept: float, model: Sam, tmp_path: Path) -> None:
    path = save(model, tmp_path / "model.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert "got a truncated or corrupt one" in refusal(path)


def test_another_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "got a truncated or corrupt one" in refusal(tmp_path / "photos.zip")


def test_missing_paths_and_empty_folders_are_refused(tmp_path: Path) -> None:
    assert "must be an existing file or folder" in refusal(tmp_path / "nothing.pth")
    assert "a folder of weights must hold model.safetensors" in refusal(tmp_path)


# The Hugging Face layout: names and settings; the numbers are compared in tests/parity


def hugging_face_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names turned back, by a table written apart from the code's."""
    steps = [
        ("image_encoder.patch_embed.proj.", "vision_encoder.patch_embed.projection."),
        ("image_encoder.blocks.", "vision_encoder.layers."),
        ("image_encoder.neck.0.", "vision_encoder.neck.conv1."),
        ("image_encoder.neck.1.", "vision_encoder.neck.layer_norm1."),
        ("image_encoder.neck.2.", "vision_encoder.neck.conv2."),
        ("image_encoder.neck.3.", "vision_encoder.neck.layer_norm2."),
        ("image_encoder.", "vision_encoder."),
        (".norm_final_attn.", ".layer_norm_final_attn."),
        (".norm1.", ".layer_norm1."),
        (".norm2.", ".layer_norm2."),
        (".norm3.", ".layer_norm3."),
        (".norm4.", ".layer_norm4."),
        (
            "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
            "shared_image_embedding.positional_embedding",
        ),
        ("mask_downscaling.0.", "mask_embed.conv1."),
        ("mask_downscaling.1.", "mask_embed.layer_norm1."),
        ("mask_downscaling.3.", "mask_embed.conv2."),
        ("mask_downscaling.4.", "mask_embed.layer_norm2."),
        ("mask_downscaling.6.", "mask_embed.conv3."),
        ("point_embeddings.", "point_embed."),
        ("output_upscaling.0.", "upscale_conv1."),
        ("output_upscaling.1.", "upscale_layer_norm."),
        ("output_upscaling.3.", "upscale_conv2."),
    ]
    renamed = {}
    for name, tensor in state.items():
        for ours, theirs in steps:
            name = name.replace(ours, theirs)
        if "hypernetworks" in name or "iou_prediction_head" in name:
            for ours, theirs in (("layers.0", "proj_in"), ("layers.1", "layers.0"), ("layers.2", "proj_out")):
                if ours in name:
                    name = name.replace(ours, theirs)
                    break
        renamed[name] = tensor
    return renamed


SETTINGS: dict[str, Any] = {
    "model_type": "sam",
    "vision_config": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "global_attn_indexes": [1],
        "window_size": 4,
        "output_channels": 32,
        "image_size": 128,
        "mlp_dim": 128,
    },
    "prompt_encoder_config": {"hidden_size": 32},
    "mask_decoder_config": {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    save_file(
        hugging_face_names(build(DEBUG_VIT).state_dict()), tmp_path / "model.safetensors", {"format": "pt"}
    )
    (tmp_path / "config.json").write_text(json.dumps(SETTINGS))
    return tmp_path


def test_a_hugging_face_folder_opens(folder: Path) -> None:
    torch.manual_seed(1)
    expected = build(DEBUG_VIT)
    expected.config = replace(DEBUG_VIT, decoder_eps=1e-6)
    assert_same(load_weights(folder), expected)
    assert_same(load_weights(folder / "model.safetensors"), expected)


def test_both_copies_of_the_position_matrix_may_be_there(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    matrix = weights["shared_image_embedding.positional_embedding"]
    copy = {"prompt_encoder.shared_embedding.positional_embedding": matrix.clone()}
    assert from_hugging_face(weights | copy).keys() == from_hugging_face(weights).keys()
    copy["prompt_encoder.shared_embedding.positional_embedding"] += 1
    with pytest.raises(WeightsError, match="must equal the other copy of the position matrix"):
        from_hugging_face(weights | copy)


def test_shards_and_old_pickles_open(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    expected = load_weights(folder)
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    assert_same(load_weights(folder), expected)
    names = sorted(weights)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in files.items():
        save_file({name: weights[name] for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in files.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert_same(load_weights(folder), expected)
    (folder / "b.safetensors").unlink()
    assert "must lie there, got no file 'b.safetensors'" in refusal(folder)
    index["weight_map"][names[0]] = "../a.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "got no file '../a.safetensors'" in refusal(folder)
    (folder / "model.safetensors.index.json").write_text("{}")
    assert "truncated or corrupt" in refusal(folder)


def test_a_folder_with_the_settings_alone_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "must hold model.safetensors" in refusal(folder)


def test_a_hugging_face_file_away_from_its_folder_is_refused(folder: Path, tmp_path_factory: Any) -> None:
    lone = tmp_path_factory.mktemp("lone") / "model.safetensors"
    lone.write_bytes((folder / "model.safetensors").read_bytes())
    message = refusal(lone)
    assert "a Hugging Face SAM" in message
    assert "give the folder with its config.json" in message


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("vision_config", "use_rel_pos", False),
        ("vision_config", "hidden_act", "relu"),
        ("prompt_encoder_config", "num_point_embeddings", 5),
        ("mask_decoder_config", "num_multimask_outputs", 5),
        ("mask_decoder_config", "iou_head_hidden_dim", 99),
    ],
)
def test_settings_of_no_published_sam_are_refused(section: str, key: str, value: object) -> None:
    values = SETTINGS | {section: SETTINGS[section] | {key: value}}
    with pytest.raises(WeightsError, match=rf"{section}.{key} of config.json must be"):
        hugging_face_config(values)


@pytest.mark.parametrize("kind", ["sam2", "siglip", None])
def test_another_model_type_is_refused(kind: str | None, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(SETTINGS | {"model_type": kind}))
    assert f"must have model_type 'sam', 'seggpt' or 'clip', got {kind!r}" in refusal(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"model_type": "sam", "vision_config": 3}'])
def test_a_broken_config_is_refused(text: str, folder: Path) -> None:
    (folder / "config.json").write_text(text)
    assert "must describe a SamModel" in refusal(folder)


def test_published_defaults_fill_a_sparse_config() -> None:
    from anymask.models.config import SAM_VIT_B

    assert hugging_face_config({"model_type": "sam"}) == replace(SAM_VIT_B, decoder_eps=1e-6)


# Shapes and names


@pytest.mark.parametrize("image_size", [64, 128])
def test_windows_are_told_from_global_blocks(image_size: int) -> None:
    config = replace(AUTHORS, size=image_size, encoder=replace(AUTHORS.encoder, image_size=image_size))
    with torch.device("meta"):
        state = build(config).state_dict()
    found = config_from_shapes(state).encoder
    if image_size == 64:  # the window covers the grid: all blocks are the same
        assert found == replace(config.encoder, global_blocks=(0, 1), window=14)
    else:
        assert found == config.encoder


def test_recognise_needs_no_tensors() -> None:
    assert recognise(["image_encoder.blocks.0.attn.rel_pos_h"]) == "a SAM checkpoint"


# The hash that embeddings carry


def test_hash_names_the_encoder(tmp_path: Path) -> None:
    torch.manual_seed(2)
    first = build(DEBUG)
    name = first.fingerprint
    assert len(name) == 16
    assert int(name, 16) >= 0
    assert load_weights(save(first, tmp_path / "m.safetensors")).fingerprint == name
    assert load_weights(tmp_path / "m.safetensors").bfloat16().fingerprint == name
    assert build(DEBUG).fingerprint != name


def test_hash_follows_training_of_the_encoder_alone() -> None:
    model = build(DEBUG)
    name = model.fingerprint
    with torch.no_grad():
        next(model.mask_decoder.parameters()).add_(1.0)
    assert model.fingerprint == name
    with torch.no_grad():
        next(model.image_encoder.parameters()).add_(1.0)
    assert model.fingerprint != name


def test_hash_follows_a_layer_that_is_replaced() -> None:
    model = build(DEBUG_VIT)
    name, block = model.fingerprint, model.image_encoder.blocks[0]
    block.mlp.lin1 = torch.nn.Linear(block.mlp.lin1.in_features, block.mlp.lin1.out_features)
    assert model.fingerprint != name


def test_hash_leaves_settings_of_training_out() -> None:
    torch.manual_seed(3)
    model = build(DEBUG_VIT)
    other = build(replace(DEBUG_VIT, encoder=replace(DEBUG_VIT.encoder, drop_path=0.5)))
    other.load_state_dict(model.state_dict())
    assert other.fingerprint == model.fingerprint
