/** How images and masks are shown. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  UNCHANGED,
  adjusted,
  curve,
  isUnchanged,
} from "../../../src/anymask/app/static/canvas/adjustment.js";
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
