/** Project, images and masks kept in this browser: the static build, without a server. */
import { LOCAL_MODEL, NO_LABEL, THUMBNAIL_SIDE } from "../constants.js";
import { fromString, area, box } from "../masks/rle.js";
import { ConflictError, RefusedError } from "./errors.js";
import { answered, finished, openDatabase } from "./indexed-db.js";

/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("../types.js").Label} Label */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").Project} Project */
/**
 * @typedef {ImageInfo & {file?: string, blob?: Blob, added: number}} Kept `file` of a photo that came with the app
 */
/** @typedef {Mask & {image: string}} KeptMask */

const BUNDLED = "photos/photos.json";

export class BrowserStorage {
  findsSimilar = false;

  constructor() {
    this.database = openDatabase("project", { images: "id", masks: ["image", "id"], facts: "name" });
    /** @type {Promise<Kept[]> | null} */
    this.bundled = null;
  }

  /** @param {string} name @param {IDBTransactionMode} [mode] */
  async store(name, mode = "readonly") {
    return (await this.database).transaction(name, mode).objectStore(name);
  }

  /** @returns {Promise<Project>} */
  async project() {
    const kept = await answered((await this.store("facts")).get("labels"));
    return { name: "In this browser", labels: kept?.labels ?? [], models: [LOCAL_MODEL] };
  }

  /** @param {Label[]} labels */
  async saveLabels(labels) {
    await answered((await this.store("facts", "readwrite")).put({ name: "labels", labels }));
  }

  /** @returns {Promise<Kept[]>} */
  photos() {
    this.bundled ??= fetch(new URL(BUNDLED, document.baseURI)).then((answer) => answer.json());
    return this.bundled;
  }

  /** @returns {Promise<{images: ImageInfo[], next: null}>} */
  async images() {
    /** @type {Kept[]} */
    const own = await answered((await this.store("images")).getAll());
    own.sort((a, b) => a.added - b.added);
    const counts = await this.counts();
    const images = [...(await this.photos()), ...own].map(({ id, name, width, height }) => ({
      id,
      name,
      width,
      height,
      masks: counts.get(id) ?? 0,
    }));
    return { images, next: null };
  }

  async counts() {
    const counts = new Map();
    /** @type {KeptMask[]} */
    const all = await answered((await this.store("masks")).getAll());
    for (const mask of all) if (!mask.deleted) counts.set(mask.image, (counts.get(mask.image) ?? 0) + 1);
    return counts;
  }

  /** @param {string} id @returns {Promise<Kept>} */
  async image(id) {
    const kept =
      (await this.photos()).find((photo) => photo.id === id) ??
      (await answered((await this.store("images")).get(id)));
    if (!kept) throw new RefusedError("This image is no longer stored in this browser.", 404);
    return kept;
  }

  /** @param {File} file */
  async addImage(file) {
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new RefusedError(`${file.name} is not an image that this browser can read.`, 422);
    });
    const { width, height } = bitmap;
    bitmap.close();
    const kept = {
      id: crypto.randomUUID(),
      name: file.name,
      width,
      height,
      masks: 0,
      added: Date.now(),
      blob: file,
    };
    await answered((await this.store("images", "readwrite")).put(kept));
  }

  /** @param {string} id @returns {Promise<Blob>} */
  async file(id) {
    const kept = await this.image(id);
    return kept.blob ?? (await fetch(new URL(`photos/${kept.file}`, document.baseURI))).blob();
  }

  /** @param {ImageInfo} image @returns {Promise<string>} */
  async thumb({ id, width, height }) {
    const kept = await this.image(id);
    if (kept.file) return new URL(`photos/${kept.file}`, document.baseURI).href;
    const resizeWidth = Math.max(1, Math.round((width * THUMBNAIL_SIDE) / Math.max(width, height)));
    const bitmap = await createImageBitmap(await this.file(id), { resizeWidth, resizeQuality: "medium" });
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    return URL.createObjectURL(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 }));
  }

  /** @returns {Promise<ArrayBuffer>} */
  async embedding() {
    throw new RefusedError("Only the compact model runs without a server.", 404);
  }

  /** @param {string} id @returns {Promise<KeptMask[]>} */
  async masks(id) {
    const range = IDBKeyRange.bound([id], [id, []]);
    /** @type {KeptMask[]} */
    const all = await answered((await this.store("masks")).getAll(range));
    return all.filter((mask) => !mask.deleted);
  }

  /** @param {string} image @param {Mask} mask @returns {Promise<{revision: number}>} */
  async saveMask(image, mask) {
    const store = await this.store("masks", "readwrite");
    /** @type {KeptMask | undefined} */
    const current = await answered(store.get([image, mask.id]));
    if ((current?.revision ?? 0) !== mask.revision) throw new ConflictError(/** @type {Mask} */ (current));
    const revision = mask.revision + 1;
    store.put({ ...mask, image, revision, time: new Date().toISOString() });
    await finished(store.transaction);
    return { revision };
  }

  /** All masks in COCO's form. @returns {Promise<{name: string, blob: Blob}>} */
  async exported() {
    const [{ images }, { labels }] = [await this.images(), await this.project()];
    const numbers = new Map(images.map(({ id }, i) => [id, i + 1]));
    const kinds = new Map(labels.map(({ id }, i) => [id, i + 1]));
    /** @type {KeptMask[]} */
    const masks = (await answered((await this.store("masks")).getAll())).filter(
      (/** @type {Mask} */ m) => !m.deleted,
    );
    const coco = {
      images: images.map(({ id, name, width, height }) => ({
        id: numbers.get(id),
        file_name: name,
        width,
        height,
      })),
      categories: [{ id: 0, name: NO_LABEL }, ...labels.map(({ id, name }) => ({ id: kinds.get(id), name }))],
      annotations: masks.map((mask, i) => annotation(mask, i + 1, numbers.get(mask.image), kinds)),
    };
    return {
      name: "anymask-coco.json",
      blob: new Blob([JSON.stringify(coco)], { type: "application/json" }),
    };
  }
}

/**
 * @param {KeptMask} mask
 * @param {number} id
 * @param {number | undefined} image
 * @param {Map<string, number>} kinds
 */
function annotation(mask, id, image, kinds) {
  const runs = fromString(mask.counts);
  const [x0, y0, x1, y1] = box(runs, mask.size);
  return {
    id,
    image_id: image,
    category_id: kinds.get(mask.label_id ?? "") ?? 0,
    iscrowd: 0,
    area: area(runs),
    bbox: [x0, y0, x1 - x0, y1 - y0],
    segmentation: { size: mask.size, counts: mask.counts },
  };
}
