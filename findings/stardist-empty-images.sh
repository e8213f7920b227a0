#!/usr/bin/env bash
# stardist 0.9.2: matching_dataset(by_image=True) gives an image without cells, in which none were found, the score 0.
# That is the score of an image where every cell was missed, and of an empty image full of false cells. Expected: 1 or NaN,
# left out of the mean; as it is, a perfect result cannot reach 1 on a set with empty images, and a model that is right
# about them is no better than one that invents cells there.
# Guessed before running: a perfect result has accuracy 1. Result: missed; without by_image it has.
# Seen: one image with two cells, one empty, both perfect: accuracy, F1 and panoptic quality 0.5; 1.0 with by_image=False;
# with a false cell in the empty image 0.5 as well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check stardist==0.9.2 csbdeep==0.8.2 numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
cd "$work"
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
from importlib.metadata import version

import numpy as np
from stardist.matching import matching_dataset

cells, empty, false = np.zeros((3, 40, 40), int)
cells[5:15, 5:15] = 1
cells[20:30, 20:30] = 2
false[5:15, 5:15] = 1


def scores(prediction: np.ndarray, by_image: bool) -> tuple[float, ...]:
    result = matching_dataset([cells, empty], [cells, prediction], by_image=by_image, show_progress=False)
    return tuple(round(float(value), 2) for value in (result.accuracy, result.f1, result.panoptic_quality))


found = {"perfect": scores(empty, False), "perfect, by image": scores(empty, True), "false cell, by image": scores(false, True)}
print("stardist", version("stardist"), "accuracy, F1, panoptic quality:", found)
assert found["perfect"] == (1.0, 1.0, 1.0), "the total has changed"
assert found["perfect, by image"] == found["false cell, by image"] == (0.5, 0.5, 0.5), "the behaviour has changed"
PY
