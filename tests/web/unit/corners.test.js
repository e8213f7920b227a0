/** Corners of masks: exact where nobody touched them. */
import assert from "node:assert/strict";
import test from "node:test";
import { fillRings, simplify, traceRings } from "../../../src/anymask/app/static/geometry/contours.js";
import {
  countCorners,
  deleteCorner,
  flip,
  insertCorner,
  inside,
  moveCorner,
  nearest,
  outlineOf,
  straightened,
} from "../../../src/anymask/app/static/masks/corners.js";
import { area, combine, iou } from "../../../src/anymask/app/static/masks/rle.js";
import { blots, drawn, numbers } from "./masks.js";

test("the rings of a mask enclose exactly its pixels", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { runs, size, box } = blots(seed);
    if (area(runs)) assert.deepEqual(fillRings(traceRings(runs, size, box), size), runs, `seed ${seed}`);
  }
});

test("a ring turns at the corners of pixels; a hole has a ring of its own", () => {
  const { runs, size, box } = drawn("....", ".##.", ".##.", "....");
  assert.deepEqual(traceRings(runs, size, box), [
    [
      [3, 1],
      [3, 3],
      [1, 3],
      [1, 1],
    ],
  ]);
  const ring = drawn("###", "#.#", "###");
  assert.equal(traceRings(ring.runs, ring.size, ring.box).length, 2);
  const touching = drawn("#.", ".#"); // pixels that meet at a corner are apart
  assert.equal(traceRings(touching.runs, touching.size, touching.box).length, 2);
});

test("a line gives the same pixels in both directions, and pixels outside the image are cut off", () => {
  const next = numbers(5);
  const size = [30, 40];
  for (let i = 0; i < 50; i++) {
    const ring = Array.from({ length: 5 }, () => [next(600) / 10 - 10, next(500) / 10 - 10]);
    assert.deepEqual(fillRings([ring], size), fillRings([ring.toReversed()], size));
  }
  const all = [
    [-5, -5],
    [90, -5],
    [90, 90],
    [-5, 90],
  ];
  assert.equal(area(fillRings([all], size)), 1200);
});

test("fewer corners for less precision, three at least, and the IoU falls", () => {
  const { runs, size, box } = disc(120, 50);
  const exact = outlineOf(runs, size, box, 1);
  const counts = [1, 0.9, 0.7, 0].map((precision) => {
    const outline = outlineOf(runs, size, box, precision);
    assert.deepEqual(inside(outline, size), runs); // whatever the corners, the mask is exact
    return [countCorners(outline), iou(runs, inside(straightened(outline), size))];
  });
  assert.deepEqual(inside(straightened(exact), size), runs);
  for (let i = 1; i < counts.length; i++) {
    assert.ok(counts[i][0] < counts[i - 1][0], String(counts));
    assert.ok(counts[i][1] < counts[i - 1][1], String(counts));
  }
  assert.ok(counts[2][1] > 0.95);
  assert.ok(counts[3][0] >= 3);
  const pixel = drawn("...", ".#.", "...");
  assert.equal(simplify(traceRings(pixel.runs, pixel.size, pixel.box)[0], 100).length, 3);
});

test("moved, inserted and deleted corners change the mask between the lines only", () => {
  const next = numbers(11);
  for (let seed = 1; seed <= 40; seed++) {
    const { runs: first, size, box } = blots(seed);
    if (!area(first)) continue;
    let runs = first;
    let outline = outlineOf(runs, size, box, 0.6);
    for (let step = 0; step < 12 && outline.length; step++) {
      const ring = next(outline.length);
      const place = { ring, corner: next(outline[ring].length) };
      const kind = next(3);
      if (kind === 0) {
        outline = insertCorner(outline, place, [next(50), next(40)]);
      } else {
        const to = [next(500) / 10, next(400) / 10];
        const change = kind === 1 ? moveCorner(outline, place, to) : deleteCorner(outline, place);
        runs = flip(runs, change.loop, size);
        outline = change.outline;
      }
      assert.deepEqual(inside(outline, size), runs, `seed ${seed}, step ${step}, kind ${kind}`);
    }
  }
});

test("a mask is the same, pixel by pixel, away from a corner that moved", () => {
  const { runs, size, box } = disc(200, 80);
  const outline = outlineOf(runs, size, box, 0.7);
  const { corner } = nearest(outline, [100, 20]);
  const { loop } = moveCorner(outline, corner, [100, 2]);
  const changed = combine(runs, flip(runs, loop, size), (a, b) => a !== b);
  assert.ok(area(changed) > 100);
  const top = fillRings([rectangle(0, 0, 200, 60)], size);
  assert.equal(area(combine(changed, top, (a, b) => a && !b)), 0);
});

test("the nearest corner and line are found; an inserted corner lies on the line", () => {
  const { runs, size, box } = drawn("......", ".####.", ".####.", ".####.", "......");
  const outline = outlineOf(runs, size, box, 1);
  const { corner, line } = nearest(outline, [4.8, 1.1]);
  assert.deepEqual(outline[corner.ring][corner.corner].at, [5, 1]);
  assert.ok(Math.abs(line.distance - 0.1) < 1e-9);
  const more = insertCorner(outline, line, [3, 0.5]);
  assert.equal(countCorners(more), countCorners(outline) + 1);
  assert.deepEqual(more[line.ring][line.corner + 1].at, [3, 1]);
});

test("the last three corners of a part go together", () => {
  const { runs, size, box } = drawn("......", ".##...", ".##.#.", "......");
  const outline = outlineOf(runs, size, box, 0);
  assert.equal(outline.length, 2);
  const { corner } = nearest(outline, [4.5, 2.5]);
  const first = deleteCorner(outline, corner); // a square loses one of its four corners
  assert.equal(first.outline.length, 2);
  const second = deleteCorner(first.outline, { ...corner, corner: 0 });
  assert.equal(second.outline.length, 1);
  assert.equal(area(flip(flip(runs, first.loop, size), second.loop, size)), 4);
});

const rectangle = (x0, y0, x1, y1) => [
  [x0, y0],
  [x1, y0],
  [x1, y1],
  [x0, y1],
];

function disc(side, radius) {
  const middle = side / 2;
  const ring = Array.from({ length: 90 }, (_, i) => [
    middle + radius * Math.cos((i * Math.PI) / 45),
    middle + radius * Math.sin((i * Math.PI) / 45),
  ]);
  const size = [side, side];
  const runs = fillRings([ring], size);
  return {
    runs,
    size,
    box: [middle - radius - 1, middle - radius - 1, middle + radius + 1, middle + radius + 1],
  };
}
