#!/usr/bin/env bash
# image-js 1.7.0 (npm): resize with bilinear interpolation moves the image by half a pixel, even to its own size.
# Source places are half a pixel too low (and bicubic ones as well); nearest neighbour is right. Expected: resizing to the
# same size changes nothing, and twice the size is symmetric. Images and their masks, resized by nearest neighbour, part.
# Guessed before running: bilinear and nearest agree about where pixels are. Result: missed.
# Seen: a row 0, 20, 40 ... 180 resized to its own width becomes 0, 10, 30 ... 170; a mirrored image does not give the
# mirrored result.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" image-js@1.7.0
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import { Image } from "image-js";

function row(values, width, interpolationType) {
  const image = new Image(values.length, 4, { colorModel: "GREY" });
  for (let x = 0; x < values.length; x++) for (let y = 0; y < 4; y++) image.setValue(x, y, 0, values[x]);
  const resized = image.resize({ width, height: 4, interpolationType });
  return Array.from({ length: width }, (_, x) => resized.getValue(x, 1, 0));
}

const ramp = Array.from({ length: 10 }, (_, x) => 20 * x);
const found = { nearest: row(ramp, 10, "nearest"), bilinear: row(ramp, 10, "bilinear"), double: row(ramp, 20, "bilinear") };
const mirrored = row([...ramp].reverse(), 20, "bilinear").reverse();
console.log("image-js 1.7.0", JSON.stringify(found));
assert.deepEqual(found.nearest, ramp, "nearest neighbour has changed");
assert.deepEqual(found.bilinear, [0, 10, 30, 50, 70, 90, 110, 130, 150, 170], "the behaviour has changed");
assert.deepEqual(found.double.slice(0, 5), [0, 0, 10, 20, 30], "the behaviour has changed");
assert.notDeepEqual(mirrored, found.double, "the behaviour has changed");
JS
node check.mjs
