/** Tiles of large images: which ones, and in which order they come. */
import assert from "node:assert/strict";
import test from "node:test";
import { TilePyramid } from "../../../src/anymask/app/static/canvas/tile-pyramid.js";
import { countLevels, levelFor, regionOf, tilesIn } from "../../../src/anymask/app/static/geometry/tiles.js";
import { Viewport } from "../../../src/anymask/app/static/geometry/viewport.js";

const SIZE = [3000, 4100];

test("levels end with one tile, as in Python", () => {
  const sizes = [
    [1, 1],
    [512, 512],
    [513, 9],
    [9, 1024],
    [29417, 1125],
  ];
  assert.deepEqual(sizes.map(countLevels), [1, 1, 2, 2, 7]);
});

test("a level is never coarser than the screen", () => {
  assert.deepEqual(
    [4, 1, 0.6, 0.5, 0.3, 0.25, 1e-6].map((scale) => levelFor(SIZE, scale)),
    [0, 0, 0, 1, 1, 2, 4],
  );
});

test("the tiles in sight cover it, those in its middle first", () => {
  const tiles = tilesIn(SIZE, 0, [500, 500, 1600, 1100]);
  assert.deepEqual(tiles[0], { level: 0, column: 2, row: 1 });
  assert.equal(tiles.length, 4 * 3);
  assert.deepEqual(regionOf(SIZE, { level: 0, column: 8, row: 5 }), [4096, 2560, 4100, 3000]);
  assert.deepEqual(tilesIn(SIZE, 1, [-900, -900, 9000, 9000]).length, 5 * 3);
  assert.deepEqual(tilesIn(SIZE, 0, [5000, 0, 6000, 10]), []);
});

test("the whole image comes first and is drawn below finer tiles; failed tiles are requested again", async () => {
  globalThis.createImageBitmap = async (tile) => ({ tile });
  const asked = [];
  let fails = true;
  const pyramid = new TilePyramid(
    SIZE,
    async (tile) => {
      asked.push(tile);
      if (tile.level === 0 && fails) throw new Error("offline");
      return tile;
    },
    () => {},
  );
  const view = new Viewport(SIZE);
  view.resize([500, 700]);
  view.zoom(8);
  const drawn = [];
  const context = { drawImage: ({ tile }) => drawn.push(tile.level) };
  const rest = () => new Promise((resolve) => setTimeout(resolve));
  pyramid.draw(context, view, 1);
  await rest();
  assert.deepEqual(asked[0], { level: 4, column: 0, row: 0 });
  assert.ok(asked.length > 1 && pyramid.whole && pyramid.complete);
  pyramid.draw(context, view, 1);
  assert.deepEqual(drawn, [4]);
  fails = false;
  await rest();
  pyramid.draw(context, view, 1);
  await rest();
  drawn.length = 0;
  pyramid.draw(context, view, 1);
  assert.equal(drawn[0], 4);
  assert.ok(drawn.length > 1 && drawn.slice(1).every((level) => level === 0));
});

test("memory is bounded, and the whole image stays", async () => {
  globalThis.createImageBitmap = async (tile) => ({ tile });
  const large = [100000, 100000];
  const pyramid = new TilePyramid(
    large,
    async (tile) => tile,
    () => {},
  );
  const view = new Viewport(large);
  view.resize([2000, 3000]);
  const context = { drawImage() {} };
  view.zoom(500);
  for (let i = 0; i < 30; i++) {
    view.pan(-1500, -700);
    pyramid.draw(context, view, 1);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.ok(pyramid.kept.size <= 160 && pyramid.whole);
});
