/** Where the image lies on the screen: zoom and pan. Screen units are CSS pixels of the canvas. */

/** @typedef {import("../types.js").Size} Size */

const MARGIN = 24;
export const MOST_ZOOM = 64;
const MOST_SHOWN = 16; // zoom to which a small region is shown
const AROUND = 1.4; // sides of a region with its surroundings, by its own

export class Viewport {
  /** @param {Size} size of the image */
  constructor(size) {
    this.size = size;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    /** @type {Size} of the canvas */
    this.screen = [1, 1];
    this.fitted = true;
  }

  /** Take a new canvas size; the image stays where it is, or stays fitted. @param {Size} screen */
  resize(screen) {
    const [h, w] = this.screen;
    this.x += (screen[1] - w) / 2;
    this.y += (screen[0] - h) / 2;
    this.screen = screen;
    if (this.fitted) this.fit();
  }

  /** Show the whole image. */
  fit() {
    const [h, w] = this.screen;
    const margin = Math.min(MARGIN, w / 20, h / 20);
    this.scale = Math.min((w - 2 * margin) / this.size[1], (h - 2 * margin) / this.size[0], MOST_ZOOM);
    this.x = (w - this.size[1] * this.scale) / 2;
    this.y = (h - this.size[0] * this.scale) / 2;
    this.fitted = true;
  }

  /**
   * Zoom by a factor about a place on the screen.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x = this.screen[1] / 2, y = this.screen[0] / 2) {
    const least = 8 / Math.max(...this.size);
    const scale = Math.min(Math.max(this.scale * factor, least), MOST_ZOOM);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.keepInSight();
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.keepInSight();
  }

  /** Zoom to a region of the image, with some of what is around it. @param {import("../types.js").Box} box */
  show([x0, y0, x1, y1]) {
    const [h, w] = this.screen;
    const scale = Math.min(w / (AROUND * (x1 - x0)), h / (AROUND * (y1 - y0)), MOST_SHOWN);
    this.scale = Math.min(Math.max(scale, 8 / Math.max(...this.size)), MOST_ZOOM);
    this.x = w / 2 - ((x0 + x1) / 2) * this.scale;
    this.y = h / 2 - ((y0 + y1) / 2) * this.scale;
    this.fitted = false;
    this.keepInSight();
  }

  /**
   * Move a region of the image into sight if it is not, at the same zoom.
   * @param {import("../types.js").Box} box @returns {boolean} whether the image moved
   */
  reveal([x0, y0, x1, y1]) {
    const [left, top] = this.toScreen(x0, y0);
    const [right, bottom] = this.toScreen(x1, y1);
    const [dx, dy] = [shift(left, right, this.screen[1]), shift(top, bottom, this.screen[0])];
    if (dx || dy) this.pan(dx, dy);
    return dx !== 0 || dy !== 0;
  }

  /** The image never leaves the screen altogether. */
  keepInSight() {
    const [h, w] = this.screen;
    const keep = 48;
    this.x = Math.min(Math.max(this.x, keep - this.size[1] * this.scale), w - keep);
    this.y = Math.min(Math.max(this.y, keep - this.size[0] * this.scale), h - keep);
  }

  /** From screen to image pixels. @param {number} x @param {number} y @returns {[number, number]} */
  toImage(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** From image pixels to the screen. @param {number} x @param {number} y @returns {[number, number]} */
  toScreen(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  /** Whether a point lies in the image. @param {number} x @param {number} y in image pixels */
  holds(x, y) {
    return x >= 0 && y >= 0 && x < this.size[1] && y < this.size[0];
  }
}

/**
 * How far a stretch moves to be on the screen; one that is too long need only be seen in part.
 * @param {number} from @param {number} to @param {number} screen its length
 */
function shift(from, to, screen) {
  if (to - from > screen - 2 * MARGIN) return from > screen || to < 0 ? screen / 2 - (from + to) / 2 : 0;
  return from < MARGIN ? MARGIN - from : to > screen - MARGIN ? screen - MARGIN - to : 0;
}
