/** The region of similar colours around a pixel. */
import { encode } from "../masks/rle.js";

/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */

/**
 * The pixels connected to a seed whose colour differs from the seed's by at most `tolerance` in every channel.
 * The colour of the seed is the mean of it and its neighbours, so that noise in one pixel does not decide.
 * @param {Uint8ClampedArray | Uint8Array} rgba row by row @param {Size} size @param {[number, number]} seed x, y
 * @param {number} tolerance from 0 to 255
 * @returns {{runs: Runs, box: Box, area: number}}
 */
export function floodFill(rgba, [h, w], seed, tolerance) {
  const [x, y] = seed.map(Math.floor);
  const colour = meanColour(rgba, [h, w], x, y);
  const alike = (/** @type {number} */ at) =>
    [0, 1, 2].every((channel) => Math.abs(rgba[4 * at + channel] - colour[channel]) <= tolerance);
  const bits = new Uint8Array(h * w);
  /** @type {Box} */
  const box = [x, y, x + 1, y + 1];
  /** @type {[number, number][]} */
  const open = [[x, y]];
  bits[y * w + x] = 1;
  let area = 1;
  const spans = { left: x, right: x + 1 };
  for (let place = open.pop(); place; place = open.pop()) {
    const row = place[1] * w;
    spread(bits, row, place[0], w, alike, spans);
    area += spans.right - spans.left - 1;
    box[0] = Math.min(box[0], spans.left);
    box[1] = Math.min(box[1], place[1]);
    box[2] = Math.max(box[2], spans.right);
    box[3] = Math.max(box[3], place[1] + 1);
    for (const next of [place[1] - 1, place[1] + 1])
      if (next >= 0 && next < h) area += seeds(bits, next, spans, w, alike, open);
  }
  return { runs: encode(bits, [h, w], box), box, area };
}

/**
 * Set the free pixels left and right of one that is set; `spans` gets their range.
 * @param {Uint8Array} bits @param {number} row @param {number} x @param {number} w
 * @param {(at: number) => boolean} alike @param {{left: number, right: number}} spans
 */
function spread(bits, row, x, w, alike, spans) {
  let left = x;
  while (left > 0 && !bits[row + left - 1] && alike(row + left - 1)) bits[row + --left] = 1;
  let right = x + 1;
  while (right < w && !bits[row + right] && alike(row + right)) bits[row + right++] = 1;
  spans.left = left;
  spans.right = right;
}

/**
 * Set and note one pixel of every free stretch of a row beside a span; gives how many.
 * @param {Uint8Array} bits @param {number} y @param {{left: number, right: number}} spans @param {number} w
 * @param {(at: number) => boolean} alike @param {[number, number][]} open
 */
function seeds(bits, y, { left, right }, w, alike, open) {
  let count = 0;
  let inside = false;
  for (let x = left; x < right; x++) {
    const free = !bits[y * w + x] && alike(y * w + x);
    if (free && !inside) {
      bits[y * w + x] = 1;
      open.push([x, y]);
      count++;
    }
    inside = free;
  }
  return count;
}

/** @param {Uint8ClampedArray | Uint8Array} rgba @param {Size} size @param {number} x @param {number} y */
function meanColour(rgba, [h, w], x, y) {
  const sum = [0, 0, 0];
  let count = 0;
  for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, h - 1); j++)
    for (let i = Math.max(x - 1, 0); i <= Math.min(x + 1, w - 1); i++, count++)
      for (let channel = 0; channel < 3; channel++) sum[channel] += rgba[4 * (j * w + i) + channel];
  return sum.map((value) => value / count);
}
