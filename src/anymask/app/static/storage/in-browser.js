/** Project, images and masks kept in this browser: the static build, without a server. */
import { t } from "../language.js";
import { LOCAL_MODEL, THUMBNAIL_SIDE } from "../constants.js";
import { PALETTE } from "../masks/colours.js";
import { fromCoco, toCoco } from "./coco.js";
import { ConflictError, RefusedError } from "./errors.js";
import { answered, finished, openDatabase } from "./indexed-db.js";

/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("../types.js").Label} Label */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").Project} Project */
/** @typedef {import("./on-server.js").Choice} Choice */
/** @typedef {import("./on-server.js").Imported} Imported */
/** @typedef {import("../types.js").Marks} Marks */
/**
 * @typedef {ImageInfo & {file?: string, blob?: Blob, added: number}} Kept `file` of a photo that came with the app
 */
/** @typedef {Mask & {image: string}} KeptMask */

const BUNDLED = "photos/photos.json";
const NONE = Object.freeze({ masks: 0, suggestions: 0 });

export class BrowserStorage {
  findsSimilar = false;
  reviews = false;
  tiles = false;
  findsWords = false;
  /** @type {[string, string][]} */
  formats = [["coco", "COCO (JSON)"]];

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
    const tags = new Set(Object.values(await this.marks()).flatMap((mark) => mark.tags ?? []));
    const sorted = [...tags].sort();
    return { name: t("In this browser"), labels: kept?.labels ?? [], models: [LOCAL_MODEL], tags: sorted };
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

  /**
   * @param {string | null} [after] there is one page only
   * @param {number} [limit]
   * @param {Choice} [choice]
   * @returns {Promise<{images: ImageInfo[], next: null}>}
   */
  async images(after = null, limit = Infinity, { search = "", show = "all", tag = "" } = {}) {
    /** @type {Kept[]} */
    const own = await answered((await this.store("images")).getAll());
    own.sort((a, b) => a.added - b.added);
    const [counts, marks] = [await this.counts(), await this.marks()];
    const images = [...(await this.photos()), ...own]
      .filter(({ id }) => !marks[id]?.removed)
      .map(({ id, name, width, height }) => ({
        id,
        name,
        width,
        height,
        ...(counts.get(id) ?? NONE),
        done: marks[id]?.done ?? false,
        tags: marks[id]?.tags ?? [],
      }))
      .filter((image) => image.name.toLowerCase().includes(search.toLowerCase()) && isShown(image, show))
      .filter(({ tags }) => !tag || tags.includes(tag));
    return { images: images.slice(0, limit), next: null };
  }

  /** @returns {Promise<Record<string, Marks>>} */
  async marks() {
    return (await answered((await this.store("facts")).get("marks")))?.marks ?? {};
  }

  /** Mark an image as done, or remove it from the list; its masks are kept. @param {string} id @param {Marks} mark */
  async mark(id, mark) {
    const marks = await this.marks();
    const changed = { name: "marks", marks: { ...marks, [id]: { ...marks[id], ...mark } } };
    await answered((await this.store("facts", "readwrite")).put(changed));
  }

  /** Masks and suggestions of each image. @returns {Promise<Map<string, {masks: number, suggestions: number}>>} */
  async counts() {
    const counts = new Map();
    /** @type {KeptMask[]} */
    const all = await answered((await this.store("masks")).getAll());
    for (const { image, deleted, suggested_by } of all) {
      if (deleted) continue;
      const one = counts.get(image) ?? { ...NONE };
      one[suggested_by ? "suggestions" : "masks"]++;
      counts.set(image, one);
    }
    return counts;
  }

  /** @param {string} id @returns {Promise<Kept>} */
  async image(id) {
    const kept =
      (await this.photos()).find((photo) => photo.id === id) ??
      (await answered((await this.store("images")).get(id)));
    if (!kept) throw new RefusedError(t("This image is no longer stored in this browser."), 404);
    const { masks } = (await this.counts()).get(id) ?? NONE;
    const { done = false, tags = [] } = (await this.marks())[id] ?? {};
    return { ...kept, masks, done, tags };
  }

  /** @param {File} file */
  async addImage(file) {
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new RefusedError(
        t("{name} is not an image that this browser can read.", { name: file.name }),
        422,
      );
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
    throw new RefusedError(t("Only the compact model runs without a server."), 404);
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

  /** All masks in COCO's form, the only one here. @returns {Promise<{name: string, blob: Blob, skipped: number}>} */
  async exported() {
    const [{ images }, { labels }] = [await this.images(), await this.project()];
    /** @type {KeptMask[]} */
    const all = await answered((await this.store("masks")).getAll());
    const coco = toCoco(
      images,
      labels,
      all.filter(({ deleted, suggested_by }) => !deleted && !suggested_by),
    );
    return {
      name: "anymask-coco.json",
      blob: new Blob([JSON.stringify(coco)], { type: "application/json" }),
      skipped: 0,
    };
  }

  /** Read masks from a COCO file of this app. @param {File} file @returns {Promise<Imported>} */
  async importMasks(file) {
    const { images } = await this.images();
    let found;
    try {
      found = fromCoco(JSON.parse(await file.text()), images);
    } catch {
      throw new RefusedError(t("{name} is not a COCO file with run-length masks.", { name: file.name }), 422);
    }
    const labels = await this.labelled(found.map(({ category }) => category));
    const total = { images: new Set(found.map(({ image }) => image)).size, masks: 0, known: 0, skipped: [] };
    for (const { image, category, size, counts } of found) {
      const label_id = labels.get(category ?? "") ?? null;
      const there = (await this.masks(image)).some(
        (mask) => mask.counts === counts && mask.label_id === label_id,
      );
      total[there ? "known" : "masks"]++;
      const mask = {
        id: crypto.randomUUID(),
        revision: 0,
        label_id,
        size,
        counts,
        score: null,
        prompts: null,
        model: null,
        seconds: 0,
      };
      if (!there) await this.saveMask(image, mask);
    }
    return total;
  }

  /** The ids of labels by name; those that are missing are made. @param {(string | null)[]} names */
  async labelled(names) {
    const { labels } = await this.project();
    const missing = [...new Set(names)].filter((name) => name && !labels.some((one) => one.name === name));
    const made = missing.map((name, i) => ({
      id: crypto.randomUUID(),
      name: String(name),
      color: PALETTE[(labels.length + i) % PALETTE.length],
    }));
    if (made.length) await this.saveLabels([...labels, ...made]);
    return new Map([...labels, ...made].map(({ id, name }) => [name, id]));
  }
}

/** @param {ImageInfo} image @param {string} show */
function isShown({ masks, suggestions = 0, done }, show) {
  const states = { all: true, todo: !done, done, empty: masks === 0, suggestions: suggestions > 0 };
  return Boolean(states[/** @type {keyof typeof states} */ (show)]);
}
