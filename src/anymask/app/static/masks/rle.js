/**
 * Run-length codes of masks, equal to COCO's: the twin of `anymask.geometry.rle`.
 *
 * Runs alternate between 0 and 1, zeros first, over the mask read column by column; they sum to H * W.
 */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */

/**
 * Runs from the ascending positions at which a mask changes.
 * @param {ArrayLike<number>} edges
 * @param {number} total
 * @returns {Runs}
 */
export function fromEdges(edges, total) {
  const count = edges.length && edges[edges.length - 1] === total ? edges.length - 1 : edges.length;
  const runs = new Uint32Array(count + 1);
  let before = 0;
  for (let i = 0; i < count; i++) {
    runs[i] = edges[i] - before;
    before = edges[i];
  }
  runs[count] = total - before;
  return runs;
}

/** Start and end of every run of ones, in turn. @param {Runs} runs @returns {Float64Array} */
export function toEdges(runs) {
  const edges = new Float64Array(runs.length & ~1);
  let at = 0;
  for (let i = 0; i < edges.length; i++) edges[i] = at += runs[i];
  return edges;
}

/**
 * Encode bits, row by row, of which only `box` may be set.
 * @param {Uint8Array} bits
 * @param {Size} size
 * @param {Box} [box]
 * @returns {Runs}
 */
export function encode(bits, [h, w], box = [0, 0, w, h]) {
  /** @type {number[]} */
  const edges = [];
  const [x0, y0, x1, y1] = box;
  let inside = 0;
  for (let x = x0; x < x1; x++) {
    if (inside && y0 > 0) {
      edges.push(x * h);
      inside = 0;
    }
    for (let y = y0, at = y0 * w + x; y < y1; y++, at += w)
      if (bits[at] !== inside) {
        edges.push(x * h + y);
        inside = bits[at];
      }
    if (inside && y1 < h) {
      edges.push(x * h + y1);
      inside = 0;
    }
  }
  if (inside) edges.push(x1 * h);
  return fromEdges(edges, h * w);
}

/** Decode to bits, row by row. @param {Runs} runs @param {Size} size @returns {Uint8Array} */
export function decode(runs, [h, w]) {
  const bits = new Uint8Array(h * w);
  eachSegment(runs, h, (x, top, bottom) => {
    for (let y = top, at = top * w + x; y < bottom; y++, at += w) bits[at] = 1;
  });
  return bits;
}

/**
 * Call back with every stretch of ones in one column: x, top, bottom.
 * @param {Runs} runs
 * @param {number} h
 * @param {(x: number, top: number, bottom: number) => void} visit
 */
export function eachSegment(runs, h, visit) {
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = at + runs[i];
    if (i & 1) segments(at, end, h, visit);
    at = end;
  }
}

/**
 * @param {number} at
 * @param {number} end
 * @param {number} h
 * @param {(x: number, top: number, bottom: number) => void} visit
 */
function segments(at, end, h, visit) {
  let x = Math.floor(at / h);
  while (at < end) {
    const next = Math.min(end, (x + 1) * h);
    visit(x, at - x * h, next - x * h);
    at = next;
    x++;
  }
}

/**
 * Every `step`th pixel of a mask along each side: a mask of ceil(H / step) x ceil(W / step).
 * @param {Runs} runs @param {Size} size @param {number} step @returns {{runs: Runs, size: Size}}
 */
export function sampled(runs, [h, w], step) {
  const size = /** @type {Size} */ ([Math.ceil(h / step), Math.ceil(w / step)]);
  /** @type {number[]} */
  const edges = [];
  eachSegment(runs, h, (x, top, bottom) => {
    const [first, end] = [Math.ceil(top / step), Math.ceil(bottom / step)];
    const start = (x / step) * size[0];
    if (x % step === 0 && first < end) edges.push(start + first, start + end);
  });
  return { runs: fromEdges(edges, size[0] * size[1]), size };
}

/** Pixels inside. @param {Runs} runs */
export function area(runs) {
  let sum = 0;
  for (let i = 1; i < runs.length; i += 2) sum += runs[i];
  return sum;
}

/** The tight half-open box; zeros for an empty mask. @param {Runs} runs @param {Size} size @returns {Box} */
export function box(runs, [h, w]) {
  let x0 = w;
  let y0 = h;
  let x1 = 0;
  let y1 = 0;
  eachSegment(runs, h, (x, top, bottom) => {
    if (x < x0) x0 = x;
    x1 = x + 1;
    if (top < y0) y0 = top;
    if (bottom > y1) y1 = bottom;
  });
  return x1 ? [x0, y0, x1, y1] : [0, 0, 0, 0];
}

/**
 * Put a mask into an empty one of size `full`, in which it lies whole, its corner at x, y.
 * @param {Runs} runs @param {Size} size @param {[number, number]} corner @param {Size} full @returns {Runs}
 */
export function paste(runs, [h], [x, y], [fullH, fullW]) {
  /** @type {number[]} */
  const edges = [];
  eachSegment(runs, h, (column, top, bottom) => {
    const start = (column + x) * fullH + y + top;
    const end = start + bottom - top;
    if (edges[edges.length - 1] === start) edges[edges.length - 1] = end;
    else edges.push(start, end);
  });
  return fromEdges(edges, fullH * fullW);
}

/** Whether a pixel is inside. @param {Runs} runs @param {Size} size @param {number} x @param {number} y */
export function contains(runs, [h], x, y) {
  const place = Math.floor(x) * h + Math.floor(y);
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    at += runs[i];
    if (place < at) return (i & 1) === 1;
  }
  return false;
}

/**
 * Combine two masks of one size by a rule on the two bits.
 * @param {Runs} a
 * @param {Runs} b
 * @param {(a: boolean, b: boolean) => boolean} rule with rule(false, false) false
 * @returns {Runs}
 */
export function combine(a, b, rule) {
  /** @type {number[]} */
  const edges = [];
  let i = 0;
  let j = 0;
  let at = 0;
  let inside = false;
  let endA = a[0];
  let endB = b[0];
  const total = a.reduce((sum, run) => sum + run, 0);
  while (at < total) {
    while (endA <= at && i + 1 < a.length) endA += a[++i];
    while (endB <= at && j + 1 < b.length) endB += b[++j];
    const now = rule((i & 1) === 1, (j & 1) === 1);
    if (now !== inside) edges.push(at);
    inside = now;
    at = Math.min(endA, endB);
  }
  if (inside) edges.push(total);
  return fromEdges(edges, total);
}

/** @param {Runs} a @param {Runs} b */
export const union = (a, b) => combine(a, b, (p, q) => p || q);
/** @param {Runs} a @param {Runs} b */
export const subtract = (a, b) => combine(a, b, (p, q) => p && !q);

/** Pixels that two masks share. @param {Runs} a @param {Runs} b */
export function intersection(a, b) {
  const p = toEdges(a);
  const q = toEdges(b);
  let shared = 0;
  for (let i = 0, j = 0; i < p.length && j < q.length;) {
    shared += Math.max(0, Math.min(p[i + 1], q[j + 1]) - Math.max(p[i], q[j]));
    if (p[i + 1] < q[j + 1]) i += 2;
    else j += 2;
  }
  return shared;
}

/** Intersection over union; 0 for two empty masks. @param {Runs} a @param {Runs} b */
export function iou(a, b) {
  const shared = intersection(a, b);
  const all = area(a) + area(b) - shared;
  return all ? shared / all : 0;
}

/** COCO's compressed string. @param {Runs} runs */
export function toString(runs) {
  let text = "";
  for (let i = 0; i < runs.length; i++) {
    let rest = i > 2 ? runs[i] - runs[i - 2] : runs[i];
    for (let more = true; more;) {
      let bits = ((rest % 32) + 32) % 32;
      rest = Math.floor(rest / 32);
      more = bits & 16 ? rest !== -1 : rest !== 0;
      if (more) bits |= 32;
      text += String.fromCharCode(bits + 48);
    }
  }
  return text;
}

/**
 * Read COCO's compressed string. Throws RangeError where it is damaged.
 * @param {string} text
 * @returns {Runs}
 */
export function fromString(text) {
  /** @type {number[]} */
  const runs = [];
  for (let at = 0; at < text.length;) {
    let number = 0;
    let scale = 1;
    let more = true;
    while (more) {
      const bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64)) throw new RangeError("counts is no whole run-length code");
      number += (bits & 31) * scale;
      scale *= 32;
      more = bits >= 32;
      if (!more && bits & 16) number -= scale;
    }
    if (runs.length > 2) number += runs[runs.length - 2];
    if (!(number >= 0 && number < 2 ** 32)) throw new RangeError("counts holds an impossible run length");
    runs.push(number);
  }
  return Uint32Array.from(runs);
}
