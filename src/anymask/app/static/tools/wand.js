/** Take the region of similar colours around a click. */
import { t } from "../language.js";
import { floodFill } from "../geometry/flood.js";
import { readPixels } from "../inference/image-pixels.js";
import { addOrRemove } from "../state/editing.js";
import { reasonOf } from "../storage/errors.js";
import { byFinger, Tool } from "./tool.js";

/** @typedef {import("./tool.js").Point} Point */
/** @typedef {import("../inference/image-pixels.js").Pixels} Pixels */

const STEP = 0.5; // tolerance per screen pixel of a drag
const MOST = 255;

export class WandTool extends Tool {
  /** @type {Promise<Pixels> | null} */
  pixels = null;
  /** @type {Pixels | null} */
  loaded = null;
  /** @type {Point | null} */
  from = null;
  /** @type {ReturnType<typeof floodFill> | null} */
  found = null;
  tolerance = 0;
  frame = 0;

  get hint() {
    if (this.from)
      return t("Tolerance {tolerance}. Drag right for more, left for less.", { tolerance: this.tolerance });
    if (byFinger())
      return t(
        "Tap a region of one colour; drag right or left for more or less. Switch to Out to remove it.",
      );
    return t(
      "Click a region of one colour; drag right or left for more or less. The right button removes it.",
    );
  }

  enter() {
    this.load();
  }

  /** The pixels of the image, decoded once. */
  load() {
    this.pixels ??= this.editor.file.then(readPixels);
    this.pixels.then(
      (pixels) => (this.loaded = pixels),
      (error) => {
        this.pixels = null;
        this.editor.notice(
          t("The colours of the image cannot be read: {reason}.", { reason: reasonOf(error) }),
        );
      },
    );
  }

  /** @param {Point} point @param {import("./tool.js").Intent} intent */
  down(point, { label }) {
    if (!this.loaded) return this.editor.notice(t("The image is still being read. Try again in a moment."));
    this.label = label;
    this.from = point;
    this.tolerance = this.editor.settings.tolerance;
    this.find();
  }

  /** @param {Point} point */
  move(point) {
    if (!this.from) return;
    const by = (point[0] - this.from[0]) * this.editor.view.scale * STEP;
    const tolerance = Math.min(Math.max(Math.round(this.editor.settings.tolerance + by), 0), MOST);
    if (tolerance === this.tolerance) return;
    this.tolerance = tolerance;
    this.frame ||= requestAnimationFrame(() => this.find());
  }

  find() {
    this.frame = 0;
    if (!this.from || !this.loaded) return;
    this.found = floodFill(this.loaded.rgba, this.loaded.size, this.from, this.tolerance);
    this.editor.emit("candidates", [this.found]);
  }

  up() {
    if (!this.from) return;
    this.find(); // with the tolerance of the last move
    const { found, label, tolerance } = this;
    this.cancel();
    this.editor.set({ tolerance });
    if (found) addOrRemove(this.editor, "Magic wand", found.runs, label ?? 1);
  }

  cancel() {
    const begun = this.from !== null;
    this.from = this.found = null;
    this.editor.emit("candidates", []);
    return begun;
  }

  leave() {
    this.cancel();
  }
}
