/**
 * What lies over the image and its finished masks: the selected mask, previews, candidates, prompts, the
 * tool.
 */
import { toRgb, PALETTE } from "../masks/colours.js";
import { dashed, drawMask, faint, ink, MOST_PAINTED } from "./draw-mask.js";

/** @typedef {import("../state/editor.js").Editor} Editor */
/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Candidate} Candidate */
/** @typedef {import("./draw-mask.js").Shape} Shape */
/** @typedef {{bits: Uint8Array, box: Box | null, touched: Box, id: string | null}} Stroke */

const GHOST = dashed([20, 184, 166]); // dashed in black and white over a tint: seen on any image
const SOLID = { fill: 0xff000000, edge: 0xff000000 };
const RADIUS = 7; // of a prompt, screen pixels

export class Overlay {
  /** @param {Editor} editor @param {(id: string) => string} colourOf */
  constructor(editor, colourOf) {
    this.editor = editor;
    this.colourOf = colourOf;
    /** What a click would give. @type {Shape | null} */
    this.preview = null;
    /** A place under the keys, in image pixels. @type {[number, number] | null} */
    this.cursor = null;
    this.size = editor.openImage.size;
    /** @type {{shape: Shape, key: string, canvas: OffscreenCanvas} | null} */
    this.picked = null;
    /** @type {OffscreenCanvas | null} */
    this.found = null;
    /** @type {OffscreenCanvas | null} */
    this.painting = null;
  }

  blank() {
    return new OffscreenCanvas(this.size[1], this.size[0]);
  }

  /** Candidates of "everything". @param {Candidate[]} some */
  show(some) {
    if (!some.length) {
      this.found = null;
      return;
    }
    this.found ??= this.blank();
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (this.found.getContext("2d"));
    context.clearRect(0, 0, this.size[1], this.size[0]);
    some
      .toSorted((a, b) => b.area - a.area)
      .forEach((one, i) => {
        context.globalCompositeOperation = "destination-out"; // the smallest mask alone tints a pixel
        drawMask(context, one, this.size, SOLID);
        context.globalCompositeOperation = "source-over";
        drawMask(context, one, this.size, faint(toRgb(PALETTE[i % PALETTE.length])));
      });
  }

  /** A stroke under way; null at its end. @param {Stroke | null} stroke */
  stroke(stroke) {
    if (!stroke) {
      this.painting = null;
      return;
    }
    const fresh = !this.painting;
    this.painting ??= this.blank();
    const { touched, box, bits, id } = stroke;
    const [x0, y0, x1, y1] = (fresh && box) || touched;
    if (x0 >= x1 || y0 >= y1) return;
    const image = new ImageData(x1 - x0, y1 - y0);
    const pixels = new Uint32Array(image.data.buffer);
    const { edge } = ink(toRgb(this.colourOf(id ?? "")));
    for (let y = y0, at = 0; y < y1; y++)
      for (let x = x0; x < x1; x++, at++) if (bits[y * this.size[1] + x]) pixels[at] = edge;
    this.painting.getContext("2d")?.putImageData(image, x0, y0);
  }

  /** @param {CanvasRenderingContext2D} context in screen pixels @param {Viewport} view */
  paint(context, view) {
    const { item, settings, tool } = this.editor;
    const onImage = (/** @type {CanvasImageSource} */ source, /** @type {Box} */ [x0, y0, x1, y1]) =>
      context.drawImage(
        source,
        view.x + x0 * view.scale,
        view.y + y0 * view.scale,
        (x1 - x0) * view.scale,
        (y1 - y0) * view.scale,
      );
    const whole = /** @type {Box} */ ([0, 0, this.size[1], this.size[0]]);
    context.imageSmoothingEnabled = view.scale < 3;
    context.globalAlpha = settings.opacity;
    if (this.found) onImage(this.found, whole);
    if (this.painting) {
      context.globalAlpha = 0.6;
      onImage(this.painting, whole);
    } else if (item) {
      const how = { open: this.isOpen(item), hollow: settings.outlineOnly };
      onImage(this.cut(item, this.colourOf(item.id), how), item.box);
    }
    context.globalAlpha = 0.85;
    if (this.preview && !item) onImage(this.cut(this.preview, ""), this.preview.box);
    context.globalAlpha = 1;
    if (item || this.editor.draft) this.paintPrompts(context, view);
    tool?.draw(context, view);
    if (this.cursor) paintCross(context, ...view.toScreen(...this.cursor));
  }

  /** Whether a mask is not decided yet: a suggestion, or one that is refined now. @param {{id: string, suggestedBy?: string | null}} item */
  isOpen({ id, suggestedBy }) {
    return this.editor.refined === id || Boolean(suggestedBy);
  }

  /**
   * One mask on a canvas of its own, drawn once; "" for the colour of previews.
   * @param {Shape} shape
   * @param {string} colour
   * @param {{open: boolean, hollow: boolean}} [how] with a dashed edge, without a fill
   */
  cut(shape, colour, { open, hollow } = { open: false, hollow: false }) {
    const { picked } = this;
    const key = [colour, open, hollow].join(" ");
    if (picked?.shape !== shape || picked.key !== key) {
      const [x0, y0, x1, y1] = shape.box;
      const [w, h] = [Math.max(x1 - x0, 1), Math.max(y1 - y0, 1)];
      const ratio = Math.min(1, Math.sqrt(MOST_PAINTED / (w * h)));
      const canvas = new OffscreenCanvas(Math.ceil(w * ratio), Math.ceil(h * ratio));
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.scale(canvas.width / w, canvas.height / h);
      context.translate(-x0, -y0);
      const ink = open ? dashed(toRgb(colour)) : strong(colour);
      const full = colour ? ink : GHOST;
      drawMask(context, shape, this.size, hollow ? { ...full, fill: 0 } : full);
      this.picked = { shape, key, canvas };
      return canvas;
    }
    return picked.canvas;
  }

  /** @param {CanvasRenderingContext2D} context @param {Viewport} view */
  paintPrompts(context, view) {
    const clicks = this.editor.draft?.clicks ?? this.editor.item?.clicks;
    if (!clicks) return;
    clicks.points.forEach((point, i) =>
      paintPoint(context, ...view.toScreen(...point), clicks.labels[i] === 1),
    );
    if (!clicks.box) return;
    const [x0, y0] = view.toScreen(clicks.box[0], clicks.box[1]);
    const [x1, y1] = view.toScreen(clicks.box[2], clicks.box[3]);
    context.lineWidth = 1;
    context.strokeStyle = "rgb(255 255 255 / 75%)";
    context.setLineDash([3, 3]);
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    context.setLineDash([]);
  }
}

/** The colours of the selected mask: its own, under a white edge. @param {string} colour */
function strong(colour) {
  return { fill: ink(toRgb(colour)).fill, edge: 0xffffffff };
}

/**
 * A plus for what is in, a minus for what is out: told apart by more than colour.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {boolean} inside
 */
function paintPoint(context, x, y, inside) {
  context.beginPath();
  context.arc(x, y, RADIUS, 0, 2 * Math.PI);
  context.fillStyle = inside ? "#047857" : "#b91c1c";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = "#fff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - 3, y);
  context.lineTo(x + 3, y);
  if (inside) {
    context.moveTo(x, y - 3);
    context.lineTo(x, y + 3);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y */
function paintCross(context, x, y) {
  for (const [colour, width] of /** @type {[string, number][]} */ ([
    ["rgb(0 0 0 / 70%)", 4],
    ["#fff", 1.5],
  ])) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.stroke();
  }
}
