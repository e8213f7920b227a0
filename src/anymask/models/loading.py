"""Loading of models by name or path: `load`, and `load_sam` and `load_painter` for one kind of model."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, overload

from anymask.errors import InputError, needs_torch, unknown_name
from anymask.models.checkpoints import hub
from anymask.models.checkpoints.hub import Card, Progress
from anymask.models.protocol import (
    InContext,
    ObjectDetector,
    Promptable,
    TextEncoder,
    is_in_context,
    is_promptable,
)

if TYPE_CHECKING:
    import torch

    from anymask.models.checkpoints.load import InContextNetwork, Model
    from anymask.models.sam import Sam

__all__ = [
    "PainterName",
    "SamName",
    "load",
    "load_detector",
    "load_network",
    "load_painter",
    "load_sam",
    "load_text_encoder",
    "variants",
]

SamName: TypeAlias = Literal["compact", "sam_vit_b", "sam_vit_l", "sam_vit_h"]
"""The names of promptable models."""
Runtime: TypeAlias = Literal["auto", "onnx", "torch"]
"""What computes a model: onnxruntime or PyTorch."""
GPU_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""Device files of GPUs that PyTorch can use: NVIDIA, AMD, and either under Windows' Linux."""
PainterName: TypeAlias = Literal["context", "seggpt_vit_l", "painter_vit_l"]
"""The names of in-context models."""


@overload
def load(
    name_or_path: SamName,
    *,
    runtime: Runtime = ...,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Promptable: ...
@overload
def load(
    name_or_path: PainterName,
    *,
    runtime: Runtime = ...,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> InContext: ...
@overload
def load(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime = ...,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Promptable | InContext: ...
def load(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime = "auto",
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Promptable | InContext:
    """Load a model in evaluation mode: a `Promptable` for prompts, or an `InContext` for examples.

    For type checkers the class follows from a literal name; of a path use `load_sam` or `load_painter`.

    name_or_path: a name (see `variants`), a file, a run directory or a folder of `save_pretrained`.
    runtime: "onnx" runs the models that come with anymask on the CPU in float32, without importing PyTorch;
        "torch" gives a PyTorch module and runs every model. "auto" is "onnx" where that is possible, unless
        PyTorch and a GPU are there.
    device: "auto" is CUDA if available, else the CPU.
    dtype: "auto" is bfloat16 where PyTorch runs and the hardware supports it, else float32.
    compile: compile for many images on a GPU. The first image of each size takes a minute longer; on a CPU
        all images take longer.
    offline: do not download. Weights of a name are downloaded once and cached.
    progress: called as `progress(done, total)` in bytes during a download.

    Raises `UnknownNameError`, `WeightsError` for weights that do not fit, `DownloadError`, `InputError` for a
    device or type that the runtime does not have, or if `compile` finds no compiler, and `MissingExtraError`
    without PyTorch where it is needed.
    """
    if runtime not in ("auto", "onnx", "torch"):
        raise unknown_name("runtime", str(runtime), ("auto", "onnx", "torch"))
    plain = str(device) in ("auto", "cpu") and dtype in ("auto", "float32") and not compile
    if runtime == "onnx" or (runtime == "auto" and plain and _is_shipped(name_or_path)):
        _check_onnx(name_or_path, plain)
        if runtime == "onnx" or device == "cpu" or not _has_gpu():
            from anymask.models.onnx_runtime import open_model

            return open_model(str(name_or_path))
    return load_network(
        name_or_path, device=device, dtype=dtype, compile=compile, offline=offline, progress=progress
    )


def load_network(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Model:
    """As `load`, always as a PyTorch module: for training and export."""
    if os.fspath(name_or_path) not in hub.CARDS:
        hub.find(name_or_path, offline=offline)  # a mistyped name is reported before a missing PyTorch
    with needs_torch("compile" if compile else f"the model {os.fspath(name_or_path)}"):
        from anymask.models.checkpoints.load import load_weights
        from anymask.models.compiling import compile_parts
        from anymask.models.devices import find_device, find_dtype, limit_threads

    limit_threads()
    where = find_device(device)
    kind = find_dtype(dtype, where)
    model = load_weights(hub.find(name_or_path, offline=offline, progress=progress)).to(where, kind)
    if compile:
        compile_parts(model)
    return model


@overload
def load_sam(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Literal["torch"],
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Sam: ...
@overload
def load_sam(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime = ...,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Promptable: ...
def load_sam(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime = "auto",
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Promptable:
    """As `load`, for a promptable model from any path.

    Raises `InputError` for an in-context model."""
    model = load(
        name_or_path,
        runtime=runtime,
        device=device,
        dtype=dtype,
        compile=compile,
        offline=offline,
        progress=progress,
    )
    if not is_promptable(model):
        raise InputError(
            f"model must answer prompts, got {name_or_path}, which works by examples. Use compact."
        )
    return model


@overload
def load_painter(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Literal["torch"],
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> InContextNetwork: ...
@overload
def load_painter(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime = ...,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> InContext: ...
def load_painter(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime = "auto",
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> InContext:
    """As `load`, for an in-context model from any path.

    Raises `InputError` for a promptable model."""
    model = load(
        name_or_path,
        runtime=runtime,
        device=device,
        dtype=dtype,
        compile=compile,
        offline=offline,
        progress=progress,
    )
    if not is_in_context(model):
        raise InputError(
            f"model must work by examples, got {name_or_path}, which answers prompts. Use context."
        )
    return model


def load_detector(name_or_path: str | os.PathLike[str]) -> ObjectDetector:
    """Load an object detector: `object`, by onnxruntime, or the run directory of `anymask train detector`.

    Raises the errors of `load`, `WeightsError` for another model, and `MissingExtraError` for a run directory
    without PyTorch.
    """
    if _is_shipped(name_or_path):
        from anymask.models.onnx_runtime import open_detector

        return open_detector(str(name_or_path))
    with needs_torch(f"the detector {os.fspath(name_or_path)}"):
        from anymask.models.checkpoints import load as networks
    return networks.load_detector(hub.find(name_or_path))


def load_text_encoder(
    path: str | os.PathLike[str],
    vocabulary: str | os.PathLike[str] | None = None,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
) -> TextEncoder:
    """Load CLIP's text encoder, for text prompts of a promptable model that was trained with this CLIP.

    path: OpenAI's file (ViT-B-32.pt, ViT-B-16.pt, ViT-L-14.pt, ViT-L-14-336px.pt), its state dict, or the
        folder of a `transformers.CLIPModel`. No code in it is run.
    vocabulary: bpe_simple_vocab_16e6.txt.gz, tokenizer.json, or vocab.json with merges.txt beside it; None:
        one of them in the folder of `path`.
    device: as in `load`.
    dtype: as in `load`.

    Raises `WeightsError` for another file or the vocabulary of another model, `InputError` for a device or
    type that is not there, and `MissingExtraError` without PyTorch or tokenizers.
    """
    with needs_torch("a text encoder"):
        from anymask.models.checkpoints.load import load_clip
        from anymask.models.clip_tokenizer import find_vocabulary, read_tokenizer
        from anymask.models.devices import find_device, find_dtype, limit_threads
        from anymask.models.text_encoder import ClipTextEncoder

    limit_threads()
    where = find_device(device)
    kind = find_dtype(dtype, where)
    source = hub.find(Path(path))
    words = find_vocabulary(source) if vocabulary is None else Path(vocabulary)
    model = load_clip(source)
    tokenizer = read_tokenizer(words, model.config.vocabulary, model.config.context)
    return ClipTextEncoder(model.to(where, kind), tokenizer)


def variants() -> dict[str, Card]:
    """The models that `load` can load by name, each with its card."""
    return dict(hub.CARDS)


def _is_shipped(name_or_path: str | os.PathLike[str]) -> bool:
    card = hub.CARDS.get(name_or_path) if isinstance(name_or_path, str) else None
    return card is not None and card.address is None


def _check_onnx(name_or_path: str | os.PathLike[str], plain: bool) -> None:
    """Raise InputError for what onnxruntime is not asked for here."""
    if not _is_shipped(name_or_path):
        raise InputError(
            f"model must be one that comes with anymask for the runtime 'onnx', got {name_or_path}. "
            "Use runtime='torch'."
        )
    if not plain:
        raise InputError(
            "device, dtype and compile must be 'cpu', 'float32' and False for the runtime 'onnx', got "
            "others. Omit them, or use runtime='torch'."
        )


def _has_gpu() -> bool:
    """Whether PyTorch is installed and a GPU seems to be there; importing PyTorch to ask takes seconds."""
    return any(map(os.path.exists, GPU_FILES)) and find_spec("torch") is not None
