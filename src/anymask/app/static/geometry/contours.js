/** Outlines of masks along the edges of their pixels, and the masks inside closed lines. */
import { eachSegment, fromEdges } from "../masks/rle.js";

/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {[number, number]} Point x, y in image pixels; whole numbers are corners of pixels */

const LEAST = 3; // corners of a closed line that has an inside
/** Right, down, left, up. @type {Point[]} */
const STEPS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];
/** Of a step from a corner of pixels: the pixel ahead on the right-hand side, relative to the corner. @type {Point[]} */
const RIGHT = [
  [0, 0],
  [-1, 0],
  [-1, -1],
  [0, -1],
];

/**
 * The bits of a mask inside its box, with a border of one empty pixel, row by row.
 * @param {Runs} runs @param {Size} size @param {Box} box
 * @returns {{bits: Uint8Array, stride: number, rows: number}}
 */
export function framedBits(runs, [height], [x0, y0, x1, y1]) {
  const stride = x1 - x0 + 2;
  const rows = y1 - y0 + 2;
  const bits = new Uint8Array(stride * rows);
  eachSegment(runs, height, (x, top, bottom) => {
    for (let y = top, at = (top - y0 + 1) * stride + x - x0 + 1; y < bottom; y++, at += stride) bits[at] = 1;
  });
  return { bits, stride, rows };
}

/**
 * The closed lines along the edges of the pixels of a mask: corners of pixels where the line turns, the mask on
 * its right. Holes have lines of their own; all lines together enclose the mask by the even-odd rule. Pixels that
 * meet at a corner only are apart.
 * @param {Runs} runs @param {Size} size @param {Box} box that of the mask
 * @returns {Point[][]}
 */
export function traceRings(runs, size, box) {
  const { bits, stride, rows } = framedBits(runs, size, box);
  const seen = new Uint8Array(bits.length); // upper edges that a line has passed
  /** @type {Point[][]} */
  const rings = [];
  for (let y = 1; y < rows - 1; y++)
    for (let x = 1; x < stride - 1; x++) {
      const at = y * stride + x;
      if (bits[at] && !bits[at - stride] && !seen[at]) rings.push(follow(bits, stride, seen, x, y));
    }
  const [dx, dy] = [box[0] - 1, box[1] - 1];
  return rings.map((ring) => ring.map(([x, y]) => /** @type {Point} */ ([x + dx, y + dy])));
}

/**
 * Follow one line from the upper left corner of a pixel until it is closed.
 * @param {Uint8Array} bits @param {number} stride @param {Uint8Array} seen @param {number} startX
 * @param {number} startY
 */
function follow(bits, stride, seen, startX, startY) {
  /** @type {Point[]} */
  const ring = [];
  let [x, y] = [startX, startY];
  let way = 0;
  const holds = (/** @type {number} */ side) =>
    bits[(y + RIGHT[side & 3][1]) * stride + x + RIGHT[side & 3][0]] === 1;
  do {
    if (way === 0) seen[y * stride + x] = 1;
    x += STEPS[way][0];
    y += STEPS[way][1];
    // the pixel ahead on the left is the one on the right of a step to the left
    const turn = !holds(way) ? 1 : holds(way + 3) ? 3 : 0;
    if (turn) ring.push([x, y]);
    way = (way + turn) & 3;
  } while (x !== startX || y !== startY || way !== 0);
  return ring;
}

/**
 * The mask of every pixel whose centre lies inside closed lines, by the even-odd rule. A line gives the same pixels
 * in both directions.
 * @param {Point[][]} rings @param {Size} size
 * @returns {Runs}
 */
export function fillRings(rings, [h, w]) {
  const columns = crossings(rings, w);
  /** @type {number[]} */
  const edges = [];
  const pixel = (/** @type {number} */ y) => Math.min(Math.max(Math.ceil(y - 0.5), 0), h);
  for (const x of [...columns.keys()].sort((a, b) => a - b)) {
    const cuts = /** @type {number[]} */ (columns.get(x)).sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const [from, to] = [x * h + pixel(cuts[i]), x * h + pixel(cuts[i + 1])];
      if (from === to) continue;
      if (edges[edges.length - 1] === from) edges[edges.length - 1] = to;
      else edges.push(from, to);
    }
  }
  return fromEdges(edges, h * w);
}

/** Where closed lines cross the middle of each column. @param {Point[][]} rings @param {number} width */
function crossings(rings, width) {
  /** @type {Map<number, number[]>} */
  const columns = new Map();
  for (const ring of rings)
    ring.forEach((b, i) => {
      const a = ring[(i || ring.length) - 1];
      if (a[0] === b[0]) return;
      const [[ax, ay], [bx, by]] = a[0] < b[0] ? [a, b] : [b, a];
      const end = Math.min(Math.ceil(bx - 0.5), width);
      for (let x = Math.max(Math.ceil(ax - 0.5), 0); x < end; x++) {
        const y = ay + ((x + 0.5 - ax) * (by - ay)) / (bx - ax);
        const column = columns.get(x);
        if (column) column.push(y);
        else columns.set(x, [y]);
      }
    });
  return columns;
}

/**
 * The corners that a closed line keeps where it may move by `tolerance` pixels (Douglas and Peucker, 1973): their
 * places in the line, ascending, three at least.
 * @param {Point[]} ring @param {number} tolerance
 * @returns {number[]}
 */
export function simplify(ring, tolerance) {
  const all = ring.length;
  if (all <= LEAST || tolerance <= 0) return ring.map((_, i) => i);
  const far = farthest(ring, 0, all, (p) => Math.hypot(p[0] - ring[0][0], p[1] - ring[0][1])).at;
  const kept = new Set([0, far]);
  const open = [
    [0, far],
    [far, all],
  ];
  for (let part = open.pop(); part; part = open.pop()) {
    const [from, to] = part;
    const { at, distance } = farthestFromLine(ring, from, to);
    if (distance <= tolerance) continue;
    kept.add(at);
    open.push([from, at], [at, to]);
  }
  if (kept.size < LEAST) kept.add(widest(ring, far));
  return [...kept].sort((a, b) => a - b);
}

/** A third corner for a line that keeps two. @param {Point[]} ring @param {number} far */
function widest(ring, far) {
  const [one, other] = [farthestFromLine(ring, 0, far), farthestFromLine(ring, far, ring.length)];
  return one.distance > other.distance ? one.at : other.at;
}

/** @param {Point[]} ring @param {number} from @param {number} to */
function farthestFromLine(ring, from, to) {
  const a = ring[from];
  const b = ring[to % ring.length];
  return farthest(ring, from, to, (p) => distanceToLine(p, a, b));
}

/**
 * @param {Point[]} ring @param {number} from @param {number} to both left out
 * @param {(point: Point) => number} measure
 */
function farthest(ring, from, to, measure) {
  let at = from;
  let distance = -1;
  for (let i = from + 1; i < to; i++) {
    const here = measure(ring[i]);
    if (here > distance) [at, distance] = [i, here];
  }
  return { at, distance };
}

/** From a point to the line between two others. @param {Point} p @param {Point} a @param {Point} b */
export function distanceToLine(p, a, b) {
  const [x, y] = nearestOnLine(p, a, b);
  return Math.hypot(p[0] - x, p[1] - y);
}

/** The nearest place on the line between two points. @param {Point} p @param {Point} a @param {Point} b @returns {Point} */
export function nearestOnLine(p, a, b) {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length ? Math.min(Math.max(((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length, 0), 1) : 0;
  return [a[0] + t * dx, a[1] + t * dy];
}
