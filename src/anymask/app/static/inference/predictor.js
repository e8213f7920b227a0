/** Runs the model on the open image: encodes it first, and drops requests that are no longer wanted. */
import { LOCAL_MODEL } from "../constants.js";
import { isLarge } from "../geometry/tiles.js";
import { OUT_OF_REACH } from "./image-pixels.js";
import { encodesHere } from "./manifest.js";

/** @typedef {import("./worker-client.js").ModelClient} ModelClient */
/** @typedef {import("./worker-client.js").Answer} Answer */
/** @typedef {import("./worker-client.js").Refining} Refining */
/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/**
 * @typedef {object} Embedder
 * @property {(image: string, model: string) => Promise<ArrayBuffer>} embedding
 * @property {(image: string) => string} [regions] address of regions of an image, if a server scales them
 * @property {import("../storage/on-server.js").ServerStorage["everything"]} [everything] by the server, if there is one
 */

/**
 * By what the worker knows an image: another one if its file was replaced.
 * @param {ImageInfo} image
 */
export function imageKey({ id, version }) {
  return version ? `${id}@${version}` : id;
}

/** @param {unknown} error @param {string} words */
const says = (error, words) => error instanceof Error && error.message.includes(words);

export class Predictor {
  /** @param {ModelClient} client @param {Embedder} storage of embeddings that the browser does not make */
  constructor(client, storage) {
    this.client = client;
    this.storage = storage;
    this.model = LOCAL_MODEL;
    /** @type {Map<string, Promise<import("./manifest.js").Manifest>>} */
    this.loading = new Map();
    /** By model and image: fulfilled when it is encoded. @type {Map<string, Promise<void>>} */
    this.encoded = new Map();
    this.previewing = false;
    /** @type {(() => void) | null} */
    this.nextPreview = null;
  }

  /** Load the model now, so that it is ready when an image opens. @param {string} [model] */
  load(model = this.model) {
    const known = this.loading.get(model);
    if (known) return known;
    const loading = this.client.load(model);
    this.loading.set(model, loading);
    loading.catch(() => this.loading.delete(model)); // the next question tries again
    return loading;
  }

  /**
   * Encode an image, once.
   * @param {ImageInfo} image
   * @param {Blob | Promise<Blob>} file
   * @returns {Promise<void>}
   */
  prepare(image, file) {
    const key = `${this.model} ${imageKey(image)}`;
    const known = this.encoded.get(key);
    if (known) return known;
    const ready = this.encode(this.model, image, file);
    this.encoded.set(key, ready);
    ready.catch(() => this.encoded.delete(key));
    return ready;
  }

  /** @param {string} model @param {ImageInfo} image @param {Blob | Promise<Blob>} file */
  async encode(model, image, file) {
    const loaded = this.load(model);
    // the local model runs here, so the image can be read while it loads
    if (model === LOCAL_MODEL || encodesHere(await loaded)) await this.encodeHere(model, image, file);
    else {
      const bytes = await this.storage.embedding(image.id, model);
      await this.client.receiveEmbedding(model, imageKey(image), bytes, [image.height, image.width]);
    }
    await loaded;
  }

  /**
   * Encode by what the server scales of a large image, else by the file.
   * @param {string} model @param {ImageInfo} image @param {Blob | Promise<Blob>} file
   */
  async encodeHere(model, image, file) {
    const encode = (/** @type {import("./image-pixels.js").Source} */ source) =>
      this.client.encode(model, imageKey(image), source);
    const address = isLarge(image) && this.storage.regions?.(image.id);
    if (!address) return encode(await file);
    return encode({ address, size: [image.height, image.width] }).catch(async (error) => {
      if (!says(error, OUT_OF_REACH)) throw error;
      return encode(await file);
    });
  }

  /**
   * @param {ImageInfo} image
   * @param {Blob | Promise<Blob>} file
   * @param {Clicks} clicks
   * @param {Runs | Float32Array | null} [base]
   * @param {Refining | null} [refining]
   * @returns {Promise<Answer>}
   */
  async predict(image, file, clicks, base = null, refining = null) {
    const { model } = this;
    await this.prepare(image, file);
    try {
      return await this.client.predict(model, imageKey(image), clicks, base, refining);
    } catch (error) {
      if (says(error, OUT_OF_REACH)) await this.client.encode(model, imageKey(image), await file);
      else if (says(error, "not encoded")) {
        this.encoded.delete(`${model} ${imageKey(image)}`); // dropped to make room for others
        await this.prepare(image, file);
      } else throw error;
      return this.client.predict(model, imageKey(image), clicks, base, refining);
    }
  }

  /**
   * Everything in an image that phrases name, by the text model of the static build.
   * @param {ImageInfo} image @param {Blob | Promise<Blob>} file @param {string[]} phrases
   * @param {(share: number) => void} step
   */
  async findWords(image, file, phrases, step) {
    const { model } = this;
    await this.prepare(image, file);
    return this.client.findWords(model, imageKey(image), phrases, step);
  }

  /**
   * Ask for a preview; while one is under way only the latest further wish counts.
   * @param {() => Promise<void>} work
   */
  async preview(work) {
    if (this.previewing) {
      this.nextPreview = () => this.preview(work);
      return;
    }
    this.previewing = true;
    try {
      await work();
    } catch {
      // a preview that fails is only a preview that is not shown
    }
    this.previewing = false;
    const next = this.nextPreview;
    this.nextPreview = null;
    next?.();
  }
}
