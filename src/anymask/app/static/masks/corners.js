/**
 * The corners of a mask, and what changes when a person moves, inserts or deletes one.
 *
 * A corner lies on the outline of the mask; the line from it to the next corner follows the edges of the pixels
 * until one of the two is moved, and is straight from then on. So a mask stays exact where nobody touched it: a
 * change flips the pixels between the old and the new line, and no others.
 */
import { fillRings, nearestOnLine, simplify, traceRings } from "../geometry/contours.js";
import { combine } from "./rle.js";

/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../geometry/contours.js").Point} Point */
/** @typedef {{at: Point, path: Point[]}} Corner `path` to the next corner, both left out; empty for a straight line */
/** @typedef {Corner[]} Ring */
/** @typedef {{ring: number, corner: number}} Place of a corner in an outline */
/** @typedef {{outline: Ring[], loop: Point[]}} Change an outline and the closed line round the pixels that flip */

const COARSEST = 0.1; // how far the coarsest outline may be off, by the longest side of the mask
const FINEST = 0.5; // pixels; below it nothing but the exact outline
const LEAST = 3; // corners of a ring

/**
 * The tolerance in pixels of a precision from 0, the fewest corners, to 1, all of them.
 * @param {number} precision @param {Box} box of the mask
 */
export function toleranceOf(precision, [x0, y0, x1, y1]) {
  const coarsest = Math.max(COARSEST * Math.max(x1 - x0, y1 - y0), FINEST);
  return precision < 1 ? FINEST * (coarsest / FINEST) ** (1 - precision) : 0;
}

/** The outline of a mask with corners at a precision. @param {Runs} runs @param {Size} size @param {Box} box @param {number} precision @returns {Ring[]} */
export function outlineOf(runs, size, box, precision) {
  const tolerance = toleranceOf(precision, box);
  return traceRings(runs, size, box).map((ring) => {
    const kept = simplify(ring, tolerance);
    return kept.map((at, i) => {
      const next = kept[i + 1] ?? ring.length + kept[0];
      return {
        at: ring[at],
        path: [...ring.slice(at + 1, next), ...ring.slice(0, Math.max(next - ring.length, 0))],
      };
    });
  });
}

/** @param {Ring[]} outline */
export const countCorners = (outline) => outline.reduce((sum, ring) => sum + ring.length, 0);

/** The outline with straight lines between its corners. @param {Ring[]} outline @returns {Ring[]} */
export const straightened = (outline) => outline.map((ring) => ring.map(({ at }) => ({ at, path: [] })));

/** The mask inside an outline. @param {Ring[]} outline @param {Size} size */
export const inside = (outline, size) => fillRings(outline.map(points), size);

/** @param {Ring} ring @returns {Point[]} */
const points = (ring) => ring.flatMap(({ at, path }) => [at, ...path]);

/** The mask after a change. @param {Runs} runs before it @param {Point[]} loop @param {Size} size */
export const flip = (runs, loop, size) => combine(runs, fillRings([loop], size), (a, b) => a !== b);

/**
 * Move a corner: the lines to both of its neighbours are straight then.
 * @param {Ring[]} outline @param {Place} place @param {Point} to @returns {Change}
 */
export function moveCorner(outline, { ring, corner }, to) {
  const { before, old, after } = about(outline[ring], corner);
  const loop = [before.at, ...before.path, old.at, ...old.path, after.at, to];
  return {
    loop,
    outline: withRing(outline, ring, (one, i) =>
      i === corner ? { at: to, path: [] } : one === before ? { ...one, path: [] } : one,
    ),
  };
}

/**
 * Delete a corner: its neighbours are joined by a straight line. A ring of three corners goes as a whole.
 * @param {Ring[]} outline @param {Place} place @returns {Change}
 */
export function deleteCorner(outline, { ring, corner }) {
  if (outline[ring].length <= LEAST)
    return { outline: outline.filter((_, i) => i !== ring), loop: points(outline[ring]) };
  const { before, old, after } = about(outline[ring], corner);
  const joined = withRing(outline, ring, (one) => (one === before ? { ...one, path: [] } : one));
  return {
    loop: [before.at, ...before.path, old.at, ...old.path, after.at],
    outline: joined.map((one, i) => (i === ring ? one.filter((_, j) => j !== corner) : one)),
  };
}

/**
 * Insert a corner after another one, at the place of the line between them that is nearest to a point. The mask
 * does not change.
 * @param {Ring[]} outline @param {Place} place of the corner before it @param {Point} near
 * @returns {Ring[]}
 */
export function insertCorner(outline, { ring, corner }, near) {
  const { at, path } = outline[ring][corner];
  const line = [at, ...path, outline[ring][(corner + 1) % outline[ring].length].at];
  const { index, point } = nearestOnPath(line, near);
  const first = { at, path: path.slice(0, index) };
  const second = { at: point, path: path.slice(index) };
  return outline.map((one, i) =>
    i === ring ? [...one.slice(0, corner), first, second, ...one.slice(corner + 1)] : one,
  );
}

/**
 * The nearest corner to a point, and the nearest place between corners.
 * @param {Ring[]} outline @param {Point} point
 * @returns {{corner: (Place & {distance: number}) | null, line: (Place & {distance: number}) | null}}
 */
export function nearest(outline, point) {
  /** @type {(Place & {distance: number}) | null} */
  let corner = null;
  /** @type {(Place & {distance: number}) | null} */
  let line = null;
  outline.forEach((ring, r) =>
    ring.forEach(({ at, path }, i) => {
      const away = Math.hypot(at[0] - point[0], at[1] - point[1]);
      if (!corner || away < corner.distance) corner = { ring: r, corner: i, distance: away };
      const { distance } = nearestOnPath([at, ...path, ring[(i + 1) % ring.length].at], point);
      if (!line || distance < line.distance) line = { ring: r, corner: i, distance };
    }),
  );
  return { corner, line };
}

/** @param {Point[]} line @param {Point} near */
function nearestOnPath(line, near) {
  let best = { index: 0, point: line[0], distance: Infinity };
  for (let i = 0; i + 1 < line.length; i++) {
    const point = nearestOnLine(near, line[i], line[i + 1]);
    const distance = Math.hypot(point[0] - near[0], point[1] - near[1]);
    if (distance < best.distance) best = { index: i, point, distance };
  }
  return best;
}

/** A corner and its neighbours. @param {Ring} ring @param {number} corner */
const about = (ring, corner) => ({
  before: ring[(corner || ring.length) - 1],
  old: ring[corner],
  after: ring[(corner + 1) % ring.length],
});

/** @param {Ring[]} outline @param {number} ring @param {(one: Corner, i: number) => Corner} change */
const withRing = (outline, ring, change) => outline.map((one, i) => (i === ring ? one.map(change) : one));
