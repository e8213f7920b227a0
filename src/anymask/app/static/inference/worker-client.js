/** The page's side of the worker: every call is a promise. */
import { t } from "../language.js";

/** @typedef {import("./worker.js").Requests} Requests */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {import("../types.js").Candidate} Candidate */
/**
 * @typedef {{hypotheses: Hypothesis[], chosen: number, model: string, ms: number}} Answer with the model that was asked: another may be chosen meanwhile
 */
/** @typedef {{found: Candidate[], done: number, total: number}} Step */
/**
 * @typedef {{first: (answer: Answer) => void, signal: AbortSignal}} Refining `first` gets the answer before refinement
 */
/**
 * @typedef {{resolve: (value: any) => void, reject: (error: Error) => void, step?: (step: any) => void}} Waiting
 */

/** Exported models lie beside the app's own folder. */
export const MODELS = new URL("../../models/", import.meta.url).href;

export class ModelClient {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module", name: "model" });
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) => this.fail(event.message || t("the worker could not start"));
  }

  /**
   * @template {keyof Requests} K
   * @param {K} kind
   * @param {Requests[K]} body
   * @param {{step?: (step: any) => void, transfer?: Transferable[]}} [options]
   * @returns {Promise<any>}
   */
  call(kind, body, { step, transfer = [] } = {}) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, step });
      this.worker.postMessage({ id, kind, body }, transfer);
    });
  }

  /** @param {{id: number, answer?: unknown, error?: string, step?: unknown}} message */
  receive({ id, answer, error, step }) {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    if (step) return waiting.step?.(step);
    this.waiting.delete(id);
    if (error) waiting.reject(new Error(error));
    else waiting.resolve(answer);
  }

  /** @param {string} reason */
  fail(reason) {
    for (const { reject } of this.waiting.values()) reject(new Error(reason));
    this.waiting.clear();
  }

  /**
   * Load a model.
   * @param {string} model @param {{threads?: number, precision?: string, folder?: string}} [options]
   * @returns {Promise<import("./manifest.js").Manifest>}
   */
  load(model, { folder = `${MODELS}${model}/`, ...rest } = {}) {
    return this.call("load", { model, folder, ...rest });
  }

  /**
   * @param {string} model @param {string} image @param {import("./image-pixels.js").Source} source
   * @returns {Promise<{ms: number}>}
   */
  encode(model, image, source) {
    return this.call("encode", { model, image, source });
  }

  /**
   * @param {string} model
   * @param {string} image
   * @param {ArrayBuffer} bytes
   * @param {import("../types.js").Size} size
   */
  receiveEmbedding(model, image, bytes, size) {
    return this.call("receive", { model, image, bytes, size }, { transfer: [bytes] });
  }

  /**
   * @param {string} model @param {string} image @param {import("../types.js").Clicks} clicks
   * @param {import("../types.js").Runs | Float32Array | null} [base] @param {Refining | null} [refining]
   * @returns {Promise<Answer>}
   */
  predict(model, image, clicks, base = null, refining = null) {
    const done = this.call(
      "predict",
      { model, image, clicks, base, refine: refining !== null },
      { step: refining?.first },
    );
    if (refining) this.cancelBy(refining.signal, this.count);
    return done;
  }

  /** @param {AbortSignal} signal @param {number} job */
  cancelBy(signal, job) {
    signal.addEventListener("abort", () => this.waiting.has(job) && this.call("cancel", { job }));
  }

  /**
   * Ask everywhere; `step` gets the candidates as they come. Abort by the signal.
   * @param {Requests["generateMasks"]} body @param {(step: Step) => void} step @param {AbortSignal} signal
   * @returns {Promise<{cancelled: boolean}>}
   */
  generateMasks(body, step, signal) {
    const done = this.call("generateMasks", body, { step });
    this.cancelBy(signal, this.count);
    return done;
  }

  /**
   * Everything in an encoded image that phrases name; `step` gets the share that is done.
   * @param {string} model @param {string} image @param {string[]} phrases @param {(share: number) => void} step
   * @returns {Promise<import("../state/words.js").Finds>}
   */
  findWords(model, image, phrases, step) {
    const body = { model, image, phrases, folder: `${MODELS}text/` };
    return this.call("findWords", body, { step: ({ progress }) => step(progress) });
  }
}
