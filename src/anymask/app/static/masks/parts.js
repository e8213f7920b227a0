/** The connected parts of masks: holes, islands, and what a cut separates. Run-length codes in and out. */
import { area, eachSegment, fromEdges, subtract, union } from "./rle.js";

/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {[number, number]} Point x, y in image pixels */
/** @typedef {{x: number, top: number, bottom: number}} Segment pixels of one column that touch */
/** @typedef {{area: number, segments: Segment[]}} Part */

const LARGE = 0.2; // of the largest part: what is smaller is rather a piece of an object than another one
const FRAGMENT = 0.01; // of the part that was cut: what is smaller stays with its neighbour

/** The parts of a mask, the largest first; pixels that meet at a corner belong together. @param {Runs} runs @param {Size} size */
export const partsOf = (runs, size) =>
  connected(segmentsOf(runs, size), true).sort((a, b) => b.area - a.area);

/** The mask of segments. @param {Segment[]} segments @param {Size} size @returns {Runs} */
export function runsOf(segments, [h, w]) {
  /** @type {number[]} */
  const edges = [];
  for (const { x, top, bottom } of segments.toSorted((a, b) => a.x - b.x || a.top - b.top))
    if (edges[edges.length - 1] === x * h + top) edges[edges.length - 1] = x * h + bottom;
    else edges.push(x * h + top, x * h + bottom);
  return fromEdges(edges, h * w);
}

/**
 * The mask with its holes filled; with `most`, only holes of at most so many pixels; those with a point stay.
 * @param {Runs} runs @param {Size} size @param {Box} box of the mask @param {number} [most]
 * @param {Point[]} [points]
 */
export function fillHoles(runs, size, box, most = Infinity, points = []) {
  const [x0, y0, x1, y1] = box;
  const reaches = (/** @type {Segment} */ { x, top, bottom }) =>
    x === x0 || x === x1 - 1 || top === y0 || bottom === y1;
  const holes = connected(gaps(segmentsOf(runs, size), box), false).filter(
    (part) => part.area <= most && !part.segments.some(reaches) && !holds(part, points),
  );
  return holes.length
    ? union(
        runs,
        runsOf(
          holes.flatMap(({ segments }) => segments),
          size,
        ),
      )
    : runs;
}

/**
 * The mask without its small parts: with `least`, without those of fewer pixels, else its largest part alone;
 * parts with a point stay.
 * @param {Runs} runs @param {Size} size @param {number} [least] @param {Point[]} [points]
 */
export function dropIslands(runs, size, least = Infinity, points = []) {
  const [largest, ...others] = partsOf(runs, size);
  const kept = others.filter((part) => part.area >= least || holds(part, points));
  if (!largest || kept.length === others.length) return runs;
  return runsOf(
    [largest, ...kept].flatMap(({ segments }) => segments),
    size,
  );
}

/** Whether a part holds one of the points. @param {Part} part @param {Point[]} points */
const holds = ({ segments }, points) =>
  points.some(([px, py]) =>
    segments.some(({ x, top, bottom }) => x === Math.floor(px) && top <= py && py < bottom),
  );

/**
 * The masks that a line cuts a mask into, the largest first; one, if it cuts nothing off. No pixel is lost: those
 * under the line and small fragments go to a neighbour. Parts that the line does not cross stay with the first.
 * @param {Runs} runs @param {Size} size @param {Point[]} line
 * @returns {Runs[]}
 */
export function cutAlong(runs, size, line) {
  const rest = subtract(runs, pixelsUnder(line, size));
  const pieces = connected(segmentsOf(rest, size), true).sort((a, b) => b.area - a.area);
  const whole = partsOf(runs, size);
  const owner = lookUp(whole);
  /** @type {Map<Part | undefined, Part[]>} */
  const families = new Map();
  for (const piece of pieces) {
    const part = owner(piece.segments[0].x, piece.segments[0].top);
    const size0 = part ? part.area : 0;
    if (piece.area < FRAGMENT * size0) continue;
    families.set(part, [...(families.get(part) ?? []), piece]);
  }
  const cut = [...families.values()].filter(({ length }) => length > 1).flat();
  if (!cut.length) return [runs];
  const grown = grow(
    cut,
    runs,
    size,
    whole.filter((part) => (families.get(part)?.length ?? 0) > 1),
  );
  const [first, ...others] = grown.sort((a, b) => area(b) - area(a));
  return [others.reduce(subtract, runs), ...others].filter((one, i) => i > 0 || area(first) > 0);
}

/**
 * A mask of several objects as one mask for each: its large parts, each with the small ones nearest to it.
 * @param {Runs} runs @param {Size} size
 * @returns {Runs[]} the largest first
 */
export function largeParts(runs, size) {
  const parts = partsOf(runs, size);
  const large = parts.filter((part) => part.area >= LARGE * parts[0].area);
  if (large.length < 2) return [runs];
  const groups = new Map(large.map((part) => [part, [...part.segments]]));
  for (const { segments } of parts.slice(large.length)) {
    const near = large.reduce((a, b) =>
      between(b.segments, segments) < between(a.segments, segments) ? b : a,
    );
    groups.get(near)?.push(...segments);
  }
  return [...groups.values()].map((segments) => runsOf(segments, size));
}

/** The distance between the boxes of two parts. @param {Segment[]} one @param {Segment[]} other */
function between(one, other) {
  const [a, b] = [boxOf(one), boxOf(other)];
  return Math.hypot(Math.max(a[0] - b[2], b[0] - a[2], 0), Math.max(a[1] - b[3], b[1] - a[3], 0));
}

/** @param {Segment[]} segments @returns {Box} */
function boxOf(segments) {
  /** @type {Box} */
  const box = [Infinity, Infinity, 0, 0];
  for (const { x, top, bottom } of segments) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], top);
    box[2] = Math.max(box[2], x + 1);
    box[3] = Math.max(box[3], bottom);
  }
  return box;
}

/** Segments of a mask. @param {Runs} runs @param {Size} size */
function segmentsOf(runs, [h]) {
  /** @type {Segment[]} */
  const segments = [];
  eachSegment(runs, h, (x, top, bottom) => segments.push({ x, top, bottom }));
  return segments;
}

/** What segments leave free in a box. @param {Segment[]} segments @param {Box} box */
function gaps(segments, [x0, y0, x1, y1]) {
  /** @type {Segment[]} */
  const free = [];
  let i = 0;
  for (let x = x0; x < x1; x++) {
    let from = y0;
    for (; i < segments.length && segments[i].x === x; i++) {
      if (segments[i].top > from) free.push({ x, top: from, bottom: segments[i].top });
      from = segments[i].bottom;
    }
    if (from < y1) free.push({ x, top: from, bottom: y1 });
  }
  return free;
}

/**
 * Join segments of neighbouring columns that touch.
 * @param {Segment[]} segments in order @param {boolean} diagonal whether pixels that meet at a corner touch
 * @returns {Part[]}
 */
function connected(segments, diagonal) {
  const parent = Int32Array.from(segments, (_, i) => i);
  const root = (/** @type {number} */ i) => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const more = diagonal ? 1 : 0;
  let before = 0; // the first segment of the column before that may touch
  segments.forEach(({ x, top, bottom }, i) => {
    while (
      before < i &&
      (segments[before].x < x - 1 || (segments[before].x === x - 1 && segments[before].bottom + more <= top))
    )
      before++;
    for (let j = before; j < i && segments[j].x === x - 1 && segments[j].top < bottom + more; j++)
      parent[root(j)] = root(i);
  });
  /** @type {Map<number, Part>} */
  const parts = new Map();
  segments.forEach((segment, i) => {
    const at = root(i);
    const part = parts.get(at) ?? { area: 0, segments: [] };
    part.area += segment.bottom - segment.top;
    part.segments.push(segment);
    parts.set(at, part);
  });
  return [...parts.values()];
}

/** Finds the part that a pixel belongs to. @param {Part[]} parts @returns {(x: number, y: number) => Part | undefined} */
function lookUp(parts) {
  /** @type {Map<number, {segment: Segment, part: Part}[]>} */
  const columns = new Map();
  for (const part of parts)
    for (const segment of part.segments) {
      const column = columns.get(segment.x);
      if (column) column.push({ segment, part });
      else columns.set(segment.x, [{ segment, part }]);
    }
  return (x, y) => columns.get(x)?.find(({ segment }) => segment.top <= y && y < segment.bottom)?.part;
}

/**
 * Give every pixel of the parts that were cut to a piece: its own, or that of the nearest pixel that has one.
 * @param {Part[]} pieces @param {Runs} runs @param {Size} size @param {Part[]} parts that were cut
 * @returns {Runs[]} of the pieces
 */
function grow(pieces, runs, size, parts) {
  const loose = segmentsOf(
    pieces.reduce((rest, { segments }) => subtract(rest, runsOf(segments, size)), within(runs, parts, size)),
    size,
  );
  const find = lookUp(pieces);
  /** @type {Map<string, Part>} */
  const given = new Map();
  let open = loose.flatMap(({ x, top, bottom }) =>
    Array.from({ length: bottom - top }, (_, i) => /** @type {Point} */ ([x, top + i])),
  );
  const of = (/** @type {number} */ x, /** @type {number} */ y) => find(x, y) ?? given.get(`${x} ${y}`);
  while (open.length) {
    const found = open.flatMap(([x, y]) => {
      const near = AROUND.map(([dx, dy]) => of(x + dx, y + dy)).find(Boolean);
      return near ? [/** @type {[Point, Part]} */ ([[x, y], near])] : [];
    });
    if (!found.length) break;
    for (const [[x, y], part] of found) given.set(`${x} ${y}`, part);
    open = open.filter(([x, y]) => !given.has(`${x} ${y}`));
  }
  const extra = [...given].map(([key, part]) => ({ place: key.split(" ").map(Number), part }));
  return pieces.map((piece) =>
    runsOf(
      [
        ...piece.segments,
        ...extra
          .filter(({ part }) => part === piece)
          .map(({ place: [x, y] }) => ({ x, top: y, bottom: y + 1 })),
      ],
      size,
    ),
  );
}

/** @param {Runs} runs @param {Part[]} parts @param {Size} size */
const within = (runs, parts, size) =>
  runsOf(
    parts.flatMap(({ segments }) => segments),
    size,
  );

/** Neighbours that share an edge, then those that share a corner. @type {Point[]} */
const AROUND = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
  [-1, -1],
  [1, -1],
  [-1, 1],
  [1, 1],
];

/** The pixels that a line passes through, each sharing an edge with the next. @param {Point[]} line @param {Size} size */
function pixelsUnder(line, size) {
  const [h, w] = size;
  /** @type {Map<string, Segment>} */
  const pixels = new Map();
  const add = (/** @type {number} */ x, /** @type {number} */ y) => {
    if (x >= 0 && y >= 0 && x < w && y < h) pixels.set(`${x} ${y}`, { x, top: y, bottom: y + 1 });
  };
  for (let i = 0; i + 1 < line.length; i++) eachPixel(line[i], line[i + 1], add);
  return runsOf([...pixels.values()], size);
}

/**
 * Walk from pixel to pixel along a line (Amanatides and Woo, 1987).
 * @param {Point} a @param {Point} b @param {(x: number, y: number) => void} visit
 */
function eachPixel(a, b, visit) {
  let [x, y] = [Math.floor(a[0]), Math.floor(a[1])];
  const [endX, endY] = [Math.floor(b[0]), Math.floor(b[1])];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const [stepX, stepY] = [Math.sign(dx), Math.sign(dy)];
  let nextX = dx ? (x + (dx > 0 ? 1 : 0) - a[0]) / dx : Infinity;
  let nextY = dy ? (y + (dy > 0 ? 1 : 0) - a[1]) / dy : Infinity;
  visit(x, y);
  for (let left = Math.abs(endX - x) + Math.abs(endY - y); left > 0; left--) {
    if (nextX < nextY) {
      x += stepX;
      nextX += Math.abs(1 / dx);
    } else {
      y += stepY;
      nextY += Math.abs(1 / dy);
    }
    visit(x, y);
  }
}
