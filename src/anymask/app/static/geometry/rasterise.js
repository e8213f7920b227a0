/** Drawing by hand on a mask: discs along a stroke, and the inside of a lasso. Bits are row by row. */
import { clip } from "./boxes.js";

/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {[number, number]} Point x, y in image pixels */

/**
 * Set every pixel whose centre is within `radius` of the way from `a` to `b`; gives the box touched.
 * @param {Uint8Array} bits @param {Size} size @param {Point} a @param {Point} b @param {number} radius
 * @param {0 | 1} value
 * @returns {Box}
 */
export function drawStroke(bits, [h, w], a, b, radius, value = 1) {
  const [x0, y0, x1, y1] = clip(
    [
      Math.min(a[0], b[0]) - radius,
      Math.min(a[1], b[1]) - radius,
      Math.max(a[0], b[0]) + radius,
      Math.max(a[1], b[1]) + radius,
    ],
    [h, w],
  );
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const reach = radius * radius;
  for (let y = y0; y < y1; y++)
    for (let x = x0; x < x1; x++) {
      const px = x + 0.5 - a[0];
      const py = y + 0.5 - a[1];
      const t = length ? Math.min(Math.max((px * dx + py * dy) / length, 0), 1) : 0;
      if ((px - t * dx) ** 2 + (py - t * dy) ** 2 <= reach) bits[y * w + x] = value;
    }
  return [x0, y0, x1, y1];
}

/**
 * Set every pixel whose centre lies inside a closed line, by the even-odd rule; gives the box touched.
 * @param {Uint8Array} bits @param {Size} size @param {Point[]} points
 * @returns {Box}
 */
export function fillPolygon(bits, [h, w], points) {
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const [x0, y0, x1, y1] = clip([Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)], [h, w]);
  for (let y = y0; y < y1; y++) {
    const cuts = crossings(points, y + 0.5);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const from = Math.max(Math.ceil(cuts[i] - 0.5), 0);
      const to = Math.min(Math.ceil(cuts[i + 1] - 0.5), w);
      if (from < to) bits.fill(1, y * w + from, y * w + to);
    }
  }
  return [x0, y0, x1, y1];
}

/** Where a closed line crosses a height, in order. @param {Point[]} points @param {number} y */
function crossings(points, y) {
  /** @type {number[]} */
  const cuts = [];
  points.forEach(([bx, by], i) => {
    const [ax, ay] = points[(i || points.length) - 1];
    if (ay <= y !== by <= y) cuts.push(ax + ((y - ay) * (bx - ax)) / (by - ay));
  });
  return cuts.sort((a, b) => a - b);
}
