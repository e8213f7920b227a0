/** Prompts as the decoder takes them: the twin of `Prompt.arrays`. */
import { MASK_LOGIT } from "../constants.js";

/** @typedef {import("../geometry/frame.js").Frame} Frame */
/** @typedef {import("../types.js").Clicks} Clicks */

/**
 * Points in model pixels, half a pixel added but for the pad, and their labels: 0, 1 points, 2, 3 the box's
 * corners, -1 the pad that ends points without a box.
 * @param {Clicks} clicks @param {Frame} frame
 * @returns {{points: Float32Array, labels: BigInt64Array}} points: x, y in turn
 */
export function promptArrays(clicks, frame) {
  const [h, w] = frame.size;
  /** @type {number[]} */
  const points = [];
  const labels = clicks.labels.map(BigInt);
  const add = (/** @type {number} */ x, /** @type {number} */ y) =>
    points.push(...frame.toModel(Math.fround(x), Math.fround(y)).map((v) => Math.fround(v + 0.5)));
  clicks.points.forEach(([x, y]) => add(x, y));
  if (clicks.box) {
    const [x0, y0, x1, y1] = clicks.box;
    add(Math.min(Math.max(x0, 0), w), Math.min(Math.max(y0, 0), h));
    add(Math.min(Math.max(x1, 0), w), Math.min(Math.max(y1, 0), h));
    labels.push(2n, 3n);
  } else if (points.length) {
    points.push(0, 0);
    labels.push(-1n);
  }
  return { points: Float32Array.from(points), labels: BigInt64Array.from(labels) };
}

/** A mask of the image as logits of the grid. @param {Uint8Array} bits @param {Frame} frame */
export const maskLogits = (bits, frame) => frame.coverage(bits).map((share) => (2 * share - 1) * MASK_LOGIT);

/**
 * Whether this is a single click, for which the three hypotheses are meant.
 * @param {Clicks} clicks
 * @param {boolean} hasMask
 */
export const isAmbiguous = (clicks, hasMask) => clicks.points.length === 1 && !clicks.box && !hasMask;
