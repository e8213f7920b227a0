/** Run-length codes of masks. */
import assert from "node:assert/strict";
import test from "node:test";
import * as rle from "../../../src/anymask/app/static/masks/rle.js";

const SIZE = /** @type {[number, number]} */ ([7, 5]);

/** Bits from a small generator, so that every run has the same. */
function bitsOf(seed, total = SIZE[0] * SIZE[1]) {
  let state = seed;
  return Uint8Array.from({ length: total }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return (state >> 16) & 1;
  });
}

test("a mask comes back from its runs and from its string", () => {
  for (let seed = 1; seed < 30; seed++) {
    const bits = bitsOf(seed);
    const runs = rle.encode(bits, SIZE);
    assert.deepEqual(rle.decode(runs, SIZE), bits);
    assert.deepEqual(rle.fromString(rle.toString(runs)), runs);
    assert.equal(
      rle.area(runs),
      bits.reduce((a, b) => a + b, 0),
    );
  }
});

test("two masks combine as their bits do", () => {
  for (let seed = 1; seed < 20; seed++) {
    const a = bitsOf(seed);
    const b = bitsOf(seed + 100);
    const [p, q] = [rle.encode(a, SIZE), rle.encode(b, SIZE)];
    const decoded = (runs) => [...rle.decode(runs, SIZE)];
    assert.deepEqual(
      decoded(rle.union(p, q)),
      [...a].map((bit, i) => bit | b[i]),
    );
    assert.deepEqual(
      decoded(rle.subtract(p, q)),
      [...a].map((bit, i) => bit & ~b[i] & 1),
    );
    const shared = [...a].filter((bit, i) => bit && b[i]).length;
    const all = [...a].filter((bit, i) => bit || b[i]).length;
    assert.equal(rle.intersection(p, q), shared);
    assert.equal(rle.iou(p, q), shared / all);
  }
});

test("only the box is read where one is given", () => {
  const bits = new Uint8Array(35);
  for (const [y, x] of [
    [1, 1],
    [2, 1],
    [3, 2],
    [6, 3],
  ])
    bits[y * 5 + x] = 1;
  assert.deepEqual(rle.encode(bits, SIZE, [1, 1, 4, 7]), rle.encode(bits, SIZE));
  assert.deepEqual(rle.box(rle.encode(bits, SIZE), SIZE), [1, 1, 4, 7]);
});

test("a pixel is inside where its bit is set", () => {
  const bits = bitsOf(7);
  const runs = rle.encode(bits, SIZE);
  for (let y = 0; y < 7; y++)
    for (let x = 0; x < 5; x++)
      assert.equal(rle.contains(runs, SIZE, x + 0.9, y + 0.1), bits[y * 5 + x] === 1);
});

test("a mask pasted into a larger image keeps its shape and moves its box", () => {
  const runs = rle.encode(bitsOf(3), SIZE);
  const pasted = rle.paste(runs, SIZE, [4, 2], [20, 30]);
  assert.equal(rle.area(pasted), rle.area(runs));
  const [x0, y0, x1, y1] = rle.box(runs, SIZE);
  assert.deepEqual(rle.box(pasted, [20, 30]), [x0 + 4, y0 + 2, x1 + 4, y1 + 2]);
});

test("an empty mask has no box and no share of anything", () => {
  const none = rle.encode(new Uint8Array(35), SIZE);
  assert.deepEqual(rle.box(none, SIZE), [0, 0, 0, 0]);
  assert.equal(rle.iou(none, none), 0);
});

test("a corrupt string is refused", () => {
  for (const text of ["0P", "\u0001", "z"])
    assert.throws(() => rle.fromString(text), RangeError, JSON.stringify(text));
  assert.throws(() => rle.fromString("O"), RangeError); // a run of length -1
});

test("a sampled mask has every third pixel, also of sides that three does not divide", () => {
  const [h, w] = [11, 8];
  const bits = Uint8Array.from({ length: h * w }, (_, i) => Number((i * 7919) % 13 < 6));
  const { runs, size } = rle.sampled(rle.encode(bits, [h, w]), [h, w], 3);
  assert.deepEqual(size, [4, 3]);
  const wanted = Uint8Array.from({ length: 12 }, (_, i) => bits[Math.floor(i / 3) * 3 * w + (i % 3) * 3]);
  assert.deepEqual(rle.decode(runs, size), wanted);
});
