/**
 * Finished masks, drawn once on a canvas of the image's size. A change repaints only its own region, so
 * that a click takes as long with a thousand masks on the image as with none.
 */
import { apart, boxArea, clip, meet, sizeOf } from "../geometry/boxes.js";
import { byDepth } from "../state/open-image.js";
import { blendMask, drawMask } from "./draw-mask.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("./draw-mask.js").Ink} Ink */
/** @typedef {import("./draw-mask.js").Shape & {id: string, depth?: number}} Item */

const MOST = 16e6; // pixels of the layer
const MOST_BLENDED = 2e6; // pixels of a region that are blended here, which is faster than by the canvas

export class MaskLayer {
  /** @param {Size} size @param {(id: string) => Ink | null} inkOf null for a mask that is not shown */
  constructor([h, w], inkOf) {
    /** @type {Size} */
    this.size = [h, w];
    this.inkOf = inkOf;
    /** Pixels of the layer by pixel of the image: 1, less for large images. */
    this.ratio = Math.min(1, Math.sqrt(MOST / (h * w)));
    this.canvas = new OffscreenCanvas(Math.ceil(w * this.ratio), Math.ceil(h * this.ratio));
    this.context = /** @type {OffscreenCanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.context.scale(this.canvas.width / w, this.canvas.height / h);
    /** @type {Map<string, Item>} */
    this.items = new Map();
    /** By what ink each mask was drawn. @type {Map<string, Ink>} */
    this.inks = new Map();
  }

  /** Bring a layer that was kept to the masks as they are now. @param {Map<string, Item>} items */
  renew(items) {
    if (!this.items.size) return this.reset(items);
    const ids = new Set([...this.items.keys(), ...items.keys()]);
    this.update(
      items,
      [...ids].filter((id) => !this.shows(id, items.get(id))),
    );
  }

  /** Whether the layer shows a mask as it is now. @param {string} id @param {Item | undefined} item */
  shows(id, item) {
    const before = this.items.get(id);
    const ink = item && this.inkOf(id);
    if (!before || !ink) return !before && !ink;
    const drawn = this.inks.get(id);
    const alike = drawn?.fill === ink.fill && drawn.edge === ink.edge && drawn.gap === ink.gap;
    return alike && (before.depth ?? 0) === (item.depth ?? 0) && sameRuns(before.runs, item.runs);
  }

  /**
   * Bring the layer to these masks, of which only the ones named differ from before.
   * @param {Map<string, Item>} items in their order @param {string[]} changed
   * @returns {Box[]} the regions that look different now
   */
  update(items, changed) {
    /** @type {Box[]} */
    const stale = [];
    /** @type {Item[]} */
    const fresh = [];
    for (const id of new Set(changed)) {
      const before = this.items.get(id);
      const after = items.get(id);
      const shown = after && this.inkOf(id) ? after : null;
      if (before) stale.push(before.box);
      this.items.delete(id);
      if (shown) {
        this.items.set(id, shown);
        fresh.push(shown);
      }
    }
    const deep = [...this.items.values()].some(({ depth }) => depth);
    if (deep) this.items = new Map(byDepth([...this.items.values()]).map((item) => [item.id, item]));
    const regions = apart([...stale, ...fresh.map((item) => item.box)]);
    if (stale.length === 0 && !deep)
      for (const item of fresh) this.draw(item); // on top of all others
    else for (const region of regions) this.repaint(region);
    return regions;
  }

  /** Draw all anew. @param {Map<string, Item>} items */
  reset(items) {
    this.items = new Map([...items].filter(([id]) => this.inkOf(id)));
    this.repaint([0, 0, this.size[1], this.size[0]]);
  }

  /** @param {Box} region */
  repaint(region) {
    const [x0, y0, x1, y1] = region;
    const { context, ratio } = this;
    const there = [...this.items.values()].filter(({ box }) => meet(box, region));
    if (ratio === 1 && boxArea(region) <= MOST_BLENDED) return this.blend(there, region);
    if (ratio === 1) context.clearRect(x0, y0, x1 - x0, y1 - y0);
    else this.clearWhole(region);
    for (const item of there) this.draw(item, ratio === 1 ? region : undefined);
    if (ratio < 1) context.restore();
  }

  /** @param {Item[]} items @param {Box} region */
  blend(items, region) {
    const [height, width] = sizeOf(region);
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (const item of items) this.draw(item, region, pixels);
    this.context.putImageData(image, region[0], region[1]);
  }

  /** Clear the whole pixels of a reduced layer that a region touches; only they are drawn on until `restore`. @param {Box} region */
  clearWhole(region) {
    const { context, ratio } = this;
    const [x0, y0, x1, y1] = region.map((value) => value * ratio);
    const [left, top] = [Math.floor(x0) - 1, Math.floor(y0) - 1];
    const [width, height] = [Math.ceil(x1) + 1 - left, Math.ceil(y1) + 1 - top];
    const scale = context.getTransform();
    context.save();
    context.resetTransform();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.clearRect(left, top, width, height);
    context.setTransform(scale);
  }

  /**
   * Draw masks anew, in full: for a view that is finer than the layer.
   * @param {CanvasRenderingContext2D} context in screen pixels @param {import("../geometry/viewport.js").Viewport} view
   * @param {Box} part of the image that is drawn
   */
  drawIn(context, view, part) {
    const seen = clip(part, this.size);
    context.save();
    context.translate(view.x, view.y);
    context.scale(view.scale, view.scale);
    for (const item of this.items.values()) {
      const ink = meet(item.box, seen) && this.inkOf(item.id);
      if (ink) drawMask(context, item, this.size, ink, seen);
    }
    context.restore();
  }

  /** @param {Item} item @param {Box} [region] @param {Uint32Array} [pixels] of the region, else the layer's */
  draw(item, region, pixels) {
    const ink = this.inkOf(item.id);
    if (ink) this.inks.set(item.id, ink);
    if (ink && region && pixels) blendMask(pixels, region, item, this.size, ink);
    else if (ink) drawMask(this.context, item, this.size, ink, region);
  }
}

/** @param {import("../types.js").Runs} a @param {import("../types.js").Runs} b */
const sameRuns = (a, b) => a === b || (a.length === b.length && a.every((run, i) => run === b[i]));

const MOST_KEPT = 32e6; // pixels of kept layers, 4 bytes each

/** The layers of the images opened last, so that an image that is opened again is not drawn again. */
export class KeptLayers {
  /** The one used last at the end. @type {Map<string, MaskLayer>} */
  kept = new Map();

  /** @param {string} key of the image @param {Size} size @returns {MaskLayer} */
  of(key, size) {
    const layer = this.kept.get(key) ?? new MaskLayer(size, () => null);
    this.kept.delete(key);
    this.kept.set(key, layer);
    let pixels = 0;
    for (const [other, { canvas }] of [...this.kept].reverse()) {
      pixels += canvas.width * canvas.height;
      if (other !== key && pixels > MOST_KEPT) this.kept.delete(other);
    }
    return layer;
  }
}
