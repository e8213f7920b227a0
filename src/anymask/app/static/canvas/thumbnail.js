/** A mask on its image, small: in lists, in results and in conflicts. */
import { drawMask } from "./draw-mask.js";

/** @typedef {import("./draw-mask.js").Ink} Ink */
/** @typedef {import("./draw-mask.js").Shape} Shape */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Size} Size */

const MARGIN = 0.15; // around a mask, by its longest side

/**
 * Draw a region of an image and the masks on it.
 * @param {HTMLCanvasElement} canvas gets the proportions of the region, `side` pixels along the longest side
 * @param {CanvasImageSource | null} image the whole image at any scale
 * @param {Size} size of the image in pixels
 * @param {{shape: Shape, ink: Ink}[]} masks
 * @param {{side: number, region?: Box}} how by default the whole image
 */
export function drawThumbnail(canvas, image, size, masks, { side, region = [0, 0, size[1], size[0]] }) {
  const [x0, y0, x1, y1] = region;
  const scale = side / Math.max(x1 - x0, y1 - y0);
  canvas.width = Math.max(1, Math.round((x1 - x0) * scale));
  canvas.height = Math.max(1, Math.round((y1 - y0) * scale));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.scale(scale, scale);
  context.translate(-x0, -y0);
  if (image) context.drawImage(image, 0, 0, size[1], size[0]);
  for (const { shape, ink } of masks) drawMask(context, shape, size, ink);
}

/** A square around a mask, as far as the image reaches. @param {Box} box @param {Size} size @returns {Box} */
export function around([x0, y0, x1, y1], [h, w]) {
  const half = (Math.max(x1 - x0, y1 - y0) * (1 + 2 * MARGIN)) / 2 + 2;
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return [
    Math.max(0, Math.floor(x - half)),
    Math.max(0, Math.floor(y - half)),
    Math.min(w, Math.ceil(x + half)),
    Math.min(h, Math.ceil(y + half)),
  ];
}
