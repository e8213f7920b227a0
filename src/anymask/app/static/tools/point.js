/** Prompt the model with clicks: on the object, and off it. */
import { t } from "../language.js";
import { byFinger, Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */

export class PointTool extends Tool {
  get hint() {
    if (!this.editor.item) return byFinger() ? t("Tap an object.") : t("Click an object.");
    if (this.editor.item.suggestedBy)
      return t(
        "Accept or reject the suggestion, or correct it by a click. A click elsewhere starts a new object.",
      );
    if (byFinger()) return t("Tap to add to the mask; switch to Out to remove.");
    return t("Click to add to the mask, right-click to remove. Press Enter to start the next object.");
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
