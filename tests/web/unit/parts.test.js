/** Parts of masks, and regions of one colour. */
import assert from "node:assert/strict";
import test from "node:test";
import { floodFill } from "../../../src/anymask/app/static/geometry/flood.js";
import {
  cutAlong,
  dropIslands,
  fillHoles,
  largeParts,
  partsOf,
  runsOf,
} from "../../../src/anymask/app/static/masks/parts.js";
import { area, decode, encode, intersection, union } from "../../../src/anymask/app/static/masks/rle.js";
import { blots, drawn, numbers } from "./masks.js";

const runs = (...lines) => drawn(...lines).runs;

test("holes are filled, all or the small ones; a bay is no hole", () => {
  const mask = drawn("#######.#", "#.###.#.#", "#.#####.#", "#######.#", "###.###.#");
  const filled = runs("#######.#", "#######.#", "#######.#", "#######.#", "###.###.#");
  assert.deepEqual(fillHoles(mask.runs, mask.size, mask.box), filled);
  const small = runs("#######.#", "#.#####.#", "#.#####.#", "#######.#", "###.###.#");
  assert.deepEqual(fillHoles(mask.runs, mask.size, mask.box, 1), small);
  assert.equal(fillHoles(filled, mask.size, mask.box), filled);
  const corner = drawn("####", "##.#", "#.##", "####"); // two holes that meet at a corner are two
  assert.equal(area(fillHoles(corner.runs, corner.size, corner.box, 1)), 16);
});

test("a hole and an island with a point stay", () => {
  const mask = drawn("#####..#.", "#.#.#....", "#####..#.");
  const { runs: whole, size, box } = mask;
  assert.deepEqual(fillHoles(whole, size, box, 1, [[1.5, 1.5]]), runs("#####..#.", "#.###....", "#####..#."));
  assert.deepEqual(dropIslands(whole, size, 2, [[7.2, 2.9]]), runs("#####....", "#.#.#....", "#####..#."));
});

test("a mask of several objects becomes one mask for each large part, with the small ones near it", () => {
  const mask = drawn("####......#", "####.......", "####...###.", ".......###.", "#......###.");
  const [one, other, ...more] = largeParts(mask.runs, mask.size);
  assert.deepEqual(more, []);
  assert.deepEqual(one, runs("####.......", "####.......", "####.......", "...........", "#.........."));
  assert.deepEqual(other, runs("..........#", "...........", ".......###.", ".......###.", ".......###."));
  assert.deepEqual(largeParts(one, mask.size), [one]);
  assert.deepEqual(largeParts(Uint32Array.of(55), mask.size), [Uint32Array.of(55)], "an empty mask");
});

test("islands are dropped, all or the small ones; pixels that meet at a corner are one part", () => {
  const mask = drawn("##....", "##..##", "..#...", "......", "#.....");
  assert.deepEqual(
    partsOf(mask.runs, mask.size).map((part) => part.area),
    [5, 2, 1],
  );
  assert.deepEqual(dropIslands(mask.runs, mask.size), runs("##....", "##....", "..#...", "......", "......"));
  assert.deepEqual(
    dropIslands(mask.runs, mask.size, 2),
    runs("##....", "##..##", "..#...", "......", "......"),
  );
  const one = runs("##", "##");
  assert.equal(dropIslands(one, [2, 2]), one);
  const empty = runs("..", "..");
  assert.equal(dropIslands(empty, [2, 2]), empty);
});

test("parts are those of a flood fill, and together they are the mask", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { runs: whole, size } = blots(seed);
    const parts = partsOf(whole, size).map(({ segments }) => runsOf(segments, size));
    assert.equal(parts.length, flooded(decode(whole, size), size), `seed ${seed}`);
    if (parts.length) assert.deepEqual(parts.reduce(union), whole);
  }
});

test("a line cuts a mask in two without losing a pixel", () => {
  const { runs: whole, size } = drawn("........", ".######.", ".######.", ".######.", "......#.", "........");
  const cut = cutAlong(whole, size, [
    [3.5, 0.5],
    [3.5, 5.5],
  ]);
  assert.equal(cut.length, 2);
  assert.deepEqual(union(cut[0], cut[1]), whole);
  assert.equal(intersection(cut[0], cut[1]), 0);
  assert.ok(area(cut[0]) > area(cut[1]));
  assert.ok(Math.min(...cut.map(area)) >= 6);
});

test("a line that does not cross a part cuts nothing", () => {
  const { runs: whole, size } = drawn("........", ".######.", ".######.", "........");
  const short = [
    [3.5, 0.5],
    [3.5, 1.5],
  ];
  assert.deepEqual(cutAlong(whole, size, short), [whole]);
  assert.deepEqual(
    cutAlong(whole, size, [
      [0.5, 0.2],
      [7.5, 0.2],
    ]),
    [whole],
  );
});

test("what a line does not cross stays with the largest piece; a slanted line leaves no fragments", () => {
  const next = numbers(3);
  for (let seed = 1; seed <= 40; seed++) {
    const { runs: whole, size } = blots(seed);
    const line = Array.from({ length: 3 }, () => [next(500) / 10, next(400) / 10]);
    const cut = cutAlong(whole, size, line);
    assert.deepEqual(cut.reduce(union), whole, `seed ${seed}`);
    assert.equal(
      cut.reduce((sum, one) => sum + area(one), 0),
      area(whole),
    );
  }
});

test("a flood fill takes what is connected and alike", () => {
  const size = [4, 6];
  const grey = [
    [10, 10, 12, 90, 10, 10],
    [10, 11, 12, 90, 10, 10],
    [90, 90, 12, 90, 10, 10],
    [10, 10, 90, 90, 10, 10],
  ].flat();
  const rgba = Uint8ClampedArray.from(grey.flatMap((value) => [value, value, value, 255]));
  const found = floodFill(rgba, size, [0.5, 0.5], 5);
  const expected = encode(Uint8Array.from("111000111000001000000000", Number), size);
  assert.deepEqual(found.runs, expected);
  assert.equal(found.area, 7);
  assert.deepEqual(found.box, [0, 0, 3, 3]);
  assert.equal(floodFill(rgba, size, [0.5, 0.5], 255).area, 24);
  assert.equal(floodFill(rgba, size, [5.9, 3.9], 0).area, 8);
});

test("a flood fill agrees with one pixel by pixel", () => {
  const size = [20, 25];
  const next = numbers(8);
  for (let i = 0; i < 20; i++) {
    const values = Uint8Array.from({ length: 500 }, () => (next(3) ? 100 : 200));
    const rgba = Uint8ClampedArray.from([...values].flatMap((value) => [value, value, value, 255]));
    const seed = [next(25) + 0.5, next(20) + 0.5];
    const [x, y] = seed.map(Math.floor);
    const near = [...values.keys()].filter(
      (at) => Math.abs((at % 25) - x) <= 1 && Math.abs(Math.floor(at / 25) - y) <= 1,
    );
    const mean = near.reduce((sum, at) => sum + values[at], 0) / near.length;
    const wanted = spreadOut(y * 25 + x, (at) => Math.abs(values[at] - mean) <= 60, size);
    const found = floodFill(rgba, size, seed, 60);
    assert.deepEqual(found.runs, encode(wanted, size));
    assert.equal(area(found.runs), found.area);
  }
});

/** What is connected to a pixel by edges, one pixel at a time. */
function spreadOut(start, alike, [h, w]) {
  const bits = new Uint8Array(h * w);
  const open = [start];
  bits[start] = 1;
  while (open.length) {
    const at = open.pop();
    const around = [at - w, at + w, at % w ? at - 1 : -1, (at + 1) % w ? at + 1 : -1];
    for (const next of around)
      if (next >= 0 && next < h * w && !bits[next] && alike(next)) {
        bits[next] = 1;
        open.push(next);
      }
  }
  return bits;
}

/** How many parts there are, pixel by pixel. */
function flooded(bits, [h, w]) {
  const left = new Set([...bits.keys()].filter((at) => bits[at]));
  let count = 0;
  while (left.size) {
    count++;
    const open = [left.values().next().value];
    left.delete(open[0]);
    while (open.length) {
      const at = open.pop();
      const [x, y] = [at % w, Math.floor(at / w)];
      for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, h - 1); j++)
        for (let i = Math.max(x - 1, 0); i <= Math.min(x + 1, w - 1); i++)
          if (left.delete(j * w + i)) open.push(j * w + i);
    }
  }
  return count;
}
