/** Asks the model about the open picture: makes sure it is encoded, and drops questions nobody waits for. */
import { encodesHere } from "./manifest.js";

/** @typedef {import("./worker-client.js").ModelClient} ModelClient */
/** @typedef {import("./worker-client.js").Answer} Answer */
/** @typedef {import("./worker-client.js").Closer} Closer */
/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {{embedding(image: string, model: string): Promise<ArrayBuffer>}} Embedder */

/** The model that comes with the app. */
export const LOCAL_MODEL = "compact";

export class Assistant {
  /** @param {ModelClient} client @param {Embedder} source of embeddings that the browser does not make */
  constructor(client, source) {
    this.client = client;
    this.source = source;
    this.model = LOCAL_MODEL;
    /** @type {Map<string, Promise<import("./manifest.js").Manifest>>} */
    this.loading = new Map();
    /** By model and picture: fulfilled when it can be asked about. @type {Map<string, Promise<void>>} */
    this.encoded = new Map();
    this.peeking = false;
    /** @type {(() => void) | null} */
    this.nextPeek = null;
  }

  /** Load the model now, so that it is there when a picture opens. @param {string} [model] */
  load(model = this.model) {
    const known = this.loading.get(model);
    if (known) return known;
    const loading = this.client.load(model);
    this.loading.set(model, loading);
    loading.catch(() => this.loading.delete(model)); // the next question tries again
    return loading;
  }

  /** Make a picture ready to be asked about. @param {Picture} picture @param {Blob | Promise<Blob>} file @returns {Promise<void>} */
  prepare(picture, file) {
    const key = `${this.model} ${picture.id}`, known = this.encoded.get(key);
    if (known) return known;
    const ready = this.encode(this.model, picture, file);
    this.encoded.set(key, ready);
    ready.catch(() => this.encoded.delete(key));
    return ready;
  }

  /** @param {string} model @param {Picture} picture @param {Blob | Promise<Blob>} file */
  async encode(model, picture, file) {
    const loaded = this.load(model);
    // ours runs here, so that its picture is read while it loads
    if (model === LOCAL_MODEL || encodesHere(await loaded)) await this.client.encode(model, picture.id, await file);
    else {
      const bytes = await this.source.embedding(picture.id, model);
      await this.client.receiveEmbedding(model, picture.id, bytes, [picture.height, picture.width]);
    }
    await loaded;
  }

  /** @param {Picture} picture @param {Blob | Promise<Blob>} file @param {Clicks} clicks @param {Runs | Float32Array | null} [base] @param {Closer | null} [closer] @returns {Promise<Answer>} */
  async ask(picture, file, clicks, base = null, closer = null) {
    const { model } = this;
    await this.prepare(picture, file);
    try {
      return await this.client.ask(model, picture.id, clicks, base, closer);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes("not encoded")) throw error;
      this.encoded.delete(`${model} ${picture.id}`); // dropped to make room for others
      await this.prepare(picture, file);
      return this.client.ask(model, picture.id, clicks, base, closer);
    }
  }

  /** Ask for a preview; while one is under way only the latest further wish counts. @param {() => Promise<void>} work */
  async peek(work) {
    if (this.peeking) {
      this.nextPeek = () => this.peek(work);
      return;
    }
    this.peeking = true;
    try {
      await work();
    } catch {
      // a preview that fails is only a preview that is not shown
    }
    this.peeking = false;
    const next = this.nextPeek;
    this.nextPeek = null;
    next?.();
  }
}
