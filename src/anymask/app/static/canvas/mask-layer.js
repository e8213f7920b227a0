/**
 * Finished masks, drawn once on a canvas of the image's size. A change repaints only its own region, so
 * that a click takes as long with a thousand masks on the image as with none.
 */
import { around, meet } from "../geometry/boxes.js";
import { byDepth } from "../state/open-image.js";
import { drawMask } from "./draw-mask.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("./draw-mask.js").Ink} Ink */
/** @typedef {import("./draw-mask.js").Shape & {id: string, depth?: number}} Item */

export class MaskLayer {
  /** @param {Size} size @param {(id: string) => Ink | null} inkOf null for a mask that is not shown */
  constructor([h, w], inkOf) {
    /** @type {Size} */
    this.size = [h, w];
    this.inkOf = inkOf;
    this.canvas = new OffscreenCanvas(w, h);
    this.context = /** @type {OffscreenCanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    /** @type {Map<string, Item>} */
    this.items = new Map();
  }

  /**
   * Bring the layer to these masks, of which only the ones named differ from before.
   * @param {Map<string, Item>} items in their order @param {string[]} changed
   */
  update(items, changed) {
    /** @type {Box[]} */
    const stale = [];
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
    if (stale.length === 0 && !deep)
      for (const item of fresh) this.draw(item); // on top of all others
    else this.repaint([...stale, ...fresh.map((item) => item.box)].reduce(around, [0, 0, 0, 0]));
  }

  /** Draw all anew. @param {Map<string, Item>} items */
  reset(items) {
    this.items = new Map([...items].filter(([id]) => this.inkOf(id)));
    this.repaint([0, 0, this.size[1], this.size[0]]);
  }

  /** @param {Box} region */
  repaint(region) {
    const [x0, y0, x1, y1] = region;
    this.context.clearRect(x0, y0, x1 - x0, y1 - y0);
    for (const item of this.items.values()) if (meet(item.box, region)) this.draw(item, region);
  }

  /** @param {Item} item @param {Box} [region] */
  draw(item, region) {
    const ink = this.inkOf(item.id);
    if (ink) drawMask(this.context, item, this.size, ink, region);
  }
}
