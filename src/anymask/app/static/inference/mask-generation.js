/** Automatic masks from a grid of points: the twin of `anymask.candidates` for the whole image. */
import { DECODER_MASKS, STABILITY_MARGIN, STABILITY_OFFSET } from "../constants.js";
import { area, box } from "../masks/rle.js";
import { stability } from "./hypotheses.js";
import { promptArrays } from "./prompts.js";

/** @typedef {import("./onnx-model.js").OnnxModel} OnnxModel */
/** @typedef {import("../geometry/frame.js").Frame} Frame */
/** @typedef {import("../types.js").Candidate} Candidate */
/** @typedef {{iou: number, stability: number}} Floors */

const AT_ONCE = 8; // prompts in one run: a click that comes meanwhile waits no longer than for these

/**
 * Centres of `side` x `side` cells, spread so that the first ones already cover the image.
 * @param {import("../types.js").Size} size @param {number} side
 * @returns {[number, number][]}
 */
export function gridPoints([h, w], side) {
  const rows = Math.min(side, h);
  const columns = Math.min(side, w);
  const step = coprimeNear(Math.round(rows * columns * 0.618), rows * columns);
  return Array.from({ length: rows * columns }, (_, i) => {
    const place = (i * step) % (rows * columns);
    return [((place % columns) + 0.5) * (w / columns), (Math.floor(place / columns) + 0.5) * (h / rows)];
  });
}

/** @param {number} a @param {number} b @returns {number} */
const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** @param {number} guess @param {number} total */
function coprimeNear(guess, total) {
  let step = Math.max(guess, 1);
  while (gcd(step, total) !== 1) step++;
  return step;
}

/**
 * Give the candidates of every batch of points as they come.
 * @param {OnnxModel} model @param {string} id @param {number} side @param {Floors} floors
 * @returns {AsyncGenerator<{found: Candidate[], done: number, total: number}>}
 */
export async function* generateMasks(model, id, side, floors) {
  const embedding = model.embedding(id);
  const { frame } = embedding;
  const points = gridPoints(frame.size, side);
  for (let start = 0; start < points.length; start += AT_ONCE) {
    const some = points.slice(start, start + AT_ONCE);
    const prompts = some.map((point) => promptArrays({ points: [point], labels: [1], box: null }, frame));
    const { logits, iou, cells } = await model.decode(embedding, prompts);
    const found = some.flatMap((point, i) => {
      const own = logits.subarray(i * DECODER_MASKS * cells, (i + 1) * DECODER_MASKS * cells);
      return answers(frame, own, iou.subarray(i * DECODER_MASKS, (i + 1) * DECODER_MASKS), point, floors);
    });
    yield { found, done: start + some.length, total: points.length };
  }
}

/**
 * @param {Frame} frame
 * @param {Float32Array} logits
 * @param {Float32Array} iou
 * @param {[number, number]} point
 * @param {Floors} floors
 */
function answers(frame, logits, iou, point, floors) {
  const cells = frame.grid[0] * frame.grid[1];
  /** @type {Candidate[]} */
  const found = [];
  for (let i = 1; i < DECODER_MASKS; i++) {
    const grid = logits.subarray(i * cells, (i + 1) * cells);
    if (iou[i] < floors.iou || stability(grid, frame) < floors.stability - STABILITY_MARGIN) continue;
    const stable =
      area(frame.maskRuns(grid, STABILITY_OFFSET)) /
      Math.max(area(frame.maskRuns(grid, -STABILITY_OFFSET)), 1);
    if (stable < floors.stability) continue;
    const runs = frame.maskRuns(grid);
    found.push({ runs, box: box(runs, frame.size), area: area(runs), iou: iou[i], stability: stable, point });
  }
  return found;
}
