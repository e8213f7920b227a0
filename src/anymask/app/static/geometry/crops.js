/**
 * Crops in which answers are refined, and how masks and logits come back from them: the twin of
 * `anymask.inference.promptable.crops`.
 */
import {
  CONTEXT_SHARE,
  CROP_MAX_SHARE,
  CROP_MERGE_IOU,
  CROP_MIN_SIDE,
  CROP_SCALE,
  CUT_OFF_SHARE,
  DISTINCT_IOU,
} from "../constants.js";
import { boxArea, boxIou, sizeOf } from "./boxes.js";
import { area, box, decode, iou } from "../masks/rle.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("./frame.js").Frame} Frame */

/**
 * The crop in which to refine an answer to a prompt, or null where the first pass was close enough.
 * @param {Clicks} clicks @param {Runs} runs @param {Size} size
 * @returns {Box | null}
 */
export function refineCrop(clicks, runs, size) {
  const around = extent(clicks, runs, size);
  if (!around) return null;
  const [x0, y0, x1, y1] = around;
  const [h, w] = size;
  const side = Math.max(CROP_SCALE * Math.max(Math.fround(x1 - x0), Math.fround(y1 - y0)), CROP_MIN_SIDE);
  if (side >= CROP_MAX_SHARE * Math.max(h, w)) return null;
  const [left, right] = span(x0, x1, side, w);
  const [top, bottom] = span(y0, y1, side, h);
  return [left, top, right, bottom];
}

/**
 * A wider crop around a single click; null where the image is small.
 * @param {Clicks} clicks
 * @param {Size} size
 * @returns {Box | null}
 */
export function contextCrop({ points: [[x, y]] }, [h, w]) {
  const side = CONTEXT_SHARE * Math.max(h, w);
  if (side < CROP_MIN_SIDE) return null;
  const [px, py] = [Math.fround(x), Math.fround(y)];
  const [left, right] = span(px, px, side, w);
  const [top, bottom] = span(py, py, side, h);
  return [left, top, right, bottom];
}

/**
 * Whether a mask in a crop seems to continue in the image beyond it.
 * @param {Runs} runs
 * @param {Box} crop
 * @param {Size} size
 */
export function isCutOff(runs, crop, [h, w]) {
  const [x0, y0, x1, y1] = crop;
  const [rows, columns] = sizeOf(crop);
  const bits = decode(runs, [rows, columns]);
  let cut = 0;
  for (let y = 0; y < rows; y++)
    cut += Number(x0 > 0 && bits[y * columns]) + Number(x1 < w && bits[(y + 1) * columns - 1]);
  for (let x = 0; x < columns; x++)
    cut += Number(y0 > 0 && bits[x]) + Number(y1 < h && bits[(rows - 1) * columns + x]);
  return cut > CUT_OFF_SHARE * Math.sqrt(area(runs));
}

/**
 * The best answers that differ from all better ones, then the best of the others.
 * @template {{runs: Runs, quality: number}} T @param {T[]} answers @param {number} most @returns {T[]}
 */
export function distinct(answers, most) {
  const order = [...answers].sort((a, b) => b.quality - a.quality);
  /** @type {T[]} */
  const apart = [];
  for (const one of order)
    if (!apart.some((better) => iou(one.runs, better.runs) >= DISTINCT_IOU)) apart.push(one);
  return [...apart, ...order.filter((one) => !apart.includes(one))].slice(0, most);
}

/**
 * The crops with every one replaced by the largest that overlaps it much.
 * @param {(Box | null)[]} crops
 */
export function mergeCrops(crops) {
  const some = crops.filter((one) => one !== null);
  return crops.map((crop) => {
    if (!crop) return null;
    const alike = some.filter((one) => boxIou(one, crop) >= CROP_MERGE_IOU);
    return alike.reduce((a, b) => (boxArea(b) > boxArea(a) ? b : a));
  });
}

/** The same prompt in pixels of the crop. @param {Clicks} clicks @param {Box} crop @returns {Clicks} */
export function shiftClicks({ points, labels, box: rectangle }, [x, y]) {
  return {
    points: points.map(([px, py]) => [Math.fround(px) - x, Math.fround(py) - y]),
    labels,
    box: rectangle && /** @type {Box} */ (rectangle.map((side, i) => Math.fround(side) - (i % 2 ? y : x))),
  };
}

/** The pixels of a crop. @param {Uint8ClampedArray} rgba @param {Size} size @param {Box} crop */
export function cropPixels(rgba, [, w], [x0, y0, x1, y1]) {
  const line = (x1 - x0) * 4;
  const out = new Uint8ClampedArray(line * (y1 - y0));
  for (let y = y0; y < y1; y++) out.set(rgba.subarray((y * w + x0) * 4, (y * w + x1) * 4), (y - y0) * line);
  return out;
}

/**
 * The logits of the whole image: those found in the crop inside it, those known elsewhere.
 * @param {Float32Array} known
 * @param {Float32Array} found
 * @param {Frame} whole
 * @param {Frame} inner of the crop
 * @param {Box} crop
 */
export function mergeLogits(known, found, whole, inner, crop) {
  const [x, y] = crop;
  const seen = inner.logitsIn(whole, [-x, -y], found);
  const { rows, columns } = whole.cellsWithin(crop);
  const width = columns.length;
  return known.map((logit, i) => (rows[Math.floor(i / width)] && columns[i % width] ? seen[i] : logit));
}

/** @param {Clicks} clicks @param {Runs} runs @param {Size} size @returns {number[] | null} */
function extent({ points, box: asked }, runs, size) {
  if (!asked && !area(runs)) return null;
  const [h, w] = size;
  const [x0, y0, x1, y1] = asked
    ? asked.map((side, i) => Math.min(Math.max(side, 0), i % 2 ? h : w))
    : box(runs, size);
  const xs = [x0, x1, ...points.map(([x]) => x)];
  const ys = [y0, y1, ...points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].map(Math.fround);
}

/** @param {number} low @param {number} high @param {number} side @param {number} full */
function span(low, high, side, full) {
  const length = Math.min(Math.ceil(side), full);
  const start = Math.floor(Math.fround(Math.fround(low + high) - length) / 2);
  const first = Math.min(Math.max(start, 0), full - length);
  return [first, first + length];
}
