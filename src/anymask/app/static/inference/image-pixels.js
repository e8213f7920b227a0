/** Decode an image file into pixels. */

/** @typedef {import("../types.js").Size} Size */
/** @typedef {{rgba: Uint8ClampedArray, size: Size}} Pixels */

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
