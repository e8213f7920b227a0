/** Draws a large image by tiles: the whole of it coarsely at once, then what is in sight as finely as needed. */
import { countLevels, levelFor, regionOf, tilesIn } from "../geometry/tiles.js";

/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../geometry/tiles.js").Tile} Tile */
/** @typedef {{bitmap: ImageBitmap | null, tile: Tile}} Kept null while it is on its way */

const MOST = 160; // tiles in memory, 1 MB each
const AT_ONCE = 6; // requests

export class TilePyramid {
  /**
   * @param {Size} size of the image @param {(tile: Tile) => Promise<Blob>} fetch
   * @param {() => void} changed when more can be drawn
   */
  constructor(size, fetch, changed) {
    this.size = size;
    this.fetch = fetch;
    this.changed = changed;
    /** The tile used last at the end. @type {Map<string, Kept>} */
    this.kept = new Map();
    this.asked = 0;
    /** What is still wanted, the most important first. @type {Tile[]} */
    this.wanted = [];
    this.overview = { level: countLevels(size) - 1, column: 0, row: 0 };
  }

  /** The whole image, coarsely, when it is there. @returns {ImageBitmap | null} */
  get whole() {
    return this.kept.get(keyOf(this.overview))?.bitmap ?? null;
  }

  /** Whether all that is in sight is there. */
  get complete() {
    return this.wanted.length === 0 && this.asked === 0;
  }

  /**
   * Draw what is there of a view, and request what is missing.
   * @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view
   * @param {number} ratio pixels of the screen by CSS pixel
   */
  draw(context, view, ratio) {
    if (Math.min(...view.screen) <= 1) return; // the screen is not measured yet
    const [x0, y0] = view.toImage(0, 0);
    const [x1, y1] = view.toImage(view.screen[1], view.screen[0]);
    const level = levelFor(this.size, view.scale * ratio);
    const tiles = tilesIn(this.size, level, [x0, y0, x1, y1]);
    const needed = new Set([this.overview, ...tiles].map(keyOf));
    // coarse tiles first, so that fine ones lie over them
    const there = [...this.kept.values()].filter(({ bitmap, tile }) => bitmap && tile.level >= level);
    for (const { bitmap, tile } of there.sort((a, b) => b.tile.level - a.tile.level))
      if (bitmap) this.place(context, view, bitmap, tile);
    for (const key of needed) this.touch(key);
    this.wanted = [this.overview, ...tiles].filter((tile) => !this.kept.has(keyOf(tile)));
    this.more();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view @param {ImageBitmap} bitmap @param {Tile} tile */
  place(context, view, bitmap, tile) {
    const [x0, y0, x1, y1] = regionOf(this.size, tile);
    const [left, top] = view.toScreen(x0, y0);
    const [right, bottom] = view.toScreen(x1, y1);
    if (right < 0 || bottom < 0 || left > view.screen[1] || top > view.screen[0]) return;
    context.drawImage(bitmap, left, top, right - left, bottom - top);
  }

  /** @param {string} key */
  touch(key) {
    const one = this.kept.get(key);
    if (!one) return;
    this.kept.delete(key);
    this.kept.set(key, one);
  }

  more() {
    while (this.asked < AT_ONCE && this.wanted.length) this.ask(/** @type {Tile} */ (this.wanted.shift()));
  }

  /** @param {Tile} tile */
  async ask(tile) {
    const key = keyOf(tile);
    /** @type {Kept} */
    const entry = { bitmap: null, tile };
    this.kept.set(key, entry);
    this.asked++;
    try {
      entry.bitmap = await createImageBitmap(await this.fetch(tile), { colorSpaceConversion: "none" });
    } catch {
      this.kept.delete(key); // the next time that it is drawn it is requested again
    }
    this.asked--;
    this.shrink();
    this.more();
    if (entry.bitmap) this.changed();
  }

  shrink() {
    const overview = keyOf(this.overview);
    for (const key of [...this.kept.keys()].slice(0, Math.max(this.kept.size - MOST, 0)))
      if (key !== overview) this.kept.delete(key);
  }
}

/** @param {Tile} tile */
const keyOf = ({ level, column, row }) => `${level}/${column}/${row}`;
