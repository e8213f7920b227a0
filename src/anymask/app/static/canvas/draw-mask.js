/** Draw a mask: filled, with a line along its edge. */
import { eachSegment, sampled } from "../masks/rle.js";
import { boxArea, clip } from "../geometry/boxes.js";

/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {{runs: Runs, box: Box}} Shape */
/**
 * @typedef {{fill: number, edge: number, gap?: number}} Ink little-endian RGBA; with `gap` the edge is dashed, in two colours
 */

const FILL = 0x73000000;
const FAINT = 0x40000000;
const OPAQUE = 0xff000000;
const EDGE = 0xf2000000;
/** Pixels at which a mask is painted, at most: to paint tens of millions would hold up the page for seconds. */
export const MOST_PAINTED = 8e6;
const DASHES = 120; // along the longest side of an image, so that they show at any zoom

/** @param {import("../masks/colours.js").Rgb} rgb @returns {Ink} */
export function ink([r, g, b]) {
  const colour = (b << 16) | (g << 8) | r;
  return { fill: (FILL | colour) >>> 0, edge: (EDGE | colour) >>> 0 };
}

/** For many masks at once: a clear edge, and a fill that lets the image through. @param {import("../masks/colours.js").Rgb} rgb @returns {Ink} */
export function faint([r, g, b]) {
  const colour = (b << 16) | (g << 8) | r;
  return { fill: (FAINT | colour) >>> 0, edge: (OPAQUE | colour) >>> 0 };
}

/** For what is not decided yet: an edge in black and white, which shows on bright and on dark images. @param {import("../masks/colours.js").Rgb} rgb @returns {Ink} */
export function dashed(rgb) {
  return { fill: ink(rgb).fill, edge: 0xffffffff, gap: 0xff000000 };
}

/**
 * Draw the part of a mask that lies in `region`.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context at the image's pixels
 * @param {Shape} shape @param {Size} size @param {Ink} colour @param {Box} [region]
 */
export function drawMask(context, shape, size, colour, region = shape.box) {
  const [x0, y0, x1, y1] = common(shape.box, region);
  if (x0 >= x1 || y0 >= y1) return;
  const step = Math.ceil(Math.sqrt(boxArea([x0, y0, x1, y1]) / MOST_PAINTED));
  if (step > 1) return drawSampled(context, shape, size, colour, [x0, y0, x1, y1], step);
  const canvas = stamp(shape, size, colour, [x0, y0, x1, y1]);
  context.drawImage(canvas, 0, 0, x1 - x0, y1 - y0, x0, y0, x1 - x0, y1 - y0);
}

/**
 * Draw every `step`th pixel of a part of a mask, each as large as `step` pixels.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {Shape} shape @param {Size} size @param {Ink} colour @param {Box} part @param {number} step
 */
function drawSampled(context, shape, size, colour, part, step) {
  const coarse = (/** @type {Box} */ box) =>
    /** @type {Box} */ (box.map((side, i) => (i < 2 ? Math.floor(side / step) : Math.ceil(side / step))));
  const some = sampled(shape.runs, size, step);
  const [x0, y0, x1, y1] = coarse(part);
  const canvas = stamp({ runs: some.runs, box: coarse(shape.box) }, some.size, colour, [x0, y0, x1, y1]);
  const [w, h] = [x1 - x0, y1 - y0];
  context.drawImage(canvas, 0, 0, w, h, x0 * step, y0 * step, w * step, h * step);
}

/**
 * Blend the part of a mask that lies in a region over the pixels of that region.
 * @param {Uint32Array} pixels little-endian RGBA, row by row @param {Box} region in the image
 * @param {Shape} shape @param {Size} size @param {Ink} colour
 */
export function blendMask(pixels, region, shape, size, colour) {
  const part = common(shape.box, region);
  if (part[0] < part[2] && part[1] < part[3]) paint(pixels, region, shape, size, colour, part);
}

/** One colour over another, neither of them premultiplied. @param {number} a @param {number} b */
function over(a, b) {
  const alpha = a >>> 24;
  const rest = (b >>> 24) * (255 - alpha); // 255 times its share, like all that follows
  const own = 255 * alpha;
  const sum = own + rest;
  if (!sum) return 0;
  const share = own / sum;
  const red = (a & 255) * share + (b & 255) * (1 - share) + 0.5;
  const green = ((a >>> 8) & 255) * share + ((b >>> 8) & 255) * (1 - share) + 0.5;
  const blue = ((a >>> 16) & 255) * share + ((b >>> 16) & 255) * (1 - share) + 0.5;
  return (((sum / 255 + 0.5) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** @param {Box} a @param {Box} b @returns {Box} */
const common = (a, b) => [
  Math.max(a[0], b[0]),
  Math.max(a[1], b[1]),
  Math.min(a[2], b[2]),
  Math.min(a[3], b[3]),
];

/** @type {OffscreenCanvas | null} */
let scratch = null;

/**
 * Paint a region of a mask into the shared scratch canvas, at its corner.
 * @param {Shape} shape
 * @param {Size} size
 * @param {Ink} colour
 * @param {Box} region
 */
function stamp(shape, size, colour, region) {
  const [x0, y0, x1, y1] = region;
  const w = x1 - x0;
  const h = y1 - y0;
  if (!scratch || scratch.width < w || scratch.height < h)
    scratch = new OffscreenCanvas(Math.max(w, scratch?.width ?? 0), Math.max(h, scratch?.height ?? 0));
  const context = scratch.getContext("2d");
  if (!context) throw new Error("the browser gives no canvas");
  const image = new ImageData(w, h);
  const pixels = new Uint32Array(image.data.buffer);
  paint(pixels, region, shape, size, colour, region);
  context.putImageData(image, 0, 0);
  return scratch;
}

/**
 * Paint a part of a mask over pixels of a region that holds it.
 * @param {Uint32Array} pixels @param {Box} region of the pixels
 * @param {Shape} shape @param {Size} size @param {Ink} colour @param {Box} part
 */
function paint(pixels, region, { runs, box }, size, colour, [x0, y0, x1, y1]) {
  // one pixel more on all sides, so that an edge is told from the border of the part
  const wide = clip([x0 - 1, y0 - 1, x1 + 1, y1 + 1], size);
  const bits = bitsIn(runs, size[0], wide, box);
  const stride = wide[2] - wide[0];
  const dash = Math.max(2, Math.round(Math.max(...size) / DASHES));
  const { fill, edge, gap = edge } = colour;
  for (let y = y0; y < y1; y++) {
    let i = (y - wide[1]) * stride + x0 - wide[0];
    let at = (y - region[1]) * (region[2] - region[0]) + x0 - region[0];
    const between = y > 0 && y < size[0] - 1;
    for (let x = x0; x < x1; x++, i++, at++) {
      if (!bits[i]) continue;
      const inner =
        between &&
        x > 0 &&
        x < size[1] - 1 &&
        bits[i - 1] &&
        bits[i + 1] &&
        bits[i - stride] &&
        bits[i + stride];
      const value = inner ? fill : Math.floor((x + y) / dash) % 2 ? gap : edge;
      pixels[at] = pixels[at] ? over(value, pixels[at]) : value;
    }
  }
}

/**
 * Bits of a mask in a region, row by row.
 * @param {Runs} runs
 * @param {number} height
 * @param {Box} region
 * @param {Box} held the mask's box
 */
function bitsIn(runs, height, [x0, y0, x1, y1], held) {
  const w = x1 - x0;
  const bits = new Uint8Array(w * (y1 - y0));
  if (held[0] >= x1 || held[2] <= x0) return bits;
  eachSegment(runs, height, (x, top, bottom) => {
    if (x < x0 || x >= x1) return;
    const end = Math.min(bottom, y1) - y0;
    for (let y = Math.max(top, y0) - y0, at = y * w + x - x0; y < end; y++, at += w) bits[at] = 1;
  });
  return bits;
}
