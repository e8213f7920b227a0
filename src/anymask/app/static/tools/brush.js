/** Paint a mask, or erase from it. */
import { t } from "../language.js";
import { around } from "../geometry/boxes.js";
import { drawStroke } from "../geometry/rasterise.js";
import { byFinger, Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */
/** @typedef {import("../types.js").Box} Box */

export class BrushTool extends Tool {
  cursor = "none";
  /** @type {{id: string | null, bits: Uint8Array, box: Box | null} | null} */
  work = null;
  /** @type {Point} */
  last = [0, 0];
  /** @type {Point | null} */
  at = null;

  /** @param {import("./tool.js").Editor} editor @param {boolean} erases */
  constructor(editor, erases) {
    super(editor);
    this.erases = erases;
  }

  get hint() {
    if (this.erases)
      return this.editor.item
        ? t("Paint over the parts to remove from the mask.")
        : t("Select a mask to erase from.");
    if (!this.editor.item) return t("Paint a new mask.");
    return byFinger()
      ? t("Paint to add to the mask; switch to Out to erase.")
      : t("Paint to add to the mask; use the right button to erase.");
  }

  get radius() {
    return this.editor.settings.brush / 2;
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    this.value = /** @type {0 | 1} */ (this.erases || label === 0 ? 0 : 1);
    if (this.editor.item && this.editor.isLocked(this.editor.item.id)) return;
    if (!this.value && !this.editor.item) return this.editor.notice(t("Select a mask to erase from first."));
    this.work = this.editor.bits();
    this.last = point;
    this.move(point);
  }

  /** @param {Point} point */
  move(point) {
    this.at = point;
    if (!this.work) return this.editor.emit("overlay");
    const touched = drawStroke(
      this.work.bits,
      this.editor.openImage.size,
      this.last,
      point,
      this.radius,
      this.value,
    );
    this.last = point;
    if (this.value) this.work.box = around(this.work.box ?? [0, 0, 0, 0], touched);
    this.editor.emit("stroke", { bits: this.work.bits, box: this.work.box, touched, id: this.work.id });
  }

  up() {
    const { work } = this;
    this.work = null;
    this.editor.emit("stroke", null);
    if (work?.box) this.editor.draw(this.value ? "Paint" : "Erase", work.bits, work.box, work.id);
  }

  cancel() {
    const begun = this.work !== null;
    this.work = null;
    this.editor.emit("stroke", null);
    return begun;
  }

  /** @param {Point | null} point */
  hover(point) {
    this.at = point;
    this.editor.emit("overlay");
  }

  leave() {
    this.at = null;
    this.cancel();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view */
  draw(context, view) {
    if (!this.at) return;
    const [x, y] = view.toScreen(...this.at);
    context.lineWidth = 1.5;
    for (const [colour, grow] of /** @type {[string, number][]} */ ([
      ["rgb(0 0 0 / 60%)", 1],
      ["#fff", 0],
    ])) {
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(x, y, Math.max(this.radius * view.scale, 1) + grow, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
