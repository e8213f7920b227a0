#!/usr/bin/env bash
# geotiff.js 3.0.5 (npm): 16-bit TIFF files in big-endian order with predictor 2 are decoded to wrong numbers.
# The differences between neighbours are added up as if the file were little-endian, so carries go to the wrong byte. Expected:
# the numbers in the file, as tifffile 2026.3.3 and GDAL read them; without the predictor, or in little-endian order,
# geotiff.js gives them as well. Older GIS tools and ImageJ write big-endian files.
# Guessed before running: byte order does not matter. Result: missed.
# Seen: of 2000 numbers from 0 to 1999 are 182 wrong; no error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" geotiff@3.0.5
"$work/venv/bin/python" - <<'PY'
import numpy as np
import tifffile

labels = np.arange(2000).reshape(40, 50)
for order, name in ((">", "big"), ("<", "little")):
    for predictor in (1, 2):
        path = f"{name}-{predictor}.tif"
        tifffile.imwrite(path, labels.astype(order + "u2"), byteorder=order, compression="deflate", predictor=predictor)
        assert np.array_equal(tifffile.imread(path), labels), "tifffile has changed"
PY
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fromArrayBuffer } from "geotiff";

const wrong = {};
for (const name of ["big-1", "big-2", "little-1", "little-2"]) {
  const bytes = new Uint8Array(await readFile(`${name}.tif`)).buffer;
  const [pixels] = await (await (await fromArrayBuffer(bytes)).getImage()).readRasters();
  assert.equal(pixels.length, 2000);
  wrong[name] = pixels.filter((value, index) => value !== index).length;
}
console.log("geotiff 3.0.5, wrong numbers of 2000 by byte order and predictor:", JSON.stringify(wrong));
assert.deepEqual([wrong["big-1"], wrong["little-1"], wrong["little-2"]], [0, 0, 0], "other files have changed");
assert.equal(wrong["big-2"], 182, "the behaviour has changed");
JS
node check.mjs
