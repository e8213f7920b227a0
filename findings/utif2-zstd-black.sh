#!/usr/bin/env bash
# utif2 4.1.0 (npm): TIFF files with a compression it does not know (Zstandard, LZMA) come back as black images.
# decodeImage gives an array of the right size that holds zeros, and no error. Expected: an error, as from geotiff.js. A
# label map of zeros is a valid one: "no object here".
# Guessed before running: an error. Result: missed.
# Seen: the numbers 0 to 1999 as uint16 are right with deflate and all 0 with Zstandard and LZMA.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" utif2@4.1.0
"$work/venv/bin/python" - <<'PY'
import numpy as np
import tifffile

labels = np.arange(2000, dtype=np.uint16).reshape(40, 50)
for compression in ("deflate", "zstd", "lzma"):
    tifffile.imwrite(f"{compression}.tif", labels, compression=compression)
    assert np.array_equal(tifffile.imread(f"{compression}.tif"), labels), "tifffile has changed"
PY
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import UTIF from "utif2";

const right = {};
const values = {};
for (const name of ["deflate", "zstd", "lzma"]) {
  const bytes = new Uint8Array(await readFile(`${name}.tif`)).buffer;
  const [image] = UTIF.decode(bytes);
  UTIF.decodeImage(bytes, image);
  assert.deepEqual([image.width, image.height, image.data.length], [50, 40, 4000]);
  const pixels = new Uint16Array(image.data.slice().buffer);
  right[name] = pixels.filter((value, index) => value === index).length;
  values[name] = new Set(pixels).size;
}
console.log("utif2 4.1.0, right pixels of 2000:", JSON.stringify(right), "different values:", JSON.stringify(values));
assert.equal(right.deflate, 2000, "deflate has changed");
assert.deepEqual([values.zstd, values.lzma, right.zstd, right.lzma], [1, 1, 1, 1], "the behaviour has changed");
JS
node check.mjs
