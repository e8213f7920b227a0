#!/usr/bin/env bash
# geotiff.js 3.0.5 (npm): readRasters enlarges by nearest neighbour with a shift of half a source pixel.
# The source column is round(column * scale), without the half pixel that centres are away from corners. Expected: every
# source pixel as often as every other, as in GDAL, OpenCV and Pillow; a class map drawn over its image is shifted
# up and left.
# Guessed before running: each pixel is doubled. Result: missed.
# Seen: a row of 0 to 4 read at four times the width has two 0, four 1, four 2, four 3 and six 4.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" geotiff@3.0.5
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import { fromArrayBuffer, writeArrayBuffer } from "geotiff";

const labels = Uint8Array.from({ length: 25 }, (_, index) => index % 5);
const image = await (await fromArrayBuffer(await writeArrayBuffer(labels, { width: 5, height: 5 }))).getImage();
const counts = {};
for (const factor of [1, 2, 4]) {
  const [pixels] = await image.readRasters({ width: 5 * factor, height: 5 * factor, resampleMethod: "nearest" });
  const row = Array.from(pixels.slice(0, 5 * factor));
  counts[factor] = [0, 1, 2, 3, 4].map((label) => row.filter((value) => value === label).length);
}
console.log("geotiff 3.0.5, how often each column of a row of five is there by factor:", JSON.stringify(counts));
assert.deepEqual(counts[1], [1, 1, 1, 1, 1], "reading at full size has changed");
assert.deepEqual(counts[2], [1, 2, 2, 2, 3], "the behaviour has changed");
assert.deepEqual(counts[4], [2, 4, 4, 4, 6], "the behaviour has changed");
JS
node check.mjs
