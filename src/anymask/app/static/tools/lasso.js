/** Draw around an object by hand. */
import { t } from "../language.js";
import { fillRings } from "../geometry/contours.js";
import { addOrRemove } from "../state/editing.js";
import { byFinger, Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */

const LEAST = 3; // points of a line that has an inside
const APART = 1.5; // screen pixels between points

export class LassoTool extends Tool {
  /** @type {Point[]} */
  points = [];
  /** Whether points are set one by one, by keys. */
  slow = false;

  /** @returns {string} */
  get hint() {
    if (this.slow) return t("Press Space to add a corner, Enter to close the outline.");
    if (!this.editor.item) return t("Draw around an object.");
    return byFinger()
      ? t("Draw around an area to add it; switch to Out to remove it.")
      : t("Draw around an area to add it; use the right button to remove it.");
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    if (!this.slow) this.points = [];
    this.label = label;
    this.add(point);
  }

  /** @param {Point} point */
  move(point) {
    const last = this.points.at(-1);
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) * this.editor.view.scale >= APART)
      this.add(point);
  }

  /** @param {Point} point */
  add(point) {
    this.points.push(point);
    this.editor.emit("overlay");
  }

  up() {
    if (!this.slow) this.finish();
  }

  finish() {
    const { points, label } = this;
    if (this.cancel() && points.length >= LEAST)
      addOrRemove(this.editor, "Lasso", fillRings([points], this.editor.openImage.size), label ?? 1);
    return points.length > 0;
  }

  cancel() {
    const begun = this.points.length > 0;
    this.points = [];
    this.slow = false;
    this.editor.emit("overlay");
    return begun;
  }

  leave() {
    this.cancel();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view */
  draw(context, view) {
    drawLine(context, view, this.points, true);
  }
}

/**
 * A line that shows on bright and on dark images.
 * @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view
 * @param {Point[]} points in the image @param {boolean} closed whether it has an inside
 */
export function drawLine(context, view, points, closed) {
  if (!points.length) return;
  context.beginPath();
  points.forEach((point, i) => {
    const [x, y] = view.toScreen(...point);
    if (i) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
  if (closed) {
    context.closePath();
    context.fillStyle = "rgb(255 255 255 / 18%)";
    context.fill("evenodd");
  }
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 55%)";
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = "#fff";
  context.stroke();
}
