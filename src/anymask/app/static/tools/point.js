/** Ask by clicks: in, and out. */
import { Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */

export class PointTool extends Tool {
  get hint() {
    return this.editor.item
      ? "Click to add, right-click to take away. Enter begins the next object."
      : "Click on an object.";
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    this.editor.preview(null);
    this.editor.addPoint(point, label);
  }

  /** @param {Point | null} point */
  hover(point) {
    this.editor.preview(point);
  }

  leave() {
    this.editor.preview(null);
  }
}
