#!/usr/bin/env bash
# utif2 4.1.0 (npm): TIFF files of float32 with predictor 3 (for floating point) are decoded to noise, without an error.
# The bytes of such rows are stored as differences and sorted by their place in the number; decodeImage leaves them so.
# Expected: the numbers, as geotiff.js 3.0.5 gives for the same file, or an error. Probability and elevation maps that
# GDAL compressed (PREDICTOR=3) look like noise or, thresholded, like a wrong mask.
# Guessed before running: right, or refused. Result: missed.
# Seen: of 2000 numbers are 2000 right with predictor 1 and fewer than 10 with predictor 3.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" utif2@4.1.0 geotiff@3.0.5
"$work/venv/bin/python" - <<'PY'
import numpy as np
import tifffile

values = (np.arange(2000, dtype=np.float32) / 8).reshape(40, 50)
for predictor in (1, 3):
    tifffile.imwrite(f"{predictor}.tif", values, compression="deflate", predictor=predictor)
    assert np.array_equal(tifffile.imread(f"{predictor}.tif"), values), "tifffile has changed"
PY
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fromArrayBuffer } from "geotiff";
import UTIF from "utif2";

const right = {};
for (const predictor of [1, 3]) {
  const bytes = new Uint8Array(await readFile(`${predictor}.tif`)).buffer;
  const [image] = UTIF.decode(bytes);
  UTIF.decodeImage(bytes, image);
  const numbers = new Float32Array(image.data.slice().buffer);
  assert.equal(numbers.length, 2000);
  const [reference] = await (await (await fromArrayBuffer(bytes)).getImage()).readRasters();
  assert(reference.every((value, index) => value === index / 8), "geotiff.js has changed");
  right[predictor] = numbers.filter((value, index) => value === index / 8).length;
}
console.log("utif2 4.1.0, right numbers of 2000 by predictor:", JSON.stringify(right));
assert.equal(right[1], 2000, "predictor 1 has changed");
assert(right[3] < 10, "the behaviour has changed");
JS
node check.mjs
