/** The model's frame of an image, beyond the cases that Python answers too. */
import assert from "node:assert/strict";
import test from "node:test";
import { Frame } from "../../../src/anymask/app/static/geometry/frame.js";
import { area, box } from "../../../src/anymask/app/static/masks/rle.js";

const RULE = { size: 64, square: false, multiple: 32 };
const frame = Frame.fit([128, 96], RULE);

test("the longest side becomes the model's, and the padding a multiple", () => {
  assert.deepEqual(frame.scaled, [64, 48]);
  assert.deepEqual(frame.padded, [64, 64]);
  assert.deepEqual(frame.grid, [16, 16]);
  assert.deepEqual(frame.content, [16, 12]);
  assert.deepEqual(Frame.fit([10, 1000], { ...RULE, square: true }).padded, [64, 64]);
});

test("logits above the threshold everywhere are the whole image, below it nothing", () => {
  const [h, w] = frame.size;
  assert.equal(area(frame.maskRuns(new Float32Array(256).fill(1))), h * w);
  assert.equal(area(frame.maskRuns(new Float32Array(256).fill(1), 1)), 0);
  assert.equal(area(frame.maskRuns(new Float32Array(256).fill(-1))), 0);
});

test("a mask turned into cells and back keeps its box within half a cell", () => {
  const [h, w] = frame.size;
  const bits = new Uint8Array(h * w);
  for (let y = 40; y < 96; y++) bits.fill(1, y * w + 24, y * w + 72);
  const logits = frame.coverage(bits).map((share) => (2 * share - 1) * 10);
  const found = box(frame.maskRuns(logits), frame.size);
  [24, 40, 72, 96].forEach((side, i) => assert.ok(Math.abs(found[i] - side) <= 4, `${found}`));
});

test("cells count as within a box by their middle", () => {
  const { rows, columns } = frame.cellsWithin([0, 8, 96, 20]); // a cell is 8 image pixels wide
  assert.deepEqual(
    rows.flatMap((yes, i) => (yes ? [i] : [])),
    [1],
  );
  assert.equal(columns.filter(Boolean).length, 12);
});
