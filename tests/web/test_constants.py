"""Constants that Python and the page share: the page's file is made from Python's values.

Run as a program, this writes src/anymask/app/static/constants.js anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from anymask.app import build_static, onnx_cache, schemas, tiles
from anymask.app.routes import images
from anymask.data_engine.project import checks, import_export, tracks, values
from anymask.geometry import outlines, resample
from anymask.images import bundled_photos
from anymask.inference.mask_generation import config, generate
from anymask.inference.promptable import crops, decode, refine
from anymask.models import sam
from anymask.onnx_export import write as export
from anymask.types import prompt

FILE = Path(__file__).resolve().parents[2] / "src" / "anymask" / "app" / "static" / "constants.js"
HEAD = """/**
 * Constants that Python and the page share. To change one, change it in Python, then run
 * python tests/web/test_constants.py, which makes this file.
 */
"""


class Constant(NamedTuple):
    """One constant of the page."""

    name: str
    value: float | str | tuple[str, ...]
    about: str


CONSTANTS = (
    Constant("GRID_STRIDE", resample.GRID_STRIDE, "Model pixels per side of a logit cell."),
    Constant("MASK_LOGIT", prompt.MASK_LOGIT, 'The logit that stands for "surely inside" in a mask prompt.'),
    Constant("DECODER_MASKS", sam.MASKS, "Masks that the decoder predicts for each prompt."),
    Constant("HYPOTHESES", decode.HYPOTHESES, "The last so many of them answer a single click."),
    Constant("NEAR_TIE", decode.NEAR_TIE, "Hypotheses whose quality differs less are about equally likely."),
    Constant(
        "STABILITY_OFFSET",
        decode.STABILITY_OFFSET,
        "Logits above and below 0 at which the stability of a mask is measured.",
    ),
    Constant(
        "STABILITY_MARGIN",
        generate.MARGIN,
        "A mask whose stability in cells is this far below the floor is not measured in pixels.",
    ),
    Constant("NMS_IOU", config.AutoConfig().nms, "Automatic masks whose boxes overlap more are duplicates."),
    Constant("CROP_SCALE", crops.CROP_SCALE, "Side of a refinement crop by the longest side of the object."),
    Constant("CROP_MIN_SIDE", crops.SMALLEST_CROP, "Side of a crop in image pixels, at least."),
    Constant(
        "CROP_MAX_SHARE", crops.LARGEST_CROP, "A crop of this share of the image would show nothing new."
    ),
    Constant("CROP_MERGE_IOU", crops.SIMILAR, "Crops that overlap as much are replaced by the largest."),
    Constant(
        "CONTEXT_SHARE",
        crops.CLICK_CROP,
        "Side of the crop around a single click, by the image's longest side.",
    ),
    Constant("DISTINCT_IOU", crops.DISTINCT, "Answers to a click with a smaller IoU are distinct."),
    Constant(
        "CUT_OFF_SHARE",
        crops.CUT_OFF,
        "A mask is cut off where more of its pixels lie on the crop's edge, by the root of its area.",
    ),
    Constant("UNSEEN_LOGIT", -refine.OUTSIDE_LOGIT, "Logits of minus this stand outside a crop."),
    Constant("OUTLINE_FINER", outlines.FINER, "Values per cell of the grid on which outlines lie, at most."),
    Constant(
        "OUTLINE_SMOOTHNESS", outlines.SMOOTHNESS, "Variance of colours below which logits are averaged."
    ),
    Constant("OUTLINE_CLIP", outlines.CLIP, "Logits are clipped to this for outlines."),
    Constant("OUTLINE_SPECK", outlines.SPECK, "Share of a mask below which islands and holes are specks."),
    Constant("OUTLINE_MARGIN", outlines.MARGIN, "Cells around a mask that its outline may move over."),
    Constant("LOCAL_MODEL", build_static.LOCAL_MODEL, "The model that comes with the page."),
    Constant("LOCAL_ENCODER", onnx_cache.IN_PAGE, "The kind of encoder that runs in the page."),
    Constant("MANIFEST", onnx_cache.MANIFEST, "What an exported model says about itself."),
    Constant(
        "PRECISIONS",
        (onnx_cache.PRECISION, *(one for one in export.PRECISIONS if one != onnx_cache.PRECISION)),
        "Precisions of an exported model, the preferred one first.",
    ),
    Constant("TEXT_LENGTH", schemas.TEXT_LENGTH, "Characters of a label's name, at most."),
    Constant("PERSON_LENGTH", checks.LONGEST_NAME, "Letters of a user's name, at most."),
    Constant("ROLES", values.ROLES, "Of users; each may do everything that the roles before it may."),
    Constant("IMAGES_AT_ONCE", schemas.IMAGES_AT_ONCE, "Images in one request, at most."),
    Constant("THUMBNAIL_SIDE", images.THUMB, "Longest side of an image in the gallery, in pixels."),
    Constant("SAMPLES", bundled_photos.GALLERY, "The photos that come with anymask."),
    Constant("TRACK", tracks.PREFIX, "What `suggested_by` of a tracked mask begins with."),
    Constant("TILE_SIDE", tiles.SIDE, "Pixels of a tile of a large image along each side."),
    Constant("LARGE_IMAGE", tiles.LARGE, "Pixels of an image from which on it is shown by tiles."),
    Constant("NO_LABEL", import_export.NAMELESS, "The category of masks without a label in exported files."),
)


def code(value: float | str | tuple[str, ...]) -> str:
    """A value as prettier writes it in JavaScript."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def source() -> str:
    """The whole file."""
    lines = [f"/** {one.about} */\nexport const {one.name} = {code(one.value)};\n" for one in CONSTANTS]
    return "\n".join([HEAD, *lines])


def test_the_page_has_the_values_of_python() -> None:
    assert FILE.read_text("utf-8") == source(), "run: python tests/web/test_constants.py"


def test_every_constant_is_used() -> None:
    used = "".join(
        path.read_text("utf-8")
        for path in FILE.parent.rglob("*.js")
        if path != FILE and "vendor" not in path.parts
    )
    assert not [one.name for one in CONSTANTS if one.name not in used]


if __name__ == "__main__":
    FILE.write_text(source(), "utf-8")
