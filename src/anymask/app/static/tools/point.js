/** Ask by clicks: in, and out. */
import { Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */

const byFinger = matchMedia("(pointer: coarse)").matches;

export class PointTool extends Tool {
  get hint() {
    if (!this.editor.item) return byFinger ? "Tap on an object." : "Click on an object.";
    if (byFinger) return "Tap to add; with Out, to take away.";
    return "Click to add, right-click to take away. Enter begins the next object.";
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
