"""The image of docs/architecture.md. To update it: python tests/docs/test_architecture.py"""

from __future__ import annotations

from html import escape
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
PICTURE = PAGE.parent / "images" / "architecture.svg"

Step = tuple[str, str]
"""What happens, and the module below `anymask` where it does."""
FLOWS: dict[str, list[Step]] = {
    "A click": [
        ("image file to RGB pixels", "images.read"),
        ("size and padding for the model", "geometry.frame"),
        ("encode once: Embedding", "inference.promptable.decode"),
        ("click to model coordinates", "types.prompt"),
        ("embedding and prompt to logits", "models.sam"),
        ("refine small masks in a crop", "inference.promptable.refine"),
        ("logits to run lengths: Masks", "geometry.resample"),
        ("PNG, COCO, YOLO, ...", "formats"),
    ],
    "A training run": [
        ("recipe: one TrainConfig", "train.recipes.catalog"),
        ("data sets of Records", "data.dataset"),
        ("weighted, endless stream", "data.mixture"),
        ("crop, flip, colours", "data.transforms.augment"),
        ("simulated clicks", "data.transforms.prompts"),
        ("forward, loss, step", "train.loop"),
        ("evaluate on held-back images", "evaluate.clicks"),
        ("checkpoint that load() opens", "models.checkpoints.load"),
    ],
}
WIDTH, HEIGHT, GAP, PER_ROW = 238, 58, 24, 4


def box(x: int, y: int, number: int, step: Step) -> str:
    """One step: its number and what happens, and the module below."""
    what, module = step
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#f4f6fb" stroke="#568"/>'
        f'<text x="{x + 12}" y="{y + 24}" font-size="13">{number}. {escape(what)}</text>'
        f'<text x="{x + 12}" y="{y + 44}" font-size="12" fill="#35a" font-family="monospace">{module}</text>'
    )


def arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    """From one step to the next."""
    return (
        f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="#5b6b8c" stroke-width="1.5" '
        'marker-end="url(#head)"/>'
    )


def flow(title: str, steps: list[Step], top: int) -> list[str]:
    """The steps in rows of four, read from left to right."""
    parts = [f'<text x="20" y="{top}" font-size="16" font-weight="bold">{escape(title)}</text>']
    places = [
        (20 + (i % PER_ROW) * (WIDTH + GAP), top + 14 + (i // PER_ROW) * (HEIGHT + GAP))
        for i in range(len(steps))
    ]
    for i, ((x, y), step) in enumerate(zip(places, steps, strict=True)):
        parts.append(box(x, y, i + 1, step))
        if i + 1 < len(steps) and (i + 1) % PER_ROW:
            parts.append(arrow(x + WIDTH, y + HEIGHT // 2, x + WIDTH + GAP - 3, y + HEIGHT // 2))
    return parts


def picture() -> str:
    """The whole SVG file."""
    parts: list[str] = []
    top = 34
    for title, steps in FLOWS.items():
        parts += flow(title, steps, top)
        top += 30 + -(-len(steps) // PER_ROW) * (HEIGHT + GAP) + 14
    width = 40 + PER_ROW * WIDTH + (PER_ROW - 1) * GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top - 20}" '
        f'viewBox="0 0 {width} {top - 20}" font-family="sans-serif" fill="#1c2333">'
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="6" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#5b6b8c"/></marker></defs>'
        '<rect width="100%" height="100%" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


@pytest.mark.parametrize("module", [module for steps in FLOWS.values() for _, module in steps])
def test_the_steps_name_modules(module: str) -> None:
    assert find_spec(f"anymask.{module}")


def test_the_image_is_up_to_date() -> None:
    assert PICTURE.read_text("utf-8") == picture(), "run: python tests/docs/test_architecture.py"
    assert f"images/{PICTURE.name}" in PAGE.read_text("utf-8")


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
