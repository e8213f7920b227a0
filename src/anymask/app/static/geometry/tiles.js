/** Which tiles of a large image show what is in sight: the twin of `anymask.app.tiles`. */
import { LARGE_IMAGE, TILE_SIDE } from "../constants.js";

/** @typedef {import("../types.js").Size} Size */
/** @typedef {{level: number, column: number, row: number}} Tile */

/** Whether the server shows an image by tiles. @param {{width: number, height: number}} image */
export const isLarge = ({ width, height }) => width * height >= LARGE_IMAGE;

/** The number of levels of an image; the last one is a single tile. @param {Size} size */
export function countLevels([h, w]) {
  let level = 0;
  while (TILE_SIDE * 2 ** level < Math.max(h, w)) level++;
  return level + 1;
}

/**
 * The level whose pixels are as fine as those of the screen.
 * @param {Size} size @param {number} scale screen pixels by image pixel
 */
export function levelFor(size, scale) {
  const level = Math.floor(Math.log2(1 / scale) + 1e-9);
  return Math.min(Math.max(level, 0), countLevels(size) - 1);
}

/**
 * The tiles of a level that meet a region of the image, those nearest to its middle first.
 * @param {Size} size @param {number} level @param {import("../types.js").Box} region
 * @returns {Tile[]}
 */
export function tilesIn([h, w], level, [x0, y0, x1, y1]) {
  const step = TILE_SIDE * 2 ** level;
  const first = (/** @type {number} */ from) => Math.max(Math.floor(from / step), 0);
  const end = (/** @type {number} */ to, /** @type {number} */ side) => Math.ceil(Math.min(to, side) / step);
  /** @type {Tile[]} */
  const tiles = [];
  for (let row = first(y0); row < end(y1, h); row++)
    for (let column = first(x0); column < end(x1, w); column++) tiles.push({ level, column, row });
  const away = (/** @type {Tile} */ { column, row }) =>
    Math.hypot((column + 0.5) * step - (x0 + x1) / 2, (row + 0.5) * step - (y0 + y1) / 2);
  return tiles.sort((a, b) => away(a) - away(b));
}

/** The region of the image that a tile shows. @param {Size} size @param {Tile} tile @returns {import("../types.js").Box} */
export function regionOf([h, w], { level, column, row }) {
  const step = TILE_SIDE * 2 ** level;
  return [column * step, row * step, Math.min((column + 1) * step, w), Math.min((row + 1) * step, h)];
}
