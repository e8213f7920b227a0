"""`anymask segment`: prompts on one photo, masks in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.cli.console import Clock, note, out, out_json, spent, table
from anymask.cli.outputs import Targets, choose_targets, owners, ranks, write_all
from anymask.cli.prompts import read_mask, read_prompts
from anymask.cli.viewer import open_file
from anymask.files import check_target
from anymask.formats import sa1b
from anymask.images.read import read_image
from anymask.types import Masks, Prompt, Record

__all__ = ["run"]


def run(
    *,
    image: str,
    point: Sequence[str],
    box: Sequence[str],
    mask: str | None,
    candidates: bool,
    zoom: bool | None,
    model: str,
    device: str,
    offline: bool,
    output: str | None,
    overlay: str | None,
    show: bool,
    as_json: bool,
    force: bool,
) -> int:
    """Look at all that was given before the model is opened, and write only when everything is there."""
    if show and overlay is None:
        overlay = f"{Path(image).stem}-overlay.png"
    targets = choose_targets(image, output, overlay, candidates=candidates, as_json=as_json)
    for target in targets.all:
        check_target(target, force=force)
    clock = Clock()
    with clock.part("read"):
        pixels = read_image(image)
        prompts = read_prompts(point, box, None if mask is None else read_mask(mask))
        for prompt in prompts:
            prompt.check((pixels.shape[0], pixels.shape[1]))
    if _is_animated(image):
        note(f"note: {image} is animated; its first frame is used")
    masks = _answer(pixels, prompts, (model, device, offline), candidates=candidates, zoom=zoom, clock=clock)
    record = Record(Path(image).stem, pixels, masks, "auto", {"file_name": Path(image).name})
    write_all(targets.encode(record), force=force)
    if as_json:
        out_json(_as_dict(image, model, record, targets, clock.seconds))
    else:
        out(_as_text(image, model, record, targets, clock.seconds))
    if show and targets.overlay is not None:
        open_file(targets.overlay)
    return 0


def _is_animated(path: str) -> bool:
    with Image.open(path) as picture:
        # MPO is a photo with its preview
        return bool(getattr(picture, "is_animated", False)) and picture.format != "MPO"


def _answer(
    image: NDArray[np.uint8],
    prompts: Sequence[Prompt],
    model: tuple[str, str, bool],
    *,
    candidates: bool,
    zoom: bool | None,
    clock: Clock,
) -> Masks:
    """The masks of each object, the best first; `model` is its name, the device, whether to stay offline."""
    name, device, offline = model
    with clock.part("load"):  # imports torch, so late
        from anymask.cli.loading import load_model
        from anymask.inference.promptable.predict import embed, predict

        opened = load_model(name, device=device, offline=offline)
    with clock.part("encode"):
        embedding = embed(opened, image)
    with clock.part("decode"):
        masks = predict(opened, embedding, prompts, multimask=candidates, zoom=zoom)
    return masks[np.lexsort((-masks.scores, owners(masks)))]


def _facts(record: Record) -> list[dict[str, Any]]:
    """What is told of each mask."""
    entries = sa1b.to_document(record)["annotations"]
    numbers = owners(record.masks).tolist()
    return [
        {
            "object": number,
            "candidate": rank,
            "score": entry["predicted_iou"],
            "area": entry["area"],
            "bbox": entry["bbox"],
            "segmentation": entry["segmentation"],
        }
        for number, rank, entry in zip(numbers, ranks(record.masks).tolist(), entries, strict=True)
    ]


def _as_dict(
    image: str, model: str, record: Record, targets: Targets, seconds: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "image": image,
        "size": list(record.masks.size),
        "model": model,
        "masks": _facts(record),
        "files": [str(path) for path in targets.masks],
        "overlay": None if targets.overlay is None else str(targets.overlay),
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
    }


def _as_text(image: str, model: str, record: Record, targets: Targets, seconds: Mapping[str, float]) -> str:
    height, width = record.masks.size
    facts = _facts(record)
    many = any(fact["candidate"] for fact in facts)
    rows = [
        [
            f"  object {fact['object'] + 1}" + (f", candidate {fact['candidate'] + 1}" if many else ""),
            f"score {fact['score']:.2f}",
            f"{fact['area']:,} px",
            f"{fact['area'] / (height * width):.1%} of the picture",
            _box(fact["bbox"]) if fact["area"] else "empty",
        ]
        for fact in facts
    ]
    head = f"{image}, {width} x {height}, by {model} ({spent(seconds)})"
    return "\n".join([head, table(rows), *(f"wrote {path}" for path in targets.all)])


def _box(bbox_xywh: Sequence[float]) -> str:
    x, y, width, height = bbox_xywh
    return f"box {x:g},{y:g},{x + width:g},{y + height:g}"
