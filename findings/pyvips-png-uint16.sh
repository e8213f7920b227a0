#!/usr/bin/env bash
# pyvips 3.2.0 (libvips 8.18.7): a label map of uint16 written as PNG has 8 bits, and all labels over 255 become 255.
# new_from_array marks every array of one channel as "b-w", whatever its type, and the PNG writer takes that for 8 bits.
# Expected: 16 bits, as PNG has them and as TIFF files from the same image do, or a warning. All instances from 255 on
# become one. With bitdepth=16 the file has 16 bits and the values are 0 and 65535.
# Guessed before running: 16-bit PNG. Result: missed; only copy(interpretation="grey16") writes what is in the array.
# Seen: 0, 300 and 301 come back as 0 and 255 from PNG, and unchanged from TIFF.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import pyvips

labels = np.zeros((16, 16), np.uint16)
labels[:, 6:], labels[:, 12:] = 300, 301
image = pyvips.Image.new_from_array(labels)


def back(image: pyvips.Image, path: str, **options: int) -> tuple[str, list[int]]:
    image.write_to_file(path, **options)
    values = pyvips.Image.new_from_file(path).numpy()
    return values.dtype.name, np.unique(values).tolist()


found = {
    "TIFF": back(image, "labels.tif"),
    "PNG": back(image, "labels.png"),
    "PNG, bitdepth=16": back(image, "deep.png", bitdepth=16),
    "PNG, grey16": back(image.copy(interpretation="grey16"), "grey.png"),
}
print("libvips", [pyvips.version(part) for part in range(3)], found)
assert found["TIFF"] == found["PNG, grey16"] == ("uint16", [0, 300, 301]), "other ways have changed"
assert found["PNG"] == ("uint8", [0, 255]), "the behaviour has changed"
assert found["PNG, bitdepth=16"] == ("uint16", [0, 65535]), "the behaviour has changed"
PY
