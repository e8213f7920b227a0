/** The image with its masks: zoom, pan, pointer and keyboard for the tool in use. */
import { t } from "../language.js";
import { Overlay } from "../canvas/overlay.js";
import { Sheet } from "../canvas/sheet.js";
import { TilePyramid } from "../canvas/tile-pyramid.js";
import { dashed, ink } from "../canvas/draw-mask.js";
import { colourOf, toRgb } from "../masks/colours.js";
import { applyAdjustment } from "../canvas/adjustment.js";
import { MISSING } from "../storage/errors.js";
import { Gestures } from "./gestures.js";
import { h } from "./dom.js";

/** @typedef {import("../state/editor.js").Editor} Editor */
/** @typedef {import("../canvas/mask-layer.js").MaskLayer} MaskLayer */
/** @typedef {[number, number]} Point */

const SHARP = 3; // zoom from which pixels are shown as they are
const FINER = 2; // zoom over the scale of the layer from which masks are drawn anew in full
const GRID = 16; // zoom from which lines part pixels

export class ImageCanvas extends HTMLElement {
  /** @type {Editor} */ editor;
  /** @type {() => import("../types.js").Label[]} */ labels;
  /** @type {import("../geometry/viewport.js").Viewport} */ view;
  /** The image alone, which can be adjusted. @type {Sheet} */ photo;
  /** Its finished masks. @type {Sheet} */ masks;
  /** @type {HTMLCanvasElement} */ over;
  /** @type {MaskLayer} */ layer;
  /** @type {Overlay} */ overlay;
  /** @type {ImageBitmap | null} */ image = null;
  /** @type {AbortController} */ listening;
  /** @type {ResizeObserver} */ resized;
  frame = 0;
  /** Whether there is no image to show, which is said in its place. */
  broken = false;
  /** Whether what lies over the masks is out of date. */
  stale = true;

  /** What gives the pixels of the image. @type {{bitmap: () => Promise<ImageBitmap>, tile: ((tile: import("../geometry/tiles.js").Tile) => Promise<Blob>) | null}} */
  source;
  /** Of a large image. @type {TilePyramid | null} */ tiles = null;

  /**
   * @param {Editor} editor
   * @param {() => import("../types.js").Label[]} labels
   * @param {ImageCanvas["source"]} source by tiles where it has them
   * @param {MaskLayer} layer perhaps as it was when the image was left
   */
  static of(editor, labels, source, layer) {
    const imageCanvas = /** @type {ImageCanvas} */ (document.createElement("am-image-canvas"));
    imageCanvas.editor = editor;
    imageCanvas.labels = labels;
    imageCanvas.source = source;
    imageCanvas.layer = layer;
    return imageCanvas;
  }

  connectedCallback() {
    const { editor } = this;
    if (!editor) return;
    this.view = editor.view;
    const sheet = (/** @type {import("../canvas/sheet.js").Paint} */ paint) =>
      new Sheet(h("canvas", { "aria-hidden": "true" }), editor.view, paint);
    this.photo = sheet((context) => this.paintPhoto(context));
    this.masks = sheet((context, seen) => this.paintMasks(context, seen));
    this.over = h("canvas", {
      tabindex: "0",
      role: "application",
      "aria-label": t("Image {name}", { name: editor.openImage.info.name }),
      "aria-describedby": "hint",
      "aria-keyshortcuts": "ArrowUp ArrowDown ArrowLeft ArrowRight Space Enter",
    });
    this.replaceChildren(this.photo.canvas, this.masks.canvas, this.over);
    this.layer.inkOf = (id) => this.inkOf(id);
    this.overlay = new Overlay(editor, (id) => this.colourOf(id));
    this.gestures = new Gestures(this, this.over, editor);
    this.listening = new AbortController();
    this.listen(this.listening.signal);
    this.resized = new ResizeObserver(() => this.fitScreen());
    this.resized.observe(this);
    this.layer.renew(editor.openImage.items);
    this.load();
  }

  disconnectedCallback() {
    this.listening?.abort();
    this.resized?.disconnect();
    this.image = null; // what is still to be drawn is not drawn any more
  }

  async load() {
    const { tile } = this.source;
    if (tile) {
      this.tiles = new TilePyramid(this.editor.openImage.size, tile, () => this.tilesCame());
      return this.draw("all");
    }
    const bitmap = await this.source.bitmap().catch(() => null);
    if (!bitmap) {
      return this.tellBroken();
    }
    this.image = bitmap;
    this.draw("all");
    this.dispatchEvent(new CustomEvent("shown"));
  }

  /** Say in the place of the image that it cannot be shown. */
  tellBroken() {
    const { missing, name } = this.editor.openImage.info;
    const sentence = missing
      ? t("The image cannot be shown: {MISSING}.", { MISSING })
      : t("{name} is damaged and cannot be shown.", { name });
    this.append(h("p", { class: "broken", role: "alert" }, sentence));
    this.broken = true;
    this.dispatchEvent(new CustomEvent("broken"));
  }

  /** Show other pixels of the same image, such as other bands. @param {Promise<ImageBitmap>} bitmap */
  async replace(bitmap) {
    const image = await bitmap;
    if (!this.isConnected) return;
    this.image = image;
    this.draw("all");
    this.dispatchEvent(new CustomEvent("shown"));
  }

  /** More of a large image can be drawn; the whole of it, coarsely, serves thumbnails and the map. */
  tilesCame() {
    if (!this.isConnected) return;
    const whole = this.tiles?.whole ?? null;
    const first = !this.image && whole;
    this.image = whole;
    this.draw("all");
    if (first) this.dispatchEvent(new CustomEvent("shown"));
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const { editor } = this;
    const { openImage } = editor;
    const on = (
      /** @type {EventTarget} */ target,
      /** @type {string} */ type,
      /** @type {(detail: any) => void} */ act,
    ) => target.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    on(openImage, "masks", (changes) => this.update(changes.map((/** @type {{id: string}} */ { id }) => id)));
    on(editor.visibility, "change", (ids) => this.updateLayer(ids));
    on(editor, "busy", () => this.draw("over"));
    on(editor, "refining", () => this.draw("over"));
    on(editor, "select", ({ before, now }) => this.update([before, now]));
    on(editor, "view", (some) => {
      if (some && ("hideOthers" in some || "outlineOnly" in some)) this.layer.reset(openImage.items);
      if (some && "adjustment" in some) applyAdjustment(this.photo.canvas, some.adjustment);
      this.draw("masks");
    });
    on(editor, "overlay", () => this.draw("over"));
    on(editor, "tool", () => {
      this.over.style.cursor = editor.tool?.cursor ?? "";
      this.draw("over");
    });
    on(editor, "stroke", (stroke) => {
      this.overlay.stroke(stroke);
      this.draw("over");
    });
    on(editor, "preview", (hypothesis) => {
      this.overlay.preview = hypothesis;
      this.draw("over");
    });
    on(editor, "candidates", (some) => {
      this.overlay.show(some);
      this.draw("over");
    });
  }

  /** Masks changed. @param {(string | null)[]} ids */
  update(ids) {
    this.updateLayer(ids.filter((id) => id !== null));
    this.draw("over");
  }

  /** Masks look different now, none of what lies over them. @param {string[]} ids */
  updateLayer(ids) {
    this.masks.spoil(this.layer.update(this.editor.openImage.items, ids));
    this.later();
  }

  /** Labels changed their colours. */
  recolour() {
    this.layer.reset(this.editor.openImage.items);
    this.draw("masks");
  }

  /** The selected mask is drawn over the layer, not in it. @param {string} id */
  inkOf(id) {
    const full = this.fullInkOf(id);
    return full && this.editor.settings.outlineOnly ? { ...full, fill: 0 } : full;
  }

  /** @param {string} id */
  fullInkOf(id) {
    const { selected, settings, visibility, openImage } = this.editor;
    if (id === selected || settings.hideOthers || visibility.hidden.has(id)) return null;
    const rgb = toRgb(this.colourOf(id));
    if (openImage.items.get(id)?.suggestedBy) return dashed(rgb);
    return visibility.hovered === id || visibility.marked.has(id)
      ? { fill: ink(rgb).fill, edge: 0xffffffff }
      : ink(rgb);
  }

  /** @param {string} id */
  colourOf(id) {
    return colourOf(id, this.editor.openImage.items.get(id)?.label ?? null, this.labels());
  }

  focus() {
    this.over.dataset.pointer = ""; // without a ring until a key is used
    this.over.focus({ preventScroll: true });
  }

  fitScreen() {
    const { width, height } = this.getBoundingClientRect();
    const ratio = devicePixelRatio;
    if (!width || !height) return;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.photo.resize(across, down);
    this.masks.resize(across, down);
    this.over.width = across;
    this.over.height = down;
    this.view.resize([height, width]);
    this.stale = true;
    this.paint();
    this.dispatchEvent(new CustomEvent("moved"));
  }

  /** Draw anew in the next frame: all, the masks and what lies over them, or only that. @param {"all" | "masks" | "over"} what */
  draw(what) {
    if (what === "all") this.photo.spoil();
    if (what !== "over") this.masks.spoil();
    this.stale = true;
    this.later();
  }

  /** Draw what is out of date in the next frame. */
  later() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    if (this.image || this.tiles) {
      this.photo.refresh();
      this.masks.refresh();
    }
    if (this.stale) this.paintOver();
    this.stale = false;
  }

  paintOver() {
    const context = /** @type {CanvasRenderingContext2D} */ (this.over.getContext("2d"));
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.over.width, this.over.height);
    this.overlay.paint(context, this.view);
  }

  /** @param {CanvasRenderingContext2D} context */
  paintPhoto(context) {
    const { x, y, scale } = this.view;
    const [height, width] = this.view.size;
    context.imageSmoothingEnabled = scale < SHARP;
    context.imageSmoothingQuality = "high";
    if (this.tiles) this.tiles.draw(context, this.view, devicePixelRatio);
    else if (this.image) context.drawImage(this.image, x, y, width * scale, height * scale);
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../types.js").Box} seen */
  paintMasks(context, seen) {
    const { x, y, scale } = this.view;
    const [height, width] = this.view.size;
    context.imageSmoothingEnabled = scale < SHARP;
    context.imageSmoothingQuality = "medium"; // a finer one is slow where it enlarges
    context.globalAlpha = this.editor.settings.opacity;
    if (this.layer.ratio < 1 && scale > this.layer.ratio * FINER) this.layer.drawIn(context, this.view, seen);
    else context.drawImage(this.layer.canvas, x, y, width * scale, height * scale);
    context.globalAlpha = 1;
    if (scale >= GRID) this.paintGrid(context);
  }

  /** @param {CanvasRenderingContext2D} context */
  paintGrid(context) {
    const { x, y, scale, size, screen } = this.view;
    context.fillStyle = "rgb(128 128 128 / 35%)";
    for (let c = Math.max(0, Math.ceil(-x / scale)); c <= size[1] && c * scale + x < screen[1]; c++)
      context.fillRect(c * scale + x, Math.max(y, 0), 1, Math.min(size[0] * scale, screen[0]));
    for (let r = Math.max(0, Math.ceil(-y / scale)); r <= size[0] && r * scale + y < screen[0]; r++)
      context.fillRect(Math.max(x, 0), r * scale + y, Math.min(size[1] * scale, screen[1]), 1);
  }

  /** @param {number} factor @param {Point} [about] on the screen */
  zoom(factor, about) {
    this.view.zoom(factor, ...(about ?? []));
    this.shiftClicks();
  }

  fit() {
    this.view.fit();
    this.shiftClicks();
  }

  /** Zoom to a mask. @param {import("../types.js").Box} box */
  show(box) {
    this.view.show(box);
    this.shiftClicks();
  }

  /** Bring a mask or a place into sight. @param {import("../types.js").Box} box */
  reveal(box) {
    if (this.view.reveal(box)) this.shiftClicks();
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.view.pan(dx, dy);
    this.shiftClicks();
  }

  shiftClicks() {
    this.draw("over"); // the sheets see that the view moved
    this.dispatchEvent(new CustomEvent("moved"));
  }
}

customElements.define("am-image-canvas", ImageCanvas);
