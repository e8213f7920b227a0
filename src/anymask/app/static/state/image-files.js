/** The files of images, requested once: those opened last stay, those opened next come early. */
import { isLarge } from "../geometry/tiles.js";
import { imageKey } from "../inference/predictor.js";

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {{file: Promise<Blob>, bitmap: Promise<ImageBitmap> | null, pixels: number}} Kept */

const MOST_IMAGES = 8;
const MOST_PIXELS = 64e6; // of decoded images, 4 bytes each

export class ImageFiles {
  /** @param {{file(id: string): Promise<Blob>}} storage */
  constructor(storage) {
    this.storage = storage;
    /** By image and version of its file, the one used last at the end. @type {Map<string, Kept>} */
    this.kept = new Map();
  }

  /** @param {ImageInfo} image @returns {Promise<Blob>} */
  file(image) {
    return this.entry(image).file;
  }

  /**
   * The decoded image. It is shared and never closed: what is dropped here may still be on the screen.
   * @param {ImageInfo} image @returns {Promise<ImageBitmap>}
   */
  bitmap(image) {
    const entry = this.entry(image);
    entry.bitmap ??= entry.file.then((file) => createImageBitmap(file, { colorSpaceConversion: "none" }));
    this.shrink();
    return entry.bitmap;
  }

  /** @param {ImageInfo} image @returns {Kept} */
  entry(image) {
    const key = imageKey(image);
    const known = this.kept.get(key);
    this.kept.delete(key);
    const entry = known ?? {
      file: this.storage.file(image.id),
      bitmap: null,
      pixels: image.width * image.height,
    };
    this.kept.set(key, entry);
    if (!known) entry.file.catch(() => this.kept.get(key) === entry && this.kept.delete(key)); // try again
    this.shrink();
    return entry;
  }

  /** Drop what was used longest ago; never the image used last. */
  shrink() {
    let pixels = 0;
    let count = 0;
    for (const [key, entry] of [...this.kept].reverse()) {
      pixels += entry.bitmap ? entry.pixels : 0;
      count++;
      if (count > 1 && (count > MOST_IMAGES || pixels > MOST_PIXELS)) this.kept.delete(key);
    }
  }
}

/**
 * Where the pixels of an image come from: tiles of a server for a large one, else its file.
 * @param {{files: ImageFiles, storage: {tiles: boolean, tile?: (id: string, tile: import("../geometry/tiles.js").Tile) => Promise<Blob>}}} app
 * @param {ImageInfo} image
 */
export function pixelsOf({ files, storage }, image) {
  const byTiles = storage.tiles && isLarge(image);
  return {
    bitmap: () => files.bitmap(image),
    tile: byTiles
      ? (/** @type {import("../geometry/tiles.js").Tile} */ tile) =>
          /** @type {{tile: (id: string, tile: any) => Promise<Blob>}} */ (storage).tile(image.id, tile)
      : null,
  };
}
