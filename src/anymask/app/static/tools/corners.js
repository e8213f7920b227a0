/** Move, insert and delete the corners of a mask. */
import { t } from "../language.js";
import {
  countCorners,
  deleteCorner,
  flip,
  insertCorner,
  inside,
  moveCorner,
  nearest,
  outlineOf,
  straightened,
} from "../masks/corners.js";
import { iou } from "../masks/rle.js";
import { reshape } from "../state/editing.js";
import { drawHandle } from "./polygon.js";
import { drawLine } from "./lasso.js";
import { byFinger, Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */
/** @typedef {import("../masks/corners.js").Place} Place */
/** @typedef {import("../masks/corners.js").Ring} Ring */
/** @typedef {import("../masks/corners.js").Change} Change */
/** @typedef {import("../types.js").Runs} Runs */

const REACH = 9; // screen pixels from a corner or a line at which it is grabbed

export class CornersTool extends Tool {
  cursor = "pointer";
  /** The outline of a mask with the corners that a person made. @type {WeakMap<Runs, {precision: number, outline: Ring[]}>} */
  known = new WeakMap();
  /** The corner used last. @type {Place | null} */
  active = null;
  /** The mask whose corner it is. @type {Runs | null} */
  activeOf = null;
  /** Where a corner was grabbed, and where it is now. @type {Point | null} */
  from = null;
  /** @type {Point | null} */
  to = null;

  get hint() {
    if (!this.editor.item) return t("Click a mask to see its corners.");
    if (byFinger()) return t("Drag a corner, or drag the line between two for a new one.");
    if (this.from) return t("Release the corner at its new place.");
    return t(
      "Drag a corner, or drag the line between two for a new one. The right button removes a corner, Delete the one used last.",
    );
  }

  enter() {
    this.editor.emit("overlay");
  }

  leave() {
    this.cancel();
    this.editor.emit("overlay");
  }

  /** The outline of the selected mask. @returns {Ring[]} */
  get outline() {
    const { item, openImage, settings } = this.editor;
    if (!item) return [];
    const known = this.known.get(item.runs);
    if (known?.precision === settings.precision) return known.outline;
    return this.remember(item.runs, outlineOf(item.runs, openImage.size, item.box, settings.precision));
  }

  /** @param {Runs} runs @param {Ring[]} outline */
  remember(runs, outline) {
    this.known.set(runs, { precision: this.editor.settings.precision, outline });
    return outline;
  }

  /** The corner used last, if its mask is still there. @returns {Place | null} */
  get current() {
    return this.active && this.activeOf === this.editor.item?.runs ? this.active : null;
  }

  /** @param {Place | null} place */
  use(place) {
    this.active = place;
    this.activeOf = this.editor.item?.runs ?? null;
  }

  /** What the outline tells about itself: corners, and the IoU of straight lines between them with the mask. */
  get facts() {
    const { item, openImage } = this.editor;
    if (!item) return null;
    const { outline } = this;
    return {
      corners: countCorners(outline),
      iou: iou(item.runs, inside(straightened(outline), openImage.size)),
    };
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    const { item, view } = this.editor;
    const { corner, line } = item ? nearest(this.outline, point) : { corner: null, line: null };
    const near = (/** @type {{distance: number} | null} */ one) => one && one.distance * view.scale <= REACH;
    if (item && (near(corner) || near(line)) && this.editor.isLocked(item.id)) return;
    if (corner && near(corner)) return label ? this.grab(corner) : this.delete(corner);
    if (item && line && near(line) && label) return this.insert(item.runs, line, point);
    this.use(null);
    this.editor.select(
      this.editor.openImage.at(...point, (id) => this.editor.visibility.reachable(id))?.id ?? null,
    );
  }

  /** @param {Place} place */
  grab({ ring, corner }) {
    this.use({ ring, corner });
    this.from = this.outline[ring][corner].at;
    this.editor.emit("overlay");
    this.editor.emit("hint");
  }

  /** @param {Runs} runs @param {Place} line @param {Point} point */
  insert(runs, line, point) {
    this.remember(runs, insertCorner(this.outline, line, point));
    this.grab({ ring: line.ring, corner: line.corner + 1 });
  }

  /** @param {Point} point */
  move(point) {
    if (!this.from) return;
    this.to = point;
    this.editor.emit("overlay");
  }

  /** @param {Point} point */
  up(point) {
    const { from, current } = this;
    const moved = from && Math.hypot(point[0] - from[0], point[1] - from[1]) * this.editor.view.scale > 1;
    const to = this.to && point;
    this.cancel();
    if (current && moved && to) this.commit("Move a corner", moveCorner(this.outline, current, to), current);
  }

  /** @param {Place} place */
  delete(place) {
    this.use(null);
    this.commit("Delete a corner", deleteCorner(this.outline, place), null);
  }

  /** @param {string} name @param {Change} change @param {Place | null} active */
  commit(name, { outline, loop }, active) {
    const { item, openImage } = this.editor;
    if (!item) return;
    const runs = flip(item.runs, loop, openImage.size);
    this.remember(runs, outline);
    reshape(this.editor, name, item.id, runs);
    this.use(active);
    this.editor.emit("overlay");
  }

  /** Make the mask what the straight lines between its corners enclose. */
  simplify() {
    const { item, openImage } = this.editor;
    if (!item || this.editor.isLocked(item.id)) return;
    const outline = straightened(this.outline);
    const runs = inside(outline, openImage.size);
    this.remember(runs, outline);
    reshape(this.editor, "Simplify", item.id, runs);
  }

  erase() {
    const { current } = this;
    const { item } = this.editor;
    if (!current && item)
      this.editor.notice(t("Click a corner first. The button Delete removes the whole mask."));
    if (current && !this.editor.isLocked(this.editor.selected ?? "")) this.delete(current);
    return item !== null; // a mask is not deleted instead of a corner
  }

  cancel() {
    const begun = this.from !== null;
    this.from = this.to = null;
    if (begun) {
      this.editor.emit("overlay");
      this.editor.emit("hint");
    }
    return begun;
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../geometry/viewport.js").Viewport} view */
  draw(context, view) {
    const { outline, current, to } = this;
    const [h, w] = view.screen;
    if (current && to) drawLine(context, view, moveCorner(outline, current, to).loop, true);
    outline.forEach((ring, r) =>
      ring.forEach(({ at }, i) => {
        const active = current?.ring === r && current.corner === i;
        const [x, y] = view.toScreen(...(active && to ? to : at));
        if (x > -9 && y > -9 && x < w + 9 && y < h + 9) drawHandle(context, x, y, active);
      }),
    );
  }
}
