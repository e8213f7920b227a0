/** How images and masks are shown. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  UNCHANGED,
  adjusted,
  curve,
  isUnchanged,
} from "../../../src/anymask/app/static/canvas/adjustment.js";
import { blendMask } from "../../../src/anymask/app/static/canvas/draw-mask.js";
import { apart } from "../../../src/anymask/app/static/geometry/boxes.js";
import { box, encode } from "../../../src/anymask/app/static/masks/rle.js";
import { Viewport } from "../../../src/anymask/app/static/geometry/viewport.js";

test("without an adjustment every value stays", () => {
  assert.ok(isUnchanged(UNCHANGED));
  const values = curve(UNCHANGED);
  values.forEach((value, i) => assert.ok(Math.abs(value - i / (values.length - 1)) < 1e-4));
});

test("gamma lifts dark values, contrast spreads about the middle, brightness adds; all within 0 and 1", () => {
  assert.ok(adjusted(0.1, { ...UNCHANGED, gamma: 2 }) > 0.3);
  assert.equal(adjusted(0.5, { ...UNCHANGED, contrast: 1 }), 0.5);
  assert.ok(Math.abs(adjusted(0.55, { ...UNCHANGED, contrast: 1 }) - 0.75) < 1e-9);
  assert.ok(Math.abs(adjusted(0.25, { ...UNCHANGED, brightness: 0.25 }) - 0.5) < 1e-9);
  for (const brightness of [-0.5, 0.5])
    for (const contrast of [-1, 1])
      for (const gamma of [0.2, 4])
        for (const value of curve({ brightness, contrast, gamma, channel: "grey" }))
          assert.ok(value >= 0 && value <= 1);
});

test("a mask is zoomed to, whole and in the middle", () => {
  const view = new Viewport([1000, 2000]);
  view.resize([600, 800]);
  view.show([1500, 100, 1600, 200]);
  const [left, top] = view.toScreen(1500, 100);
  const [right, bottom] = view.toScreen(1600, 200);
  assert.ok(left > 0 && top > 0 && right < 800 && bottom < 600);
  assert.ok(bottom - top > 400);
  view.show([7, 7, 8, 8]); // a single pixel is not shown larger than the screen
  assert.ok(view.scale <= 16);
});

test("a mask out of sight is brought into sight without a zoom; one in sight moves nothing", () => {
  const view = new Viewport([1000, 2000]);
  view.resize([600, 800]);
  view.zoom(6, 0, 0);
  const { scale } = view;
  assert.ok(view.reveal([1900, 900, 1950, 950]));
  assert.equal(view.scale, scale);
  const [left, top] = view.toScreen(1900, 900);
  const [right, bottom] = view.toScreen(1950, 950);
  assert.ok(left >= 0 && top >= 0 && right <= 800 && bottom <= 600);
  assert.equal(view.reveal([1900, 900, 1950, 950]), false);
  assert.ok(view.reveal([0, 0, 900, 900])); // too large for the screen: in the middle
  assert.equal(view.reveal([0, 0, 900, 900]), false);
});

test("regions that meet are drawn as one, others apart; very many all together", () => {
  const [a, b, c] = [
    [0, 0, 4, 4],
    [8, 0, 12, 4],
    [3, 3, 9, 5],
  ];
  assert.deepEqual(apart([a, b]), [a, b]);
  assert.deepEqual(apart([a, b, c]), [[0, 0, 12, 5]]);
  assert.deepEqual(apart([[2, 2, 2, 5], a]), [a]);
  const many = Array.from({ length: 40 }, (_, i) => [3 * i, 0, 3 * i + 1, 1]);
  assert.deepEqual(apart(many), [[0, 0, 118, 1]]);
});

test("masks are blended over each other, a part like the whole", () => {
  const size = [12, 16];
  const mask = (x0, y0, x1, y1) => {
    const bits = new Uint8Array(12 * 16);
    for (let y = y0; y < y1; y++) bits.fill(1, y * 16 + x0, y * 16 + x1);
    const runs = encode(bits, size);
    return { runs, box: box(runs, size) };
  };
  const [red, green] = [0x800000ff, 0x8000ff00];
  const draw = (region) => {
    const pixels = new Uint32Array((region[2] - region[0]) * (region[3] - region[1]));
    blendMask(pixels, region, mask(1, 1, 10, 10), size, { fill: red, edge: 0xffffffff });
    blendMask(pixels, region, mask(5, 4, 14, 12), size, { fill: green, edge: 0xff000000 });
    return pixels;
  };
  const whole = draw([0, 0, 16, 12]);
  assert.equal(whole[0], 0);
  assert.equal(whole[2 * 16 + 2], red);
  assert.equal(whole[9 * 16 + 2], 0xffffffff); // an edge
  assert.equal(whole[6 * 16 + 12], green);
  // half green over half red: two thirds of what is seen, and three quarters are covered
  assert.deepEqual(
    [0, 8, 16, 24].map((shift) => (whole[6 * 16 + 7] >>> shift) & 255),
    [85, 170, 0, 192],
  );
  const region = [4, 3, 9, 8];
  const part = draw(region);
  for (let y = 3; y < 8; y++)
    for (let x = 4; x < 9; x++) assert.equal(part[(y - 3) * 5 + x - 4], whole[y * 16 + x], `${x} ${y}`);
});
