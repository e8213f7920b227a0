#!/usr/bin/env bash
# geotiff.js 3.0.5 (npm): writeArrayBuffer writes Int16Array and Int32Array with one byte per pixel.
# The header says 16 or 32 bits, the pixels are cut to their lowest byte, and the rest of the file's pixels is 0 on reading.
# Expected: the numbers that went in, as for Uint16Array, Uint32Array and Float32Array, or an error. Labels with -1 for
# "no class", elevations and differences are such arrays.
# Guessed before running: all typed arrays come back. Result: missed.
# Seen: -5, 3, 300, -300 as Int16Array come back as -1277, 11476, 0, 0; no warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" geotiff@3.0.5
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import { fromArrayBuffer, writeArrayBuffer } from "geotiff";

async function back(values) {
  const file = await writeArrayBuffer(values, { width: 2, height: 2 });
  const image = await (await fromArrayBuffer(file)).getImage();
  const [pixels] = await image.readRasters();
  return [pixels.constructor.name, Array.from(pixels)];
}

const found = {};
for (const Type of [Uint16Array, Uint32Array, Float32Array]) {
  const values = Type.from([5, 3, 300, 301]);
  found[Type.name] = await back(values);
  assert.deepEqual(found[Type.name], [Type.name, [5, 3, 300, 301]], "other types have changed");
}
for (const Type of [Int16Array, Int32Array]) {
  found[Type.name] = await back(Type.from([-5, 3, 300, -300]));
}
console.log("geotiff 3.0.5", JSON.stringify(found));
assert.deepEqual(found.Int16Array, ["Int16Array", [-1277, 11476, 0, 0]], "the behaviour has changed");
assert.deepEqual(found.Int32Array[1].slice(1), [0, 0, 0], "the behaviour has changed");
JS
node check.mjs
