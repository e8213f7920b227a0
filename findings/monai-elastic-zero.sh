#!/usr/bin/env bash
# monai 1.6.1: Rand2DElastic with a magnitude of zero moves pixels in waves, by up to a twentieth of its spacing.
# The coordinates of the control points are enlarged by cubic interpolation, and PyTorch's does not keep a straight line
# straight. Expected: nothing changes, as by RandAffine of zero. With real magnitudes the waves come on top of the random
# part, the same in every sample.
# Guessed before running: zero displacement is the identity. Result: missed.
# Seen in 48 x 64 pixels: a ramp is off by 0.5 pixels at a spacing of 10, by 1.0 at 20, by 3.1 at a spacing of the whole
# image; a mask with sides 30, 10, 50, 20 comes back as 29, 11, 49, 19 (160 of 200 pixels) at 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import monai
import torch
from monai.transforms import Rand2DElastic, RandAffine

mask = torch.zeros(1, 48, 64)
mask[0, 10:20, 30:50] = 1


def elastic(spacing: tuple[int, int], image: torch.Tensor, mode: str) -> torch.Tensor:
    transform = Rand2DElastic(spacing, magnitude_range=(0, 0), prob=1, mode=mode, padding_mode="border")
    return torch.as_tensor(transform(image.clone()))


def sides(moved: torch.Tensor) -> list[int]:
    y, x = torch.nonzero(moved[0], as_tuple=True)
    return [int(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1)]


ramp = torch.arange(64.0)[None, None].repeat(1, 48, 1)
found = {}
for spacing in ((10, 10), (20, 20), (48, 64)):
    off = (elastic(spacing, ramp, "bilinear") - ramp)[0, 24].abs().max()
    found[spacing] = (round(float(off), 1), sides(elastic(spacing, mask, "nearest")))
print("monai", monai.__version__, "displacement in pixels and sides of the mask, by spacing:", found)
still = torch.as_tensor(RandAffine(prob=1, mode="bilinear")(ramp.clone()))
assert (still - ramp).abs().max() < 1e-3, "RandAffine has changed"
assert found[10, 10] == (0.5, [30, 10, 50, 20]), "the behaviour has changed"
assert found[20, 20] == (1.0, [29, 11, 49, 19]) and found[48, 64] == (3.1, [29, 8, 53, 19]), "the behaviour has changed"
PY
