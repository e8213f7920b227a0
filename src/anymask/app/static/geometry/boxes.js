/** Boxes x0, y0, x1, y1, half-open, in image pixels: the twin of `anymask.boxes`. */

/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Box} Box */

/** Height and width of a box. @param {Box} box @returns {Size} */
export const sizeOf = ([x0, y0, x1, y1]) => [y1 - y0, x1 - x0];

/** @param {Box} box */
export const boxArea = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);

/** Intersection over union of two boxes; 0 where they do not meet. @param {Box} a @param {Box} b */
export function boxIou(a, b) {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const shared = w * h;
  return shared / (boxArea(a) + boxArea(b) - shared);
}

/** The pixels that a box touches, inside the image. @param {Box} box @param {Size} size @returns {Box} */
export function clip([x0, y0, x1, y1], [h, w]) {
  const held = (/** @type {number} */ v, /** @type {number} */ most) => Math.min(Math.max(v, 0), most);
  return [held(Math.floor(x0), w), held(Math.floor(y0), h), held(Math.ceil(x1), w), held(Math.ceil(y1), h)];
}

/**
 * The box around two boxes; one that is empty counts for nothing.
 * @param {Box} a
 * @param {Box} b
 * @returns {Box}
 */
export function around(a, b) {
  if (a[0] >= a[2]) return b;
  if (b[0] >= b[2]) return a;
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

/** Whether two boxes share a pixel. @param {Box} a @param {Box} b */
export const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

const MOST_APART = 32; // boxes that are looked at one by one

/**
 * Boxes that share no pixel and cover the given ones: those that meet are joined, very many all together.
 * @param {Box[]} boxes @returns {Box[]} without empty ones
 */
export function apart(boxes) {
  const full = boxes.filter(([x0, y0, x1, y1]) => x0 < x1 && y0 < y1);
  if (full.length > MOST_APART) return [full.reduce(around)];
  /** @type {Box[]} */
  const found = [];
  for (let box of full) {
    for (let i; (i = found.findIndex((one) => meet(one, box))) >= 0;)
      box = around(box, found.splice(i, 1)[0]);
    found.push(box);
  }
  return found;
}
