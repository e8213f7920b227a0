/** Cut a mask in two along a line. */
import { t } from "../language.js";
import { cut } from "../state/editing.js";
import { LassoTool, drawLine } from "./lasso.js";

const LEAST = 2; // points of a line

export class CutTool extends LassoTool {
  /** @returns {string} */
  get hint() {
    if (this.slow) return t("Press Space to add a point, Enter to cut.");
    return this.editor.item
      ? t("Draw a line across the mask.")
      : t("Click a mask to select it, then draw a line across it.");
  }

  /** @param {import("./tool.js").Point} point @param {import("./tool.js").Intent} intent */
  down(point, intent) {
    const { editor } = this;
    if (editor.item) return super.down(point, intent);
    editor.select(editor.openImage.at(...point, (id) => editor.visibility.reachable(id))?.id ?? null);
  }

  finish() {
    const { points } = this;
    if (this.cancel() && points.length >= LEAST) cut(this.editor, points);
    return points.length > 0;
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view */
  draw(context, view) {
    drawLine(context, view, this.points, false);
  }
}
