/** The pixels of an image, at the sizes that models take: from its file, or of a large one from the server. */
import { cropPixels } from "../geometry/crops.js";
import { sizeOf } from "../geometry/boxes.js";
import { resizeToRgb } from "../geometry/resize.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {{rgba: Uint8ClampedArray, size: Size}} Pixels */
/** @typedef {{address: string, size: Size}} Served where the server gives regions of a large image */
/** @typedef {Blob | Served} Source an image file, or the image on the server */
/**
 * @typedef {{size: Size, rgb(region: Box | null, wanted: Size): Promise<Uint8Array>}} Scaled
 *   `rgb` gives a region, or the whole image, at another size, 3 bytes each pixel
 */

/** What the error of a region says that the server did not give; its file may be here. */
export const OUT_OF_REACH = "the server does not give the pixels";

/** @param {Source} source @returns {Promise<Scaled>} */
export async function openPixels(source) {
  return source instanceof Blob ? decoded(await readPixels(source)) : served(source);
}

/** @param {Pixels} pixels @returns {Scaled} */
export const decoded = ({ rgba, size }) => ({
  size,
  rgb: async (region, wanted) =>
    region
      ? resizeToRgb(cropPixels(rgba, size, region), sizeOf(region), wanted)
      : resizeToRgb(rgba, size, wanted),
});

/** @param {Served} source @returns {Scaled} */
const served = ({ address, size }) => ({
  size,
  async rgb(region, wanted) {
    const box = region ?? [0, 0, size[1], size[0]];
    const answer = await fetch(`${address}?region=${box}&size=${wanted}`).catch(() => null);
    if (!answer?.ok) throw new Error(OUT_OF_REACH);
    const { rgba } = await readPixels(await answer.blob());
    return resizeToRgb(rgba, wanted, wanted);
  },
});

/**
 * The pixels of an image file, blended over white where transparent, as in Python.
 * @param {Blob} file
 * @returns {Promise<Pixels>}
 */
export async function readPixels(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("the browser gives no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const size = /** @type {Size} */ ([bitmap.height, bitmap.width]);
  bitmap.close();
  return { rgba: data, size };
}
