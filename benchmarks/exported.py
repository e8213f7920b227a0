"""Time of one click on exported decoders, compared with the decoder that `segment-anything` exports.

    python benchmarks/exported.py                       # one thread
    python benchmarks/exported.py --threads 2 --keep out/onnx

All run in onnxruntime. The reference decoder has the same architecture (64 x 64 features of 256 channels) and
the same random weights as `sam`, and is exported as its script does (opset 17, all four masks). "file": the
files as exported; the reference also upsamples its four masks to the image size. "masks": anymask also
computes the run lengths of one mask at the image size (random logits are rougher than real ones, so this
takes longer). "logits": the reference without upsampling. `compact` has its own weights. `--keep` keeps the
files for the browser benchmark.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from peer import predictor
from timing import print_header, print_rows, spent

from anymask.geometry.frame import Frame
from anymask.models import Sam, build, load
from anymask.models.config import SAM_VIT_B
from anymask.onnx_export.graphs import prompt_parts
from anymask.onnx_export.tracing import trace
from anymask.types import Prompt

Arrays = dict[str, np.ndarray[Any, Any]]
SIZE_HW = (1024, 1536)
CLICK = Prompt.point(700, 500)


def write_ours(model: Sam, path: Path) -> None:
    """Write anymask's decoder."""
    decoder = next(part for part in prompt_parts(model) if part.name == "decoder")
    path.write_bytes(trace(decoder).SerializeToString())


def write_released(model: Sam, path: Path, *, resize: bool) -> None:
    """Write the decoder that `segment-anything` exports for our weights; `resize` keeps its upsampling."""
    peer = predictor(model, "vit_b").model
    module = importlib.import_module("segment_anything.utils.onnx").SamOnnxModel(
        peer, return_single_mask=False
    )
    if not resize:
        module.mask_postprocessing = lambda masks, _: masks
    inputs = released_inputs(np.zeros((1, 256, 64, 64), np.float32), points=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(torch.from_numpy(value) for value in inputs.values()),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=list(inputs),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            dynamic_axes={"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}},
        )


def released_inputs(features: np.ndarray[Any, Any], points: int = 2) -> Arrays:
    """A click and the padding point that the released code asks for."""
    frame = frame_of(SAM_VIT_B)
    coords = np.zeros((1, points, 2), np.float32)
    coords[0, 0] = frame.to_model_xy(CLICK.points)[0]
    labels = np.full((1, points), -1, np.float32)
    labels[0, 0] = 1
    return {
        "image_embeddings": features,
        "point_coords": coords,
        "point_labels": labels,
        "mask_input": np.zeros((1, 1, 256, 256), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array(SIZE_HW, np.float32),
    }


def frame_of(config: Any) -> Frame:
    """The frame of an image of `SIZE_HW` in a model."""
    return Frame.fit(SIZE_HW, config.size, square=config.square, multiple=config.multiple)


def our_inputs(model: Sam) -> Arrays:
    """The same click, and random features of the right shapes."""
    frame, rng = frame_of(model.config), np.random.default_rng(0)
    coords, labels, _ = CLICK.arrays(frame)
    h, w = (side // 16 for side in frame.padded_hw)
    compact = model.config.encoder.kind == "compact"
    skips = model.config.encoder.skip_channels if compact else ()  # type: ignore[union-attr]
    shapes = {f"skip_{i}": (1, c, 4 // 2**i * h, 4 // 2**i * w) for i, c in enumerate(skips)}
    shapes["features"] = (1, model.config.dim, h, w)
    maps = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
    mask = np.zeros((1, 1, *frame.grid_hw), np.float32)
    return {
        **maps,
        "points": coords[None],
        "labels": labels[None],
        "mask": mask,
        "has_mask": np.zeros(1, bool),
    }


def asker(path: Path, given: Arrays, threads: int) -> Callable[[], np.ndarray[Any, Any]]:
    """A call that runs the file on those of the arrays that it takes, and returns its first output."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {one.name for one in session.get_inputs()}
    feed = {name: value for name, value in given.items() if name in names}
    return lambda: session.run(None, feed)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--keep", type=Path, help="keep the files in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        compare(folder, options.threads, options.repeats)


def compare(folder: Path, threads: int, repeats: int) -> None:
    """Export, time and print."""
    torch.manual_seed(0)
    sam, compact = build(SAM_VIT_B).eval(), load("compact", device="cpu", dtype="float32", runtime="torch")
    ours = {"sam": sam, "compact": compact}
    for name, model in ours.items():
        write_ours(model, folder / f"{name}.onnx")
    write_released(sam, folder / "released.onnx", resize=True)
    write_released(sam, folder / "released-logits.onnx", resize=False)

    theirs = released_inputs(our_inputs(sam)["features"])
    rows = []
    for what in ("file", "masks", "logits"):
        file = folder / ("released-logits.onnx" if what == "logits" else "released.onnx")
        peer = spent(asker(file, theirs, threads), repeats)
        for name, model in ours.items():
            ask, frame = asker(folder / f"{name}.onnx", our_inputs(model), threads), frame_of(model.config)
            call = (lambda ask=ask, frame=frame: frame.masks_rle(ask()[:, 1])) if what == "masks" else ask
            rows.append((f"{name}, one click, {what}", spent(call, repeats), peer))
    print_header(f"one click on exported decoders, onnxruntime {onnxruntime.__version__}, {threads} threads")
    print_rows(rows)


if __name__ == "__main__":
    main()
