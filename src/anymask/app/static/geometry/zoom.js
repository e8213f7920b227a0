/** Where a second look is laid, and how masks come back from it: the twin of `anymask.zoom`. */
import { boxIou } from "../masks/candidates.js";
import { area, box } from "../masks/rle.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("./frame.js").Frame} Frame */

const AROUND = 2, LARGEST = 0.9, ALIKE = 0.5, SMALLEST = 48;

/**
 * The close-up for an answer to a prompt, or null where the first look was close enough.
 * @param {Clicks} clicks @param {Runs} runs @param {Size} size
 * @returns {Box | null}
 */
export function closeUp(clicks, runs, size) {
  const around = extent(clicks, runs, size);
  if (!around) return null;
  const [x0, y0, x1, y1] = around, [h, w] = size;
  const side = Math.max(AROUND * Math.max(Math.fround(x1 - x0), Math.fround(y1 - y0)), SMALLEST);
  if (side >= LARGEST * Math.max(h, w)) return null;
  const [left, right] = span(x0, x1, side, w), [top, bottom] = span(y0, y1, side, h);
  return [left, top, right, bottom];
}

/**
 * The close-ups with every one replaced by the largest that is much like it.
 * @param {(Box | null)[]} closes
 */
export function shared(closes) {
  const some = closes.filter((one) => one !== null);
  return closes.map((close) => {
    if (!close) return null;
    const alike = some.filter((one) => boxIou(one, close) >= ALIKE);
    return alike.reduce((a, b) => (extentOf(b) > extentOf(a) ? b : a));
  });
}

/** @param {Box} box */
const extentOf = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);

/** The size of a part. @param {Box} part @returns {Size} */
export const sizeOf = ([x0, y0, x1, y1]) => [y1 - y0, x1 - x0];

/** The same question about the part. @param {Clicks} clicks @param {Box} part @returns {Clicks} */
export function moved({ points, labels, box: rectangle }, [x, y]) {
  return {
    points: points.map(([px, py]) => [Math.fround(px) - x, Math.fround(py) - y]), labels,
    box: rectangle && /** @type {Box} */ (rectangle.map((side, i) => Math.fround(side) - (i % 2 ? y : x))),
  };
}

/** The part's own pixels. @param {Uint8ClampedArray} rgba @param {Size} size @param {Box} part */
export function cut(rgba, [, w], [x0, y0, x1, y1]) {
  const line = (x1 - x0) * 4, out = new Uint8ClampedArray(line * (y1 - y0));
  for (let y = y0; y < y1; y++) out.set(rgba.subarray((y * w + x0) * 4, (y * w + x1) * 4), (y - y0) * line);
  return out;
}

/**
 * The logits of the whole: those found in the part where it is seen, those known elsewhere.
 * @param {Float32Array} known @param {Float32Array} found @param {Frame} whole @param {Frame} inner of the part @param {Box} part
 */
export function joined(known, found, whole, inner, part) {
  const [x, y] = part, seen = inner.logitsIn(whole, [-x, -y], found);
  const { rows, columns } = whole.cellsWithin(part), width = columns.length;
  return known.map((logit, i) => (rows[Math.floor(i / width)] && columns[i % width] ? seen[i] : logit));
}

/** @param {Clicks} clicks @param {Runs} runs @param {Size} size @returns {number[] | null} */
function extent({ points, box: asked }, runs, size) {
  if (!asked && !area(runs)) return null;
  const [h, w] = size;
  const [x0, y0, x1, y1] = asked
    ? asked.map((side, i) => Math.min(Math.max(side, 0), i % 2 ? h : w))
    : box(runs, size);
  const xs = [x0, x1, ...points.map(([x]) => x)], ys = [y0, y1, ...points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].map(Math.fround);
}

/** @param {number} low @param {number} high @param {number} side @param {number} full */
function span(low, high, side, full) {
  const length = Math.min(Math.ceil(side), full);
  const start = Math.floor(Math.fround(Math.fround(low + high) - length) / 2);
  const first = Math.min(Math.max(start, 0), full - length);
  return [first, first + length];
}
