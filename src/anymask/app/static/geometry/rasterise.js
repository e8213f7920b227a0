/** Drawing by hand on a mask: discs along a stroke. Bits are row by row. */
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
