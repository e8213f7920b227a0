/** Draw a polygon, corner by corner. */
import { t } from "../language.js";
import { fillRings } from "../geometry/contours.js";
import { addOrRemove } from "../state/editing.js";
import { byFinger, Tool } from "./tool.js";
import { drawLine } from "./lasso.js";

/** @typedef {import("./tool.js").Point} Point */

const LEAST = 3; // corners
const CLOSE = 10; // screen pixels from the first corner at which a click closes the polygon
const SAME = 3; // screen pixels between the clicks of a double click

export class PolygonTool extends Tool {
  /** @type {Point[]} */
  points = [];
  /** Where the next corner would be. @type {Point | null} */
  next = null;

  get hint() {
    const { length } = this.points;
    if (byFinger())
      return length < LEAST
        ? t("Tap the corners of an object; switch to Out to remove an area.")
        : t("Tap the first corner to close the outline.");
    if (!length) return t("Click the corners of an object; use the right button to remove an area.");
    if (length < LEAST) return t("Click the next corner. Backspace takes the last one back.");
    return t("Click the first corner, or press Enter, to close. Backspace takes the last corner back.");
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    const [first] = this.points;
    if (!first) this.label = label;
    const last = this.points.at(-1);
    if (this.points.length >= LEAST && (this.isNear(point, first, CLOSE) || this.isNear(point, last, SAME)))
      return this.finish();
    if (!this.isNear(point, last, SAME)) this.points.push(point);
    this.changed();
  }

  /** @param {Point} point @param {Point | undefined} other @param {number} reach in screen pixels */
  isNear(point, other, reach) {
    return (
      other !== undefined &&
      Math.hypot(point[0] - other[0], point[1] - other[1]) * this.editor.view.scale < reach
    );
  }

  /** @param {Point | null} point */
  hover(point) {
    this.next = point;
    if (this.points.length) this.editor.emit("overlay");
  }

  /** @param {Point} point */
  move(point) {
    this.hover(point);
  }

  finish() {
    const { points, label } = this;
    if (!points.length) return false;
    if (points.length < LEAST) {
      this.editor.notice(t("A polygon has three corners at least."));
      return true;
    }
    this.cancel();
    addOrRemove(this.editor, "Polygon", fillRings([points], this.editor.openImage.size), label ?? 1);
    return true;
  }

  stepBack() {
    if (!this.points.pop()) return false;
    this.changed();
    return true;
  }

  erase() {
    return this.stepBack();
  }

  cancel() {
    const begun = this.points.length > 0;
    this.points = [];
    this.changed();
    return begun;
  }

  leave() {
    this.cancel();
  }

  changed() {
    this.editor.emit("overlay");
    this.editor.emit("hint");
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view */
  draw(context, view) {
    if (!this.points.length) return;
    drawLine(context, view, this.next ? [...this.points, this.next] : this.points, true);
    for (const point of this.points) drawHandle(context, ...view.toScreen(...point), false);
  }
}

/**
 * A corner that can be grabbed: white on dark, so that it shows on any image.
 * @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {boolean} active
 */
export function drawHandle(context, x, y, active) {
  const reach = active ? 5 : 3.5;
  context.fillStyle = active ? "#0f766e" : "#fff";
  context.strokeStyle = active ? "#fff" : "rgb(0 0 0 / 75%)";
  context.lineWidth = active ? 2 : 1.25;
  context.fillRect(x - reach, y - reach, 2 * reach, 2 * reach);
  context.strokeRect(x - reach, y - reach, 2 * reach, 2 * reach);
}
