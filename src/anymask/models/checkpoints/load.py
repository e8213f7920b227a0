"""Checkpoints: read strictly, written atomically, never executed.

Three layouts are supported: anymask's safetensors files with the configuration in the metadata; the authors'
state dicts of SAM, Painter, SegGPT and CLIP; and folders saved by `save_pretrained` of
`transformers.SamModel`, `SegGptForImageSegmentation` and `CLIPModel`. A file is refused if any parameter is
missing, unknown or of another shape.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from anymask.errors import OutputError, WeightsError
from anymask.files import open_regular, staged
from anymask.models.checkpoints import clip_layouts, painter_layouts, torchscript
from anymask.models.checkpoints import sam_layouts as layouts
from anymask.models.clip import Clip
from anymask.models.config import ClipConfig, DetectorConfig, FeaturePainterConfig, PainterConfig, SamConfig
from anymask.models.detector import Detector
from anymask.models.feature_painter import FeaturePainter
from anymask.models.painter import Painter
from anymask.models.sam import Sam

InContextNetwork: TypeAlias = Painter | FeaturePainter
"""The networks that work by examples."""
Model: TypeAlias = Sam | InContextNetwork
Config: TypeAlias = SamConfig | PainterConfig | FeaturePainterConfig
AnyModel: TypeAlias = Model | Detector
AnyConfig: TypeAlias = Config | DetectorConfig
Stored: TypeAlias = AnyModel | Clip
Network = TypeVar("Network", Detector, Clip)
"""The networks that `load_weights` refuses."""
StoredConfig: TypeAlias = AnyConfig | ClipConfig

_KINDS: dict[str, tuple[type[Stored], type[StoredConfig]]] = {
    "sam": (Sam, SamConfig),
    "painter": (Painter, PainterConfig),
    "feature_painter": (FeaturePainter, FeaturePainterConfig),
    "detector": (Detector, DetectorConfig),
    "clip": (Clip, ClipConfig),
}
METADATA = "anymask"
FORMAT = 1
MODEL_FILE = "model.safetensors"
RUN = "run.json"
"""In the folder of a training run: what was trained, on what."""
NAMES_SHOWN = 5

_HF_LAYOUTS = {painter_layouts.HF_KIND: painter_layouts, clip_layouts.HF_KIND: clip_layouts}
_HF_INDEX, _HF_CONFIG, _HF_PICKLE = "model.safetensors.index.json", "config.json", "pytorch_model.bin"


def load_weights(path: str | os.PathLike[str]) -> Model:
    """Load a model from a file or folder: float32 on the CPU, in evaluation mode.

    Raises `WeightsError` for a path without weights, another architecture, Python code, and if any parameter
    is missing, unknown or of another shape.
    """
    model = _load(path)
    if isinstance(model, Detector | Clip):
        kind = "detector" if isinstance(model, Detector) else "CLIP"
        raise WeightsError(
            f"weights must be of a model that gives masks, got a {kind} in {Path(path).name}. Name compact, "
            "context or a model of your own."
        )
    return model


def load_clip(path: str | os.PathLike[str]) -> Clip:
    """Load a CLIP, as `load_weights`. Raises `WeightsError` also for weights of another model."""
    return _load_as(
        Clip, "a CLIP", path, "Get ViT-B-32.pt or ViT-L-14-336px.pt, or the folder of a CLIPModel."
    )


def load_detector(path: str | os.PathLike[str]) -> Detector:
    """Load an object detector, as `load_weights`. Raises `WeightsError` also for weights of another model."""
    return _load_as(Detector, "an object detector", path, "Train one with: anymask train finetune_detector")


def _load_as(network: type[Network], name: str, path: str | os.PathLike[str], advice: str) -> Network:
    model = _load(path)
    if not isinstance(model, network):
        raise WeightsError(f"weights must be of {name}, got another model in {path}. {advice}")
    return model


def _load(path: str | os.PathLike[str]) -> Stored:
    source = Path(path)
    config, weights = _read(source)
    return _assemble(config, weights, source)


def save(model: Stored, path: str | os.PathLike[str], *, dtype: torch.dtype | None = None) -> Path:
    """Write safetensors with the configuration in the metadata; replaces `path` atomically.

    `dtype` is the type on disk (float16 halves the file); by default that of the model. Raises `OutputError`
    if the folder is missing.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise OutputError(f"path must lie in an existing folder, got {target}. Create {target.parent} first.")
    weights = model.state_dict().items()
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in weights}
    kind = next(name for name, (network, _) in _KINDS.items() if isinstance(model, network))
    head = {"format": FORMAT, "model": kind, "config": model.config.to_dict()}
    with staged(target, force=True) as new:
        save_file(tensors, new, {METADATA: json.dumps(head)})
    return target


def _read(source: Path) -> tuple[StoredConfig, dict[str, Tensor]]:
    if source.is_dir():
        return _read_folder(source)
    if not source.is_file():
        raise WeightsError(f"weights must be an existing file or folder, got {source}. Check the path.")
    kind = _sniff(source)
    if kind == "safetensors":
        return _read_safetensors(source)
    return _read_bare(_load_torch(source), source)


def _read_folder(folder: Path) -> tuple[StoredConfig, dict[str, Tensor]]:
    file = folder / MODEL_FILE
    if file.is_file() and METADATA in _load_safetensors(file)[1]:
        return _read_safetensors(file)
    if (folder / _HF_CONFIG).is_file():
        return _read_hugging_face(folder)
    if file.is_file():
        return _read_safetensors(file)
    if (folder / RUN).is_file():
        raise WeightsError(
            f"the run in {folder} must have saved its model, got none: it was stopped before. "
            f"Resume it with: anymask train -o {folder}"
        )
    raise WeightsError(
        f"a folder of weights must hold {MODEL_FILE}, or the files of save_pretrained, got {folder}. "
        "Give a run directory with a saved model, or the folder of a SamModel or SegGPT."
    )


def _read_safetensors(file: Path) -> tuple[StoredConfig, dict[str, Tensor]]:
    weights, metadata = _load_safetensors(file)
    if METADATA in metadata:
        return _own_config(metadata[METADATA], file), weights
    if (file.parent / _HF_CONFIG).is_file() and _is_hugging_face(weights):
        return _read_hugging_face(file.parent)
    return _read_bare(weights, file)


def _is_hugging_face(names: Collection[str]) -> bool:
    if painter_layouts.is_hugging_face(names) or clip_layouts.is_hugging_face(names):
        return True
    return any(name.startswith("vision_encoder.") for name in names)


def _own_config(text: str, file: Path) -> StoredConfig:
    try:
        head = json.loads(text)
        if head["format"] != FORMAT or head["model"] not in _KINDS:
            raise ValueError(f"format {head['format']} of a '{head['model']}' model")
        return _KINDS[head["model"]][1].from_dict(head["config"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"weights must be in a format that this version reads ({', '.join(_KINDS)}, {FORMAT}), got "
            f"{file} ({error}). Update anymask, or save the model again."
        ) from error


def _read_hugging_face(folder: Path) -> tuple[StoredConfig, dict[str, Tensor]]:
    try:
        values = json.loads((folder / _HF_CONFIG).read_text("utf-8"))
        layout: Any = _HF_LAYOUTS.get(values.get("model_type"), layouts)
        config: StoredConfig = layout.hugging_face_config(values)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise WeightsError(
            f"{folder / _HF_CONFIG} must describe a SamModel, SegGPT or CLIPModel, got {error!r}. "
            "Save it again."
        ) from error
    return config, layout.from_hugging_face(_hugging_face_tensors(folder))


def _hugging_face_tensors(folder: Path) -> dict[str, Tensor]:
    if (folder / MODEL_FILE).is_file():
        return _load_safetensors(folder / MODEL_FILE)[0]
    if (folder / _HF_INDEX).is_file():
        return _load_shards(folder)
    if (folder / _HF_PICKLE).is_file():
        _sniff(folder / _HF_PICKLE)
        return _only_tensors(_load_torch(folder / _HF_PICKLE), folder / _HF_PICKLE)
    raise WeightsError(
        f"a folder of save_pretrained must hold {MODEL_FILE}, got {folder} with {_HF_CONFIG} alone. "
        "Download it too."
    )


def _load_shards(folder: Path) -> dict[str, Tensor]:
    try:
        names = sorted(set(json.loads((folder / _HF_INDEX).read_text("utf-8"))["weight_map"].values()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _corrupt(folder / _HF_INDEX, error) from error
    weights: dict[str, Tensor] = {}
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise WeightsError(
                f"each shard of {folder / _HF_INDEX} must lie there, got no file '{name}'. Download it too."
            )
        weights |= _load_safetensors(folder / name)[0]
    return weights


def _read_bare(loaded: object, source: Path) -> tuple[StoredConfig, dict[str, Tensor]]:
    weights = _only_tensors(painter_layouts.unwrapped(loaded), source)
    try:
        if clip_layouts.is_authors(weights):
            weights = clip_layouts.from_authors(weights)
            return clip_layouts.config_from_shapes(weights), weights
        if painter_layouts.SIGN in weights:
            weights = painter_layouts.from_authors(weights)
            return painter_layouts.config_from_shapes(weights), weights
        return layouts.config_from_shapes(weights), weights
    except (KeyError, ValueError) as error:
        owner = layouts.recognise(weights)
        advice = "the folder with its config.json" if "Hugging Face" in owner else "the checkpoint of a SAM"
        raise WeightsError(
            f"{source} must hold a SAM's parameters (image_encoder.*, prompt_encoder.*, mask_decoder.*), "
            f"got {_some(weights)}. It seems to be {owner}; give {advice}."
        ) from error


def _only_tensors(loaded: object, source: Path) -> dict[str, Tensor]:
    if isinstance(loaded, Mapping) and loaded and all(isinstance(value, Tensor) for value in loaded.values()):
        return {str(name): value for name, value in loaded.items()}
    for key, inner in loaded.items() if isinstance(loaded, Mapping) else ():
        if isinstance(inner, Mapping) and any(isinstance(value, Tensor) for value in inner.values()):
            owner = layouts.recognise([str(name) for name in inner])
            raise WeightsError(
                f"{source} must be a bare state dict, got one wrapped under '{key}'. "
                f"It seems to be {owner}; if that is a SAM, save this entry alone."
            )
    raise WeightsError(
        f"{source} must hold named tensors only, got {type(loaded).__name__}. Save model.state_dict()."
    )


class _Uninitialised(TorchFunctionMode):
    """Builds modules without initialising their weights, which are replaced anyway.

    The meta device does the same, but its functions import 800 modules: 1.8 s of CPU time instead of 0.04
    for the compact model.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _assemble(config: StoredConfig, weights: Mapping[str, Tensor], source: Path) -> Stored:
    try:
        with _Uninitialised():
            model = build(config)
    except (AssertionError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(
            f"the configuration of {source} must be valid, got {error!r}. Save the model again."
        ) from error
    _check(model.state_dict(), weights, source)
    model.load_state_dict({name: weights[name].float() for name in model.state_dict()}, assign=True)
    return model.eval()


@overload
def build(config: SamConfig) -> Sam: ...
@overload
def build(config: PainterConfig) -> Painter: ...
@overload
def build(config: FeaturePainterConfig) -> FeaturePainter: ...
@overload
def build(config: DetectorConfig) -> Detector: ...
@overload
def build(config: ClipConfig) -> Clip: ...
@overload
def build(config: AnyConfig) -> AnyModel: ...
def build(config: StoredConfig) -> Stored:
    """A new model with random weights, in training mode, on the CPU."""
    network = next(network for network, settings in _KINDS.values() if isinstance(config, settings))
    return network(config)  # type: ignore[arg-type]


def _check(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: Path) -> None:
    """Raise `WeightsError` unless names, shapes and types of the weights are exactly the expected ones."""
    both = [name for name in expected if name in weights]
    faults = {
        "missing": [name for name in expected if name not in weights],
        "unexpected": [name for name in weights if name not in expected],
        "of another shape": [
            f"{name} {_shape(weights[name])} instead of {_shape(expected[name])}"
            for name in both
            if weights[name].shape != expected[name].shape
        ],
        "not floating point": [name for name in both if not weights[name].is_floating_point()],
    }
    found = [f"{len(names)} {fault} ({_some(names)})" for fault, names in faults.items() if names]
    if found:
        raise WeightsError(
            f"{source} must fit its model exactly, got parameters {', '.join(found)}. "
            f"It seems to be {layouts.recognise(weights)}; give a whole checkpoint of a known model."
        )


def _shape(tensor: Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "scalar"


def _some(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:NAMES_SHOWN])
    return f"{shown}, ..." if len(names) > NAMES_SHOWN else shown or "none"


def _sniff(file: Path) -> str:
    """Detect "safetensors" or "torch" from the first bytes. Raises `WeightsError` for anything else."""
    with open_regular(file) as stream:
        head = stream.read(256)
    if len(head) > 8 and head[8:9] == b"{":  # tested first: the length before it may look like a pickle
        return "safetensors"
    if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        return "torch"
    raise WeightsError(f"{file} must be a .safetensors or .pth checkpoint, got {_what(head)}.")


def _what(head: bytes) -> str:
    text = head.lstrip().lower()
    if not head:
        return "an empty file. Download it again"
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page. Download the file itself; the address may need a login or has moved"
    if text.startswith(b"version https://git-lfs"):
        return "a git-lfs pointer, not the file it stands for. Run 'git lfs pull'"
    if head.startswith(b"\x89HDF"):
        return "an HDF5 file. Convert it to safetensors"
    return "something else. Check the path, or download it again"


def _load_safetensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    _sniff(file)
    try:
        with safe_open(file, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _corrupt(file, error) from error


def _load_torch(file: Path) -> Any:
    """The tensors and containers of a file. Raises `WeightsError` for code and for a corrupt file."""
    try:
        with warnings.catch_warnings():  # the error below is enough
            warnings.simplefilter("ignore")
            if torchscript.is_archive(file):
                return torchscript.read_tensors(file)
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a corrupt pickle can raise anything
        if _holds_code(error):
            raise WeightsError(
                f"{file} must hold tensors only, got Python objects, which can run any code when loaded. "
                "They were not loaded. Get a .safetensors file or a plain state dict."
            ) from error
        raise _corrupt(file, error) from error


def _holds_code(error: Exception) -> bool:
    signs = ("GLOBAL", "TorchScript", "Can only", "must be imported", "reduce", "Unsupported operand")
    return any(sign in str(error) for sign in signs)


def _corrupt(file: Path, error: Exception) -> WeightsError:
    reason = str(error).split("\n", 1)[0][:160]
    return WeightsError(
        f"{file} must be a complete checkpoint, got a truncated or corrupt one ({reason}). Download it again."
    )
