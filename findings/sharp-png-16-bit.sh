#!/usr/bin/env bash
# sharp 0.35.5 (npm): the labels 1 to 255 of a 16-bit PNG are 0, even when 16-bit numbers are asked for.
# Pixels are turned to 8-bit sRGB before they are handed out, so raw({ depth: "ushort" }) gives 8-bit numbers in 16 bits, and
# png() writes an 8-bit file. Expected: the numbers in the file for depth "ushort", and a PNG of the depth that was read.
# toColourspace("grey16") gives them; nothing warns without it.
# Guessed before running: depth "ushort" gives what is in the file. Result: missed.
# Seen: 0, 7, 255, 300 and 1999 become 0, 0, 0, 1 and 7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" sharp@0.35.5
"$work/venv/bin/python" - <<'PY'
import numpy as np
from PIL import Image

labels = np.array([[0, 7, 255, 300, 1999]], np.uint16).repeat(8, axis=0)
Image.fromarray(labels).save("labels.png")
assert np.array_equal(np.asarray(Image.open("labels.png")), labels), "Pillow has changed"
PY
cat > check.mjs <<'JS'
import assert from "node:assert/strict";
import sharp from "sharp";

async function row(image) {
  const { data, info } = await image.raw({ depth: "ushort" }).toBuffer({ resolveWithObject: true });
  const numbers = new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  return Array.from({ length: 5 }, (_, x) => numbers[x * info.channels]);
}

const before = await sharp("labels.png").metadata();
const found = {
  grey16: await row(sharp("labels.png").toColourspace("grey16")),
  default: await row(sharp("labels.png")),
};
const after = await sharp(await sharp("labels.png").png().toBuffer()).metadata();
console.log("sharp 0.35.5", JSON.stringify(found), "depth of the PNG before and after:", before.depth, after.depth);
assert.equal(before.depth, "ushort", "reading has changed");
assert.deepEqual(found.grey16, [0, 7, 255, 300, 1999], "grey16 has changed");
assert.deepEqual(found.default, [0, 0, 0, 1, 7], "the behaviour has changed");
assert.equal(after.depth, "uchar", "the behaviour has changed");
JS
node check.mjs
