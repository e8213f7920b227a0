/** A canvas over the view that draws anew only what changed: regions, or after a move what came into sight. */
import { apart } from "../geometry/boxes.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */
/** @typedef {(context: CanvasRenderingContext2D, seen: Box) => void} Paint in screen pixels; what of the image is seen of it */

const WHOLE = 1e-3; // pixels of the canvas by which a move may differ from a whole number

export class Sheet {
  /** @param {HTMLCanvasElement} canvas @param {Viewport} view @param {Paint} paint */
  constructor(canvas, view, paint) {
    this.canvas = canvas;
    this.view = view;
    this.paint = paint;
    /** Where the image lay when it was drawn; null where all must be drawn. @type {{x: number, y: number, scale: number} | null} */
    this.drawn = null;
    /** In image pixels. @type {Box[]} */
    this.regions = [];
  }

  get context() {
    return /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
  }

  /** All is to be drawn anew, or some regions of the image. @param {Box[]} [regions] */
  spoil(regions) {
    if (regions) this.regions.push(...regions);
    else this.drawn = null;
  }

  /** @param {number} width @param {number} height in pixels of the canvas */
  resize(width, height) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.spoil();
  }

  /** Draw what is out of date. */
  refresh() {
    const { x, y, scale } = this.view;
    for (const part of this.parts()) this.drawPart(part);
    this.drawn = { x, y, scale };
    this.regions = [];
  }

  /** Parts of the canvas to draw anew, in its pixels. @returns {Box[]} */
  parts() {
    const { width, height } = this.canvas;
    const move = this.move();
    if (!move) return [[0, 0, width, height]];
    const [dx, dy] = move;
    if (dx || dy) this.scroll(dx, dy);
    const [left, right] = [Math.max(dx, 0), width + Math.min(dx, 0)];
    /** @type {Box[]} */
    const strips = [
      [0, 0, left, height],
      [right, 0, width, height],
      [left, 0, right, Math.max(dy, 0)],
      [left, height + Math.min(dy, 0), right, height],
    ];
    const regions = apart(this.regions.map((region) => this.onCanvas(region)));
    return [...strips, ...regions].filter(([x0, y0, x1, y1]) => x0 < x1 && y0 < y1);
  }

  /** By how many pixels the image moved since; null where it must be drawn anew. @returns {[number, number] | null} */
  move() {
    const { drawn, view } = this;
    if (!drawn || drawn.scale !== view.scale) return null;
    const exact = [view.x - drawn.x, view.y - drawn.y].map((by) => by * devicePixelRatio);
    const [dx, dy] = exact.map(Math.round);
    const isWhole = Math.abs(dx - exact[0]) < WHOLE && Math.abs(dy - exact[1]) < WHOLE;
    const isNear = Math.abs(dx) < this.canvas.width && Math.abs(dy) < this.canvas.height;
    return isWhole && isNear ? [dx, dy] : null;
  }

  /** @param {number} dx @param {number} dy */
  scroll(dx, dy) {
    const { context } = this;
    context.save();
    context.resetTransform();
    context.globalCompositeOperation = "copy";
    context.drawImage(this.canvas, dx, dy);
    context.restore();
  }

  /** The pixels of the canvas that a region of the image touches, smoothing included. @param {Box} region @returns {Box} */
  onCanvas([x0, y0, x1, y1]) {
    const { view, canvas } = this;
    const [left, top] = view.toScreen(x0 - 1, y0 - 1).map((side) => Math.floor(side * devicePixelRatio) - 1);
    const [right, bottom] = view
      .toScreen(x1 + 1, y1 + 1)
      .map((side) => Math.ceil(side * devicePixelRatio) + 1);
    return [
      Math.max(left, 0),
      Math.max(top, 0),
      Math.min(right, canvas.width),
      Math.min(bottom, canvas.height),
    ];
  }

  /** @param {Box} part of the canvas, in its pixels */
  drawPart([x0, y0, x1, y1]) {
    const { context, view } = this;
    const ratio = devicePixelRatio;
    context.save();
    context.resetTransform();
    context.beginPath();
    context.rect(x0, y0, x1 - x0, y1 - y0);
    context.clip();
    context.clearRect(x0, y0, x1 - x0, y1 - y0);
    context.scale(ratio, ratio);
    this.paint(context, [...view.toImage(x0 / ratio, y0 / ratio), ...view.toImage(x1 / ratio, y1 / ratio)]);
    context.restore();
  }
}
