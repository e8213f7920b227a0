/** Finding everything: by the server where there is one, with the time that is left. */
import assert from "node:assert/strict";
import test from "node:test";
import { encode, toString } from "../../../src/anymask/app/static/masks/rle.js";
import { OfflineError } from "../../../src/anymask/app/static/storage/errors.js";
import { EverythingTool, secondsLeft } from "../../../src/anymask/app/static/tools/everything.js";

const SIZE = /** @type {[number, number]} */ ([3, 4]);

/** A mask of one row, as the server answers. */
function row(y, score) {
  const bits = new Uint8Array(12);
  bits.fill(1, y * 4, y * 4 + 4);
  return { counts: toString(encode(bits, SIZE)), score, stability: 0.9 };
}

/** A tool at an image; `added` are the masks that were kept, `told` the notices. */
function toolWith(everything) {
  const [added, told] = [[], []];
  const editor = {
    openImage: { info: { id: "cat" }, size: SIZE, items: new Map() },
    predictor: { model: "m", storage: { everything } },
    emit() {},
    notice: (sentence) => told.push(sentence),
    add: (some) => added.push(...some),
  };
  return { tool: new EverythingTool(/** @type {any} */ (editor)), added, told };
}

test("the time that finding everything still takes is told once a share is done", () => {
  assert.equal(secondsLeft(0.01, 1), null);
  assert.equal(secondsLeft(0.25, 10), 30);
  assert.equal(secondsLeft(1, 40), 0);
});

test("what the server finds is filtered by the sliders and kept without clicks", async () => {
  const asked = [];
  const { tool, added } = toolWith(async (id, how, step) => {
    asked.push([id, how]);
    step(0.5);
    assert.equal(tool.progress, 0.5);
    return [row(0, 0.3), row(2, 0.8)];
  });
  await tool.start();
  assert.deepEqual(asked, [["cat", { model: "m", side: null }]]);
  assert.equal(tool.chosen.length, 2);
  tool.choose({ iou: 0.5 });
  tool.keepAll();
  assert.deepEqual(
    added.map(({ box, area, score, clicks, model }) => ({ box, area, score, clicks, model })),
    [{ box: [0, 2, 4, 3], area: 4, score: 0.8, clicks: null, model: "m" }],
  );
  tool.side = 12;
  await tool.start();
  assert.deepEqual(asked[1][1], { model: "m", side: 12 });
});

test("without an answer of the server the page finds everything itself", async () => {
  const { tool, added, told } = toolWith(async () => {
    throw new OfflineError();
  });
  const one = {
    runs: Uint32Array.of(1, 1, 10),
    box: [0, 1, 1, 2],
    area: 1,
    iou: 0.7,
    stability: 0.9,
    point: [0, 1],
  };
  Object.assign(tool.editor.predictor, {
    load: async () => ({ thresholds: { min_iou: 0.5, min_stability: 0.6 } }),
    prepare: async () => {},
    client: {
      generateMasks: async (asked, step) => step({ found: [one], done: 1, total: 1 }),
    },
  });
  await tool.start();
  assert.equal(tool.thresholds.iou, 0.5);
  tool.keepAll();
  assert.deepEqual([added.length, added[0].clicks.points, told], [1, [[0, 1]], []]);
});

test("a search that is stopped says nothing and gives nothing", async () => {
  const { tool, told } = toolWith((id, how, step, signal) => {
    const failed = new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("it was cancelled"))),
    );
    tool.stop();
    return failed;
  });
  await tool.start();
  assert.deepEqual([tool.chosen, told, tool.running], [[], [], null]);
});
