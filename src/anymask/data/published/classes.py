"""Names of the classes in published data sets, by their numbers in the annotation images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anymask.errors import FormatError


def _numbered(names: str, first: int = 1) -> dict[int, str]:
    """Names between commas, numbered from `first` on."""
    return dict(enumerate((name.strip() for name in names.split(",")), start=first))


LIP = _numbered(
    "hat, hair, glove, sunglasses, upper clothes, dress, coat, socks, pants, jumpsuit, scarf, skirt, face, "
    "left arm, right arm, left leg, right leg, left shoe, right shoe"
)
LOVEDA = _numbered("background, building, road, water, barren, forest, agriculture")
CITYSCAPES = _numbered(
    "road, sidewalk, parking, rail track, building, wall, fence, guard rail, bridge, tunnel, pole, "
    "polegroup, traffic light, traffic sign, vegetation, terrain, sky, person, rider, car, truck, bus, "
    "caravan, trailer, train, motorcycle, bicycle",
    first=7,
)
"""The numbers below 7 are void: unlabelled, the car that carries the camera, borders."""
CITYSCAPES_THINGS = frozenset(range(24, 34))
"""Classes with separate objects; a group that was annotated as one region is a crowd."""

ISAID = _numbered(
    "ship, storage tank, baseball diamond, tennis court, basketball court, ground track field, bridge, "
    "large vehicle, small vehicle, helicopter, swimming pool, roundabout, soccer ball field, plane, harbor"
)
ISAID_COLOURS: Mapping[tuple[int, int, int], int] = {
    (0, 0, 63): 1,
    (0, 63, 63): 2,
    (0, 63, 0): 3,
    (0, 63, 127): 4,
    (0, 63, 191): 5,
    (0, 63, 255): 6,
    (0, 127, 63): 7,
    (0, 127, 127): 8,
    (0, 0, 127): 9,
    (0, 0, 191): 10,
    (0, 0, 255): 11,
    (0, 191, 127): 12,
    (0, 127, 191): 13,
    (0, 127, 255): 14,
    (0, 100, 155): 15,
}
"""RGB -> number, as in the labels of the authors' development kit; some other lists swap 2 and 12."""

ADE20K_CLASSES = 150


def ade20k(table: Path) -> dict[int, str]:
    """Class names from ADE20K's objectInfo150.txt: the first name of each class; "class N" without it.

    A row is number, ..., names, between tabs. Raises FormatError for another table.
    """
    if not table.is_file():
        return {number: f"class {number}" for number in range(1, ADE20K_CLASSES + 1)}
    rows = [line.split("\t") for line in table.read_text("utf-8").splitlines()[1:] if line.strip()]
    try:
        return {int(row[0]): row[-1].split(",")[0].strip() for row in rows}
    except ValueError:
        raise FormatError(
            f"{table.name} must hold rows of number, ..., names between tabs, got another in {table}. "
            "Get the file again."
        ) from None
