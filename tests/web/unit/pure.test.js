/** Small modules without a state: candidates, drawing, the viewport, addresses, keys, files of tensors, grids. */
import assert from "node:assert/strict";
import test from "node:test";
import { boxIou } from "../../../src/anymask/app/static/geometry/boxes.js";
import { drawStroke } from "../../../src/anymask/app/static/geometry/rasterise.js";
import { Viewport } from "../../../src/anymask/app/static/geometry/viewport.js";
import { gridPoints } from "../../../src/anymask/app/static/inference/mask-generation.js";
import { fromHalf, readSafetensors } from "../../../src/anymask/app/static/inference/safetensors.js";
import { select, unlike } from "../../../src/anymask/app/static/masks/candidates.js";
import { encode } from "../../../src/anymask/app/static/masks/rle.js";
import { imageAddress, imageIdIn } from "../../../src/anymask/app/static/state/routes.js";
import { SHORTCUTS, actionOf } from "../../../src/anymask/app/static/state/shortcuts.js";

const sum = (bits) => bits.reduce((a, b) => a + b, 0);

test("candidates below a threshold or on a better one go", () => {
  const one = (number, box, iou, stability = 1, area = 100) => ({ number, box, iou, stability, area });
  const all = [
    one(0, [0, 0, 10, 10], 0.5),
    one(1, [0, 0, 10, 11], 0.9),
    one(2, [50, 50, 60, 60], 0.7),
    one(3, [80, 80, 90, 90], 0.2),
    one(4, [80, 0, 90, 10], 0.9, 0.1),
    one(5, [0, 80, 10, 90], 0.9, 1, 0),
  ];
  const kept = select(all, { iou: 0.4, stability: 0.5, area: 1, overlap: 0.7 });
  assert.deepEqual(
    kept.map(({ number }) => number),
    [1, 2],
  );
});

test("a candidate that is a mask already goes", () => {
  const bits = new Uint8Array(100);
  for (let y = 2; y < 8; y++) bits.fill(1, y * 10 + 2, y * 10 + 8);
  const mask = { runs: encode(bits, [10, 10]), box: [2, 2, 8, 8], area: 36 };
  const other = { ...mask, box: [3, 3, 9, 9], runs: encode(new Uint8Array(100).fill(1, 0, 36), [10, 10]) };
  assert.deepEqual(unlike([mask, other], [mask]), [other]);
});

test("boxes that only touch do not overlap", () => {
  assert.equal(boxIou([0, 0, 2, 2], [2, 0, 4, 2]), 0);
  assert.equal(boxIou([0, 0, 2, 2], [1, 0, 3, 2]), 1 / 3);
});

test("a stroke sets the pixels within its radius and gives the box touched", () => {
  const bits = new Uint8Array(20 * 20);
  const box = drawStroke(bits, [20, 20], [5, 10], [15, 10], 2);
  assert.deepEqual(box, [3, 8, 17, 12]);
  assert.ok(Math.abs(sum(bits) - (10 * 4 + Math.PI * 4)) < 3, `${sum(bits)}`);
  drawStroke(bits, [20, 20], [5, 10], [15, 10], 3, 0);
  assert.equal(sum(bits), 0);
});

test("zooming keeps the place under the pointer", () => {
  const view = new Viewport([300, 400]);
  view.resize([600, 1000]);
  const before = view.toImage(420, 310);
  view.zoom(3, 420, 310);
  const after = view.toImage(420, 310);
  before.forEach((value, i) => assert.ok(Math.abs(value - after[i]) < 1e-9));
  view.pan(1e6, -1e6);
  assert.ok(view.toScreen(0, 0)[0] < 1000 && view.toScreen(400, 300)[1] > 0, "the image stays in sight");
});

test("an id of any characters comes back from its address", () => {
  for (const id of ["cat", "a/b c.jpg", "ü%#?"]) assert.equal(imageIdIn(imageAddress(id)), id);
  for (const hash of ["", "#/", "#/image/", "#/image/%"]) assert.equal(imageIdIn(hash), null);
});

test("every key has one action", () => {
  const keys = SHORTCUTS.flatMap((one) => one.keys);
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(actionOf({ key: "z", ctrlKey: true }, SHORTCUTS), { act: "undo", with: "" });
  assert.deepEqual(actionOf({ key: "z", metaKey: true }, SHORTCUTS), { act: "undo", with: "" });
  assert.deepEqual(actionOf({ key: "3" }, SHORTCUTS), { act: "label", with: "3" });
  assert.equal(actionOf({ key: "a", altKey: true }, SHORTCUTS), null);
});

test("half precision is read as it is meant", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x8000);
  assert.deepEqual([...fromHalf(halves)], [1, -2, 2 ** -24, 65504, Infinity, -Infinity, -0]);
  assert.ok(Number.isNaN(fromHalf(Uint16Array.of(0x7e00))[0]));
});

test("tensors are read by name from a safetensors file", () => {
  const header = new TextEncoder().encode(
    JSON.stringify({
      __metadata__: { a: "b" },
      x: { dtype: "F16", shape: [2], data_offsets: [0, 4] },
      y: { dtype: "F32", shape: [1, 1], data_offsets: [4, 8] },
    }),
  );
  const bytes = new Uint8Array(8 + header.length + 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  new Uint8Array(bytes.buffer).set(new Uint8Array(Uint16Array.of(0x3c00, 0x4000).buffer), 8 + header.length);
  new Uint8Array(bytes.buffer).set(new Uint8Array(Float32Array.of(0.5).buffer), 12 + header.length);
  assert.deepEqual(readSafetensors(bytes.buffer), {
    x: { shape: [2], values: Float32Array.of(1, 2) },
    y: { shape: [1, 1], values: Float32Array.of(0.5) },
  });
});

test("the points of a grid are all different, and the first ones spread out", () => {
  const points = gridPoints([300, 400], 8);
  assert.equal(new Set(points.map(String)).size, 64);
  const quarters = new Set(points.slice(0, 8).map(([x, y]) => `${x < 200} ${y < 150}`));
  assert.equal(quarters.size, 4);
  assert.deepEqual(gridPoints([1, 1], 32), [[0.5, 0.5]]);
});
