/**
 * Outlines that follow the image: logits upsampled by a fast guided filter. The twin of
 * `anymask.geometry.outlines`, which reduces large images by area instead.
 */
import {
  GRID_STRIDE,
  OUTLINE_CLIP,
  OUTLINE_FINER,
  OUTLINE_MARGIN,
  OUTLINE_SMOOTHNESS,
  OUTLINE_SPECK,
} from "../constants.js";
import { dropIslands, fillHoles } from "../masks/parts.js";
import { area, box, decode, encode } from "../masks/rle.js";
import { Frame } from "./frame.js";

/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Clicks} Clicks */
/**
 * @typedef {object} Guide What outlines need of an image.
 * @property {Frame} frame of the logits
 * @property {Size} fine size of the fine grid
 * @property {Uint8Array} rgb colours of the fine grid
 * @property {Float64Array[]} colours red, green and blue of each cell, 0 to 1
 * @property {Float64Array[]} means of 3 x 3 cells
 * @property {Float64Array[]} inverse upper triangle of the inverse covariance in 3 x 3 cells
 */
/** @typedef {{from: number, to: number, first: number, last: number, scale: number}} Axis */

const CHANNELS = [0, 1, 2];
const PAIRS = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 1],
  [1, 2],
  [2, 2],
];

/** The size of the image in which outlines are found. @param {Frame} frame */
export const fineSize = (frame) =>
  /** @type {Size} */ (frame.size.map((side, i) => Math.min(side, OUTLINE_FINER * frame.content[i])));

/**
 * Prepare an image for outlines of logits of a frame.
 * @param {Frame} frame
 * @param {Uint8Array} rgb of `fineSize`
 * @returns {Guide}
 */
export function guide(frame, rgb) {
  const fine = fineSize(frame);
  const colours = cellColours(frame, fine, rgb);
  const means = colours.map((one) => mean(one, frame.content));
  return { frame, fine, rgb, colours, means, inverse: inverseCovariance(colours, means, frame.content) };
}

/**
 * The fine values that each cell of an axis covers, and how much of them.
 * @param {number} pixels @param {number} scaled @param {number} cells
 */
function spans(pixels, scaled, cells) {
  const edge = (/** @type {number} */ i) => Math.min(i * GRID_STRIDE, scaled) * (pixels / scaled);
  return Array.from({ length: cells }, (_, i) => {
    const [low, high] = [edge(i), edge(i + 1)];
    const start = Math.trunc(low);
    const end = Math.min(Math.ceil(high), pixels);
    const weights = Array.from(
      { length: end - start },
      (_, k) => (Math.min(start + k + 1, high) - Math.max(start + k, low)) / (high - low),
    );
    return { start, weights };
  });
}

/** Mean colours of the cells. @param {Frame} frame @param {Size} fine @param {Uint8Array} rgb */
function cellColours(frame, [h, w], rgb) {
  const [rows, columns] = frame.content;
  const down = spans(h, frame.scaled[0], rows);
  const across = spans(w, frame.scaled[1], columns);
  const out = CHANNELS.map(() => new Float64Array(rows * columns));
  down.forEach((y, r) =>
    across.forEach((x, c) => {
      for (const channel of CHANNELS) {
        let sum = 0;
        y.weights.forEach((share, i) => {
          let at = ((y.start + i) * w + x.start) * 3 + channel;
          for (const weight of x.weights) {
            sum += share * weight * rgb[at];
            at += 3;
          }
        });
        out[channel][r * columns + c] = sum / 255;
      }
    }),
  );
  return out;
}

/** Means of 3 x 3 cells; beyond the border cells repeat. @param {Float64Array} values @param {Size} size */
function mean(values, [rows, columns]) {
  const out = new Float64Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let i = r - 1; i <= r + 1; i++)
        for (let j = c - 1; j <= c + 1; j++)
          sum += values[Math.min(Math.max(i, 0), rows - 1) * columns + Math.min(Math.max(j, 0), columns - 1)];
      out[r * columns + c] = sum / 9;
    }
  return out;
}

/** @param {Float64Array[]} colours @param {Float64Array[]} means @param {Size} size */
function inverseCovariance(colours, means, size) {
  const [rr, rg, rb, gg, gb, bb] = PAIRS.map(([i, j]) =>
    mean(
      colours[i].map((value, k) => value * colours[j][k]),
      size,
    ).map((value, k) => value - means[i][k] * means[j][k] + (i === j ? OUTLINE_SMOOTHNESS : 0)),
  );
  const out = PAIRS.map(() => new Float64Array(rr.length));
  for (let k = 0; k < rr.length; k++) {
    const cofactors = [
      gg[k] * bb[k] - gb[k] * gb[k],
      gb[k] * rb[k] - rg[k] * bb[k],
      rg[k] * gb[k] - gg[k] * rb[k],
      rr[k] * bb[k] - rb[k] * rb[k],
      rb[k] * rg[k] - rr[k] * gb[k],
      rr[k] * gg[k] - rg[k] * rg[k],
    ];
    const determinant = rr[k] * cofactors[0] + rg[k] * cofactors[1] + rb[k] * cofactors[2];
    cofactors.forEach((value, i) => (out[i][k] = value / determinant));
  }
  return out;
}

/**
 * Runs of the mask of logits above 0, with outlines along the edges of the image. Where clicks are given, small
 * islands and holes go, but islands with a positive and holes with a negative click.
 * @param {Guide} guide @param {Float32Array} logits of the grid of its frame
 * @param {Pick<Clicks, "points" | "labels"> | null} [clicks]
 * @returns {Runs}
 */
export function outline({ frame, fine, rgb, colours, means, inverse }, logits, clicks = null) {
  const held = heldCells(logits, frame);
  if (!held) return frame.maskRuns(logits);
  const down = axis(held.top, held.bottom, fine[0], frame.scaled[0], frame.content[0]);
  const across = axis(held.left, held.right, fine[1], frame.scaled[1], frame.content[1]);
  const planes = fit(logits, frame, { colours, means, inverse }, down, across);
  const grid = new Float32Array(fine[0] * fine[1]).fill(-1);
  if (!apply(planes, rgb, fine[1], down, across, grid)) return frame.maskRuns(logits);
  if (clicks) dropSpecks(grid, fine, inGrid(clicks, frame.size, fine));
  if (fine[0] !== frame.size[0] || fine[1] !== frame.size[1]) {
    const scaled = /** @type {Size} */ ([GRID_STRIDE * fine[0], GRID_STRIDE * fine[1]]);
    return new Frame(frame.size, scaled, scaled).maskRuns(grid);
  }
  const bits = Uint8Array.from(grid, (value) => Number(value > 0));
  return encode(bits, fine);
}

/** Clicks in pixels of the fine grid. @param {Pick<Clicks, "points" | "labels">} clicks @param {Size} size @param {Size} fine */
const inGrid = ({ points, labels }, size, fine) => ({
  labels,
  points: points.map(
    ([x, y]) => /** @type {[number, number]} */ ([(x * fine[1]) / size[1], (y * fine[0]) / size[0]]),
  ),
});

/**
 * Remove small islands and holes from the fine values.
 * @param {Float32Array} grid @param {Size} fine @param {Pick<Clicks, "points" | "labels">} clicks
 */
function dropSpecks(grid, fine, { points, labels }) {
  const runs = encode(
    Uint8Array.from(grid, (value) => Number(value > 0)),
    fine,
  );
  const least = Math.ceil(OUTLINE_SPECK * area(runs));
  const of = (/** @type {number} */ label) => points.filter((_, i) => labels[i] === label);
  const islands = dropIslands(runs, fine, least, of(1));
  const clean = fillHoles(islands, fine, box(islands, fine), least - 1, of(0));
  if (clean === runs) return;
  decode(clean, fine).forEach((bit, i) => {
    if (bit !== Number(grid[i] > 0)) grid[i] = bit ? 1 : -1;
  });
}

/** The range of cells above 0, or null. @param {Float32Array} logits @param {Frame} frame */
function heldCells(logits, { content: [rows, columns], grid: [, stride] }) {
  let [top, bottom, left, right] = [rows, 0, columns, 0];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      if (logits[r * stride + c] > 0) {
        top = Math.min(top, r);
        bottom = r + 1;
        left = Math.min(left, c);
        right = Math.max(right, c + 1);
      }
  return right > 0 ? { top, bottom, left, right } : null;
}

/**
 * The part of an axis around a mask: cells `from` to `to`, fine values `first` to `last`.
 * @param {number} low @param {number} high @param {number} fine @param {number} scaled @param {number} cells
 * @returns {Axis}
 */
function axis(low, high, fine, scaled, cells) {
  const scale = scaled / (GRID_STRIDE * fine); // cells per fine value
  return {
    from: Math.max(low - OUTLINE_MARGIN - 2, 0),
    to: Math.min(high + OUTLINE_MARGIN + 2, cells),
    first: Math.max(Math.trunc((low - OUTLINE_MARGIN) / scale), 0),
    last: Math.min(Math.ceil((high + OUTLINE_MARGIN) / scale), fine),
    scale,
  };
}

/**
 * For each cell the linear function of the colour: three slopes and the value at black.
 * @param {Float32Array} logits @param {Frame} frame @param {Pick<Guide, "colours" | "means" | "inverse">} of
 * @param {Axis} down @param {Axis} across
 */
function fit(logits, frame, { colours, means, inverse }, down, across) {
  /** @type {Size} */
  const size = [down.to - down.from, across.to - across.from];
  const part = (/** @type {ArrayLike<number>} */ values, /** @type {number} */ stride) =>
    Float64Array.from({ length: size[0] * size[1] }, (_, k) => {
      const row = down.from + Math.floor(k / size[1]);
      return values[row * stride + across.from + (k % size[1])];
    });
  const columns = frame.content[1];
  const p = part(logits, frame.grid[1]).map((value) =>
    Math.min(Math.max(value, -OUTLINE_CLIP), OUTLINE_CLIP),
  );
  const meanP = mean(p, size);
  const own = means.map((one) => part(one, columns));
  const shared = CHANNELS.map((i) => {
    const colour = part(colours[i], columns);
    return mean(
      colour.map((value, k) => value * p[k]),
      size,
    ).map((value, k) => value - own[i][k] * meanP[k]);
  });
  const [rr, rg, rb, gg, gb, bb] = inverse.map((one) => part(one, columns));
  const [r, g, b] = shared;
  const slopes = [
    [rr, rg, rb],
    [rg, gg, gb],
    [rb, gb, bb],
  ].map(([x, y, z]) => r.map((value, k) => x[k] * value + y[k] * g[k] + z[k] * b[k]));
  const start = meanP.map((value, k) => slopes.reduce((sum, slope, i) => sum - slope[k] * own[i][k], value));
  return [...slopes, start];
}

/**
 * Fill the fine values around a mask; gives whether any is above 0.
 * @param {Float64Array[]} planes from `fit`
 * @param {Uint8Array} rgb @param {number} width of the fine grid
 * @param {Axis} down @param {Axis} across @param {Float32Array} grid
 */
function apply(planes, rgb, width, down, across, grid) {
  const columns = across.to - across.from;
  const xs = places(across);
  let some = false;
  places(down).forEach((y, i) => {
    const lines = planes.map((plane) =>
      Float64Array.from({ length: columns }, (_, c) => {
        const above = plane[y.low * columns + c];
        return above + y.part * (plane[y.high * columns + c] - above);
      }),
    );
    const at = (down.first + i) * width + across.first;
    xs.forEach(({ low, high, part }, j) => {
      const [red, green, blue, start] = lines; // no array for each value: there are a million
      const k = 3 * (at + j);
      const coloured =
        (red[low] + part * (red[high] - red[low])) * rgb[k] +
        (green[low] + part * (green[high] - green[low])) * rgb[k + 1] +
        (blue[low] + part * (blue[high] - blue[low])) * rgb[k + 2];
      const value = start[low] + part * (start[high] - start[low]) + coloured / 255;
      grid[at + j] = value;
      some ||= value > 0;
    });
  });
  return some;
}

/** The cells around each fine value of an axis, counted from `from`. @param {Axis} axis */
function places({ from, to, first, last, scale }) {
  const cells = to - from;
  return Array.from({ length: last - first }, (_, i) => {
    const place = Math.min(Math.max((first + i + 0.5) * scale - 0.5 - from, 0), cells - 1);
    const low = Math.min(Math.trunc(place), Math.max(cells - 2, 0));
    return { low, high: Math.min(low + 1, cells - 1), part: place - low };
  });
}
