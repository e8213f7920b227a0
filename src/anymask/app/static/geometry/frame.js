/**
 * The model's frame of an image: the twin of `anymask.geometry.frame.Frame`, number for number.
 *
 * Image pixels are those of the original; the model sees the image resized to `scaled` in the corner (0, 0)
 * of `padded`; logits lie on a grid of cells of 4 x 4 model pixels. Sizes are (height, width).
 */
import { GRID_STRIDE } from "../constants.js";
import { fromEdges } from "../masks/rle.js";

/** @typedef {import("../types.js").Size} Size */

/** @typedef {{low: Int32Array, high: Int32Array, part: Float32Array, first: Int32Array}} Taps */

export class Frame {
  /**
   * @param {Size} size the original image
   * @param {Size} scaled the part of the model's input that the image fills
   * @param {Size} padded the model's input
   */
  constructor(size, scaled, padded) {
    this.size = size;
    this.scaled = scaled;
    this.padded = padded;
    /** @type {Size} */
    this.grid = [padded[0] / GRID_STRIDE, padded[1] / GRID_STRIDE];
    /** @type {[Taps, Taps] | null} */
    this.taps = null;
  }

  /**
   * Scale the longest side to `longest`; pad to a square or to a multiple.
   * @param {Size} size
   * @param {{size: number, square: boolean, multiple: number}} rule
   */
  static fit(size, { size: longest, square, multiple }) {
    const scale = longest / Math.max(...size);
    const scaled = /** @type {Size} */ (size.map((side) => Math.max(1, Math.floor(side * scale + 0.5))));
    const up = (/** @type {number} */ side) => Math.ceil(side / multiple) * multiple;
    return new Frame(size, scaled, square ? [longest, longest] : [up(scaled[0]), up(scaled[1])]);
  }

  /** Rows and columns of logits that hold the image, not only padding. @returns {Size} */
  get content() {
    return [Math.ceil(this.scaled[0] / GRID_STRIDE), Math.ceil(this.scaled[1] / GRID_STRIDE)];
  }

  /** A point from image to model pixels. No half pixel is added. @param {number} x @param {number} y */
  toModel(x, y) {
    const [h, w] = this.size;
    return [Math.fround(x * (this.scaled[1] / w)), Math.fround(y * (this.scaled[0] / h))];
  }

  /** Interpolation tables of rows and columns. @returns {[Taps, Taps]} */
  tables() {
    this.taps ??= [axisTaps(this.size[0], this.scaled[0]), axisTaps(this.size[1], this.scaled[1])];
    return this.taps;
  }

  /**
   * Runs of the logits, upsampled to the image, that lie above a threshold. No full-size mask is made:
   * between two cells a column is monotone, so that it is enough to bisect where its ends differ.
   * @param {Float32Array} grid logits of one mask, row by row
   * @param {number} [threshold]
   */
  maskRuns(grid, threshold = 0) {
    const [y, x] = this.tables();
    return gridRuns(grid, this.grid[1], threshold, y, x);
  }

  /**
   * Logits of this frame as another sees them, bilinear between cells, its edge repeated beyond.
   * @param {Frame} other
   * @param {[number, number]} corner where the corner of the other's image lies in this one
   * @param {Float32Array} grid
   */
  logitsIn(other, corner, grid) {
    const [rows, columns] = [0, 1].map((axis) => {
      const own = this.scaled[axis] / this.size[axis];
      const its = other.scaled[axis] / other.size[axis];
      const start = ((GRID_STRIDE / 2 / its + corner[1 - axis]) * own) / GRID_STRIDE - 0.5;
      return Array.from({ length: other.grid[axis] }, (_, i) =>
        between(start + (i * own) / its, this.grid[axis]),
      );
    });
    const out = new Float32Array(rows.length * columns.length);
    const stride = this.grid[1];
    rows.forEach((y, r) =>
      columns.forEach((x, c) => {
        const line = (/** @type {number} */ row) =>
          grid[row * stride + x.low] * (1 - x.part) + grid[row * stride + x.high] * x.part;
        out[r * columns.length + c] = line(y.low) * (1 - y.part) + line(y.high) * y.part;
      }),
    );
    return out;
  }

  /**
   * Which rows and which columns of cells have their middle in a box of image pixels.
   * @param {import("../types.js").Box} box
   */
  cellsWithin([x0, y0, x1, y1]) {
    const within = (/** @type {0 | 1} */ axis, /** @type {number} */ low, /** @type {number} */ high) => {
      const scale = this.scaled[axis] / this.size[axis];
      return Array.from({ length: this.grid[axis] }, (_, i) => {
        const middle = ((i + 0.5) * GRID_STRIDE) / scale;
        return middle >= low && middle < high;
      });
    };
    return { rows: within(0, y0, y1), columns: within(1, x0, x1) };
  }

  /**
   * The share of each cell that a mask covers, in [0, 1]; exact areas, padding is 0.
   * @param {Uint8Array} bits a mask of the image, row by row
   */
  coverage(bits) {
    return cellCoverage(bits, this);
  }
}

/**
 * The two cells about a place and the share of the higher one.
 * @param {number} place
 * @param {number} cells
 */
function between(place, cells) {
  const low = Math.floor(place);
  const within = (/** @type {number} */ cell) => Math.min(Math.max(cell, 0), cells - 1);
  return { low: within(low), high: within(low + 1), part: place - low };
}

/** @param {number} pixels @param {number} scaled @returns {Taps} */
function axisTaps(pixels, scaled) {
  const cells = Math.ceil(scaled / GRID_STRIDE);
  const low = new Int32Array(pixels);
  const high = new Int32Array(pixels);
  const part = new Float32Array(pixels);
  const first = new Int32Array(cells + 1).fill(pixels);
  const ratio = scaled / (GRID_STRIDE * pixels);
  for (let i = pixels - 1; i >= 0; i--) {
    const place = Math.min(Math.max((i + 0.5) * ratio - 0.5, 0), cells - 1);
    low[i] = Math.min(Math.trunc(place), Math.max(cells - 2, 0));
    high[i] = Math.min(low[i] + 1, cells - 1);
    part[i] = place - low[i];
    first[low[i]] = i;
  }
  for (let j = cells - 1; j >= 0; j--) first[j] = Math.min(first[j], first[j + 1]);
  return { low, high, part, first };
}

/**
 * @param {Float32Array} grid @param {number} stride @param {number} threshold @param {Taps} y @param {Taps} x
 */
function gridRuns(grid, stride, threshold, y, x) {
  const rows = y.first.length - 1;
  const columns = x.first.length - 1;
  const height = y.low.length;
  const width = x.low.length;
  const held = heldCells(grid, stride, rows, columns, threshold);
  /** @type {number[]} */
  const edges = [];
  if (!held) return fromEdges(edges, height * width);
  const x0 = x.first[Math.max(held.left - 1, 0)];
  const x1 = x.first[held.right];
  const top = Math.max(held.top - 1, 0);
  const last = Math.min(held.bottom, rows - 1);
  const values = new Float32Array(last - top + 1);
  let inside = false;
  for (let column = x0; column < x1; column++) {
    const low = x.low[column];
    const high = x.high[column];
    const part = x.part[column];
    for (let row = top; row <= last; row++) {
      const left = grid[row * stride + low];
      values[row - top] = left + Math.fround(part * Math.fround(grid[row * stride + high] - left));
    }
    inside = columnEdges(values, top, held.bottom, threshold, y, column * height, inside, edges);
  }
  if (inside) edges.push(x1 * height);
  return fromEdges(edges, height * width);
}

/**
 * The range of cells that may lift a pixel over the threshold, or null.
 * @param {Float32Array} grid @param {number} stride @param {number} rows @param {number} columns
 * @param {number} threshold
 */
function heldCells(grid, stride, rows, columns, threshold) {
  let least = threshold;
  if (threshold) {
    let most = 0;
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) most = Math.max(most, Math.abs(grid[r * stride + c]));
    least -= 1e-6 * (Math.abs(threshold) + most);
  }
  least = Math.fround(least);
  let top = rows;
  let bottom = 0;
  let left = columns;
  let right = 0;
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      if (grid[r * stride + c] > least) {
        top = Math.min(top, r);
        bottom = r + 1;
        left = Math.min(left, c);
        right = Math.max(right, c + 1);
      }
  return right > 0 ? { top, bottom, left, right } : null;
}

/**
 * Push where one column of the image changes; gives whether it ends inside.
 * @param {Float32Array} values of the cells from `top` on, at this column
 * @param {number} top @param {number} bottom @param {number} threshold @param {Taps} y
 * @param {number} offset position of the column's first pixel
 * @param {boolean} inside at the end of the column before
 * @param {number[]} edges
 */
function columnEdges(values, top, bottom, threshold, y, offset, inside, edges) {
  let from = -1;
  for (let gap = top; gap < bottom; gap++) {
    const first = y.first[gap];
    const end = y.first[gap + 1];
    if (first >= end) continue;
    if (from < 0 && first > 0 && inside) {
      edges.push(offset);
      inside = false;
    }
    from = first;
    const base = values[y.low[first] - top];
    const rise = Math.fround(values[y.high[first] - top] - base);
    const above = (/** @type {number} */ i) => Math.fround(base + Math.fround(y.part[i] * rise)) > threshold;
    if (above(first) !== inside) {
      edges.push(offset + first);
      inside = !inside;
    }
    if (above(end - 1) !== inside) {
      edges.push(offset + bisect(first, end - 1, above));
      inside = !inside;
    }
  }
  if (inside && y.first[bottom] < y.low.length) {
    edges.push(offset + y.first[bottom]);
    inside = false;
  }
  return inside;
}

/**
 * The first pixel after `low` on the side of `high`.
 * @param {number} low
 * @param {number} high
 * @param {(i: number) => boolean} above
 */
function bisect(low, high, above) {
  const wanted = above(high);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (above(middle) === wanted) high = middle;
    else low = middle;
  }
  return high;
}

/** @param {Uint8Array} bits @param {Frame} frame */
function cellCoverage(bits, frame) {
  const [h, w] = frame.size;
  const [rows, columns] = frame.grid;
  const down = cellEdges(h, frame.scaled[0], rows);
  const across = cellEdges(w, frame.scaled[1], columns);
  const cell = GRID_STRIDE ** 2 / ((frame.scaled[1] / w) * (frame.scaled[0] / h));
  // the integral along x of one row at the cell edges, summed down the rows, sampled at the cell edges
  const sums = new Float64Array(columns + 1);
  const line = new Float64Array(columns + 1);
  const before = new Float64Array(columns + 1);
  const out = new Float32Array(rows * columns);
  const at = new Float64Array(columns + 1);
  let row = 0;
  for (let r = 0; r <= rows; r++) {
    const { whole, rest } = down[r];
    for (; row < whole; row++) addLine(bits, row * w, across, line, sums);
    at.set(sums);
    if (rest > 0) {
      integrate(bits, whole * w, across, line);
      for (let c = 0; c <= columns; c++) at[c] += rest * line[c];
    }
    if (r > 0)
      for (let c = 0; c < columns; c++) {
        const covered = (at[c + 1] - before[c + 1] - (at[c] - before[c])) / cell;
        out[(r - 1) * columns + c] = Math.min(Math.max(covered, 0), 1);
      }
    before.set(at);
  }
  return out;
}

/** @param {number} pixels @param {number} scaled @param {number} cells */
function cellEdges(pixels, scaled, cells) {
  return Array.from({ length: cells + 1 }, (_, i) => {
    const edge = Math.min(i * GRID_STRIDE, scaled) * (pixels / scaled);
    const whole = Math.min(Math.trunc(edge), pixels - 1);
    return { whole, rest: edge - whole };
  });
}

/**
 * @param {Uint8Array} bits
 * @param {number} start
 * @param {{whole: number, rest: number}[]} across
 * @param {Float64Array} line
 */
function integrate(bits, start, across, line) {
  let column = 0;
  let total = 0;
  for (let c = 0; c < across.length; c++) {
    const { whole, rest } = across[c];
    for (; column < whole; column++) total += bits[start + column];
    line[c] = total + rest * bits[start + whole];
  }
}

/**
 * @param {Uint8Array} bits
 * @param {number} start
 * @param {{whole: number, rest: number}[]} across
 * @param {Float64Array} line
 * @param {Float64Array} sums
 */
function addLine(bits, start, across, line, sums) {
  integrate(bits, start, across, line);
  for (let c = 0; c < sums.length; c++) sums[c] += line[c];
}
