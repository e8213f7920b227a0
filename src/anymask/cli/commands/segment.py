"""`anymask segment`: prompts on one image, masks in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.cli.console import Clock, out, out_json, spent, table
from anymask.cli.model_names import check_model
from anymask.cli.options.segment import Options
from anymask.cli.outputs import Targets, choose_targets, owners, ranks, write_all
from anymask.cli.prompts import read_mask, read_prompts
from anymask.cli.text import read_names
from anymask.cli.viewer import open_file
from anymask.errors import InputError, PromptError
from anymask.files import check_target
from anymask.formats import sa1b
from anymask.images.bands import read_bands
from anymask.images.display import read_display
from anymask.images.planes import kind_of
from anymask.types import Masks, Prompt, Record

__all__ = ["run"]


def run(options: Options) -> int:
    """Check all input and output before the model is loaded; write only when everything is there."""
    clock = Clock()
    with clock.part("read"):
        pixels, prompts, texts = _read(options)
    targets = choose_targets(
        options.image,
        options.output,
        overlay=options.overlay or options.view,
        candidates=options.all_candidates,
        as_json=options.as_json,
    )
    check_model(options.model)
    for target in targets.all:
        check_target(target, force=options.force)
    image = Path(options.image)
    meta: dict[str, Any] = {}
    best: dict[str, float] = {}
    if texts:
        masks, meta, best = _find(pixels, texts, options, clock)
    else:
        masks = _predict(pixels, prompts, options, clock)
    record = Record(image.stem, pixels, masks, "auto", {"file_name": image.name, **meta})
    if texts and not len(masks):
        targets = Targets((), None)  # an empty file would be in the way of the next words
    write_all(targets.encode(record), force=options.force)
    if options.as_json:
        out_json(_as_dict(options, record, targets, clock.seconds, best))
    else:
        out(_as_text(options, record, targets, clock.seconds, best))
    if options.view and targets.overlay is not None:
        open_file(targets.overlay)
    return 0


def _read(options: Options) -> tuple[NDArray[np.uint8], list[Prompt], list[str]]:
    """The image (H, W, 3), and the prompts on it or the texts."""
    if Path(options.image).is_dir() and kind_of(options.image) is None:
        names = f" --names {','.join(options.text)}" if options.text else ""
        raise InputError(
            f"image must be a file, got the folder {options.image}. Name one image in it, or segment "
            f"everything in all of them: anymask auto {options.image} -o masks{names}"
        )
    pixels = read_display(options.image, read_bands(options.bands, options.stretch, options.limits))
    mask = None if options.mask is None else read_mask(options.mask)
    if options.text:
        return pixels, [], _read_texts(options)
    if options.threshold is not None:
        raise PromptError(f"--threshold must go with --text, got {options.threshold:g} alone. Leave it out.")
    prompts = read_prompts(options.point, options.box, mask)
    for prompt in prompts:
        prompt.check((pixels.shape[0], pixels.shape[1]))
    return pixels, prompts, []


def _read_texts(options: Options) -> list[str]:
    """The texts. Raises PromptError for words that cannot be used, and for other prompts beside them."""
    others = {"--point": options.point, "--box": options.box, "--mask": options.mask}
    given = [name for name, value in others.items() if value]
    given += ["--all"] * options.all_candidates + ["--zoom"] * (options.zoom is True)
    if given:
        raise PromptError(f"--text must be given without {given[0]}, got both. Leave one out.")
    return read_names(options.text, "--text")


def _find(
    image: NDArray[np.uint8], texts: Sequence[str], options: Options, clock: Clock
) -> tuple[Masks, dict[str, Any], dict[str, float]]:
    """What the texts name: masks, each an object of its own; their names; the best score of each text."""
    with clock.part("load"):
        from anymask.cli.loading import load_model
        from anymask.inference.text.find import FindConfig, search
        from anymask.models.text.namer import open_namer

        model, namer = load_model(options.model, device=options.device, offline=options.offline), open_namer()
    config = FindConfig() if options.threshold is None else FindConfig(threshold=options.threshold)
    with clock.part("find"):
        found = search(model, image, texts, config, namer)
    masks, labels = found.masks, found.masks.labels
    assert labels is not None, "the index of the text of each mask"
    own = Masks(masks.size, masks.rles, masks.scores, labels=labels, prompt=np.arange(len(masks)))
    meta = {
        "categories": [texts[label] for label in labels.tolist()],
        "category_scores": [round(score, 4) for score in found.probability.tolist()],
    }
    return own, meta, dict(zip(texts, found.best.tolist(), strict=True))


def _predict(image: NDArray[np.uint8], prompts: Sequence[Prompt], options: Options, clock: Clock) -> Masks:
    """The masks of each object, the best first."""
    with clock.part("load"):  # imports torch, so late
        from anymask.cli.loading import load_model
        from anymask.inference.promptable.predict import embed, predict

        model = load_model(options.model, device=options.device, offline=options.offline)
    with clock.part("encode"):
        embedding = embed(model, image)
    with clock.part("decode"):
        masks = predict(model, embedding, prompts, multimask=options.all_candidates, zoom=options.zoom)
    return masks[np.lexsort((-masks.scores, owners(masks)))]


def _facts(record: Record) -> list[dict[str, Any]]:
    """What is printed of each mask."""
    entries = sa1b.to_document(record)["annotations"]
    numbers = owners(record.masks).tolist()
    names, likely = record.meta.get("categories"), record.meta.get("category_scores")
    return [
        {
            "object": number,
            "candidate": rank,
            "score": entry["predicted_iou"] if likely is None else likely[number],
            "area": entry["area"],
            "bbox": entry["bbox"],
            "segmentation": entry["segmentation"],
            **({} if names is None else {"name": names[number], "predicted_iou": entry["predicted_iou"]}),
        }
        for number, rank, entry in zip(numbers, ranks(record.masks).tolist(), entries, strict=True)
    ]


def _as_dict(
    options: Options,
    record: Record,
    targets: Targets,
    seconds: Mapping[str, float],
    best: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "image": options.image,
        "size": list(record.masks.size),
        "model": options.model,
        "masks": _facts(record),
        "files": [str(path) for path in targets.masks],
        "overlay": None if targets.overlay is None else str(targets.overlay),
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        **({"best": {text: round(score, 4) for text, score in best.items()}} if best else {}),
    }


def _as_text(
    options: Options,
    record: Record,
    targets: Targets,
    seconds: Mapping[str, float],
    best: Mapping[str, float],
) -> str:
    height, width = record.masks.size
    facts = _facts(record)
    many = any(fact["candidate"] for fact in facts)
    rows = [
        [
            f"  {called}" + (f", candidate {fact['candidate'] + 1}" if many else ""),
            f"score {fact['score']:.2f}",
            f"{fact['area']:,} px",
            f"{fact['area'] / (height * width):.1%} of the image",
            _box(fact["bbox"]) if fact["area"] else "empty",
        ]
        for fact, called in zip(facts, _numbered(facts), strict=True)
    ]
    head = f"{options.image}, {width} x {height}, by {options.model} ({spent(seconds)})"
    body = [table(rows)] if rows else []
    names = record.meta.get("categories", ())
    missing = [_missing(text, score, options) for text, score in best.items() if text not in names]
    objects = len({fact["object"] for fact in facts})
    end = [_wrote(path, objects) for path in targets.all] if rows else ["no file is written"]
    return "\n".join([head, *body, *missing, *end])


def _numbered(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each mask is called: "object 1", or its name with a number of its own."""
    seen: dict[str, dict[int, int]] = {}
    out = []
    for fact in facts:
        name = fact.get("name") or "object"
        numbers = seen.setdefault(name, {})
        out.append(f"{name} {numbers.setdefault(fact['object'], len(numbers) + 1)}")
    return out


def _missing(text: str, best: float, options: Options) -> str:
    """What to do about a text without masks, whose likeliest proposal has the score `best`."""
    from anymask.inference.text.find import FindConfig

    if best >= (FindConfig().threshold if options.threshold is None else options.threshold):
        return (
            f"  nothing found for {text} (the best score is {best:.2f}) that another text does not fit better"
        )
    hint = "try a more basic word, or lower --threshold"
    return f"  nothing found for {text} (the best score is {best:.2f}): {hint}"


def _wrote(path: Path, objects: int) -> str:
    if path.suffix.lower() == ".png" and objects > 1:
        return f"wrote {path}, a label map with the values 1 to {objects}"
    return f"wrote {path}"


def _box(bbox_xywh: Sequence[float]) -> str:
    x, y, width, height = bbox_xywh
    return f"box {x:g},{y:g},{x + width:g},{y + height:g}"
