/** Prompt the model with a box around an object. */
import { t } from "../language.js";
import { Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */

const LEAST = 3; // screen pixels; what is smaller was a click

export class BoxTool extends Tool {
  /** @type {Point | null} */
  from = null;
  /** @type {Point | null} */
  to = null;

  get hint() {
    return this.from
      ? t("Release at the opposite corner.")
      : t("Drag a box around an object; click inside to refine it.");
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    this.label = label;
    this.from = this.to = point;
  }

  /** @param {Point} point */
  move(point) {
    this.to = point;
    this.editor.emit("overlay");
  }

  /** @param {Point} point */
  up(point) {
    const { from } = this;
    this.cancel();
    if (!from) return;
    const { scale } = this.editor.view;
    const small = Math.hypot(point[0] - from[0], point[1] - from[1]) * scale < LEAST;
    if (small) {
      this.editor.addPoint(point, this.label ?? 1);
      return;
    }
    const x0 = Math.min(from[0], point[0]);
    const x1 = Math.max(from[0], point[0]);
    const y0 = Math.min(from[1], point[1]);
    const y1 = Math.max(from[1], point[1]);
    if (x0 < x1 && y0 < y1) this.editor.addBox([x0, y0, x1, y1]);
  }

  cancel() {
    const begun = this.from !== null;
    this.from = this.to = null;
    this.editor.emit("overlay");
    return begun;
  }

  leave() {
    this.cancel();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view */
  draw(context, view) {
    if (!this.from || !this.to) return;
    const [x0, y0] = view.toScreen(...this.from);
    const [x1, y1] = view.toScreen(...this.to);
    drawFrame(context, x0, y0, x1 - x0, y1 - y0);
  }
}

/**
 * A dashed frame that shows on light and on dark.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} w
 * @param {number} h
 */
export function drawFrame(context, x, y, w, h) {
  context.lineWidth = 1.5;
  context.strokeStyle = "rgb(0 0 0 / 60%)";
  context.strokeRect(x, y, w, h);
  context.setLineDash([6, 4]);
  context.strokeStyle = "#fff";
  context.strokeRect(x, y, w, h);
  context.setLineDash([]);
}
