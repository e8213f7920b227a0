/** Features of masks for their names: the twin of `anymask.models.text.namer.MaskFeatures`. */
import { GRID_STRIDE } from "../constants.js";
import { Frame } from "../geometry/frame.js";
import { area, box, decode } from "../masks/rle.js";

/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {{shape: number[], values: Float32Array}} Maps maps (channels, height, width) */

const FRAME = { size: 448, square: false, multiple: 32 };
const COARSE = 32;
const FINE = 16;
const MEAN = [123.675, 116.28, 103.53];
const STD = [58.395, 57.12, 57.375];

/** The frame in which the backbone sees an image. @param {Size} size */
export const textFrame = (size) => Frame.fit(size, FRAME);

/**
 * The input of the backbone, (3, H, W), normalised, padded with zeros.
 * @param {Uint8Array} rgb of the scaled image @param {Frame} frame
 */
export function backboneInput(rgb, frame) {
  const [h, w] = frame.scaled;
  const [rows, columns] = frame.padded;
  const out = new Float32Array(3 * rows * columns);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        out[(c * rows + y) * columns + x] = (rgb[(y * w + x) * 3 + c] - MEAN[c]) / STD[c];
  return out;
}

/**
 * The features of masks, in their order.
 * @param {Maps} last of the backbone, at stride 32 @param {Maps} fine at stride 16
 * @param {{weight: {shape: number[], values: Float32Array}, bias: Float32Array}} head of `Namer`
 * @param {Frame} frame @param {Runs[]} masks of the image
 * @returns {Float32Array[]}
 */
export function maskFeatures(last, fine, head, frame, masks) {
  const coarse = convolved(last, head);
  const whole = pool(coarse, shrink(filled(frame), frame.grid, COARSE / GRID_STRIDE));
  return masks.map((runs) => {
    const cover = frame.coverage(decode(runs, frame.size));
    return Float32Array.from([
      ...pool(coarse, shrink(cover, frame.grid, COARSE / GRID_STRIDE)),
      ...whole,
      ...pool(fine, shrink(cover, frame.grid, FINE / GRID_STRIDE)),
      ...place(runs, frame.size),
    ]);
  });
}

/** ImageNet's last convolution, of 1 x 1, clipped as its activation does. @param {Maps} maps @param {{weight: {shape: number[], values: Float32Array}, bias: Float32Array}} head */
function convolved({ shape: [channels, h, w], values }, { weight, bias }) {
  const cells = h * w;
  const [many] = weight.shape;
  const out = new Float32Array(many * cells);
  for (let row = 0; row < many; row++) {
    const line = out.subarray(row * cells, (row + 1) * cells).fill(bias[row]);
    for (let c = 0; c < channels; c++) {
      const factor = weight.values[row * channels + c];
      for (let i = 0, at = c * cells; i < cells; i++) line[i] += factor * values[at + i];
    }
    for (let i = 0; i < cells; i++) line[i] = Math.min(Math.max(line[i], 0), 6);
  }
  return { shape: [many, h, w], values: out };
}

/** Cells of the grid that hold the image. @param {Frame} frame */
function filled({ grid: [rows, columns], content: [h, w] }) {
  return Float32Array.from({ length: rows * columns }, (_, i) =>
    Number(Math.floor(i / columns) < h && i % columns < w),
  );
}

/** Means of blocks of `by` x `by` cells. @param {Float32Array} cells @param {Size} grid @param {number} by */
function shrink(cells, [rows, columns], by) {
  const width = columns / by;
  const out = new Float32Array((rows / by) * width);
  cells.forEach((value, i) => {
    const row = Math.floor(i / columns / by);
    out[row * width + Math.floor((i % columns) / by)] += value / (by * by);
  });
  return out;
}

/** Weighted means of each channel. @param {Maps} maps @param {Float32Array} weights */
function pool({ shape: [channels], values }, weights) {
  const total = Math.max(
    weights.reduce((a, b) => a + b, 0),
    1e-6,
  );
  return Float32Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i] * values[c * weights.length + i];
    return sum / total;
  });
}

/** Box and root of the area, as shares of the image. @param {Runs} runs @param {Size} size */
function place(runs, [h, w]) {
  const [x0, y0, x1, y1] = box(runs, [h, w]);
  return [x0 / w, y0 / h, x1 / w, y1 / h, Math.sqrt(area(runs) / (h * w))];
}
