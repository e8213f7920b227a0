/** Strokes of the brush (complaint 8). */
import assert from "node:assert/strict";
import test from "node:test";
import { drawStroke } from "../../../src/anymask/app/static/geometry/rasterise.js";
import { partsOf } from "../../../src/anymask/app/static/masks/parts.js";
import { decode, encode } from "../../../src/anymask/app/static/masks/rle.js";

const SIZE = [200, 200];

test("a fast diagonal stroke has no gap, and the width of the brush all along", () => {
  const bits = new Uint8Array(SIZE[0] * SIZE[1]);
  // at 8x a screen pixel is an eighth of an image pixel; a fast hand gives a point every 30 of them or so
  const points = Array.from({ length: 12 }, (_, i) => [20.125 + 13.7 * i, 15.625 + 14.3 * i]);
  for (let i = 0; i + 1 < points.length; i++) drawStroke(bits, SIZE, points[i], points[i + 1], 4);
  const runs = encode(bits, SIZE);
  assert.equal(partsOf(runs, SIZE).length, 1);
  const [dx, dy] = [13.7, 14.3].map((step) => step / Math.hypot(13.7, 14.3));
  const drawn = decode(runs, SIZE);
  for (let along = 5; along < 200; along += 0.7) {
    const [x, y] = [20.125 + along * dx, 15.625 + along * dy];
    const at = (off) => drawn[Math.floor(y + off * dx) * SIZE[1] + Math.floor(x - off * dy)];
    assert.ok(at(0) && at(3) && at(-3), `a gap at ${along}`);
    assert.ok(!at(5) && !at(-5), `a bulge at ${along}`);
  }
});
