/** The worker in which the networks run, so that the page never waits for them. */
import { Engine } from "./onnx-model.js";
import { everything } from "./mask-generation.js";
import { readPixels } from "./image-pixels.js";
import { start } from "./onnxruntime.js";

/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/**
 * @typedef {{
 *   load: {model: string, folder: string, threads?: number, precision?: string},
 *   encode: {model: string, image: string, picture: Blob},
 *   receive: {model: string, image: string, bytes: ArrayBuffer, size: Size},
 *   ask: {model: string, image: string, clicks: Clicks, base: Runs | Float32Array | null, closer: boolean},
 *   everything: {model: string, image: string, side: number, floors: {iou: number, stability: number}},
 *   cancel: {job: number},
 * }} Requests
 */
/** @typedef {{id: number, kind: keyof Requests, body: any}} Message */

const scope = /** @type {{postMessage(message: unknown, transfer?: Transferable[]): void, onmessage: unknown}} */ (
  /** @type {unknown} */ (self)
);
/** @type {Map<string, Promise<Engine>>} */
const engines = new Map();
/** @type {Promise<void> | undefined} */
let started;
/** @type {Set<number>} */
const cancelled = new Set();

/** @param {string} model */
function engineOf(model) {
  const engine = engines.get(model);
  if (!engine) throw new Error(`the model ${model} is not loaded`);
  return engine;
}

/** @type {{[kind in keyof Requests]: (body: Requests[kind], id: number) => unknown}} */
const handlers = {
  async load({ model, folder, threads, precision }) {
    started ??= start(threads);
    if (!engines.has(model)) engines.set(model, started.then(() => Engine.load(folder, { precision })));
    try {
      return (await engineOf(model)).manifest;
    } catch (error) {
      engines.delete(model);
      throw error;
    }
  },
  async encode({ model, image, picture }) {
    const pixels = readPixels(picture); // while the model loads
    pixels.catch(() => {}); // told below
    const engine = await engineOf(model);
    const start = performance.now();
    if (!engine.knows(image)) await engine.encode(image, picture, pixels);
    return { ms: performance.now() - start };
  },
  async receive({ model, image, bytes, size }) {
    (await engineOf(model)).receive(image, bytes, size);
  },
  async ask({ model, image, clicks, base, closer }, id) {
    const start = performance.now();
    const answer = await (await engineOf(model)).ask(image, clicks, base, closer ? {
      first: (step) => scope.postMessage({ id, step: { ...step, model, ms: performance.now() - start } }),
      stop: () => cancelled.delete(id),
    } : null);
    return { ...answer, model, ms: performance.now() - start };
  },
  async everything({ model, image, side, floors }, id) {
    for await (const step of everything(await engineOf(model), image, side, floors)) {
      if (cancelled.delete(id)) return { cancelled: true };
      scope.postMessage({ id, step });
      await new Promise((resolve) => setTimeout(resolve)); // let a click in
    }
    return { cancelled: false };
  },
  cancel({ job }) {
    cancelled.add(job);
  },
};

scope.onmessage = async (/** @type {MessageEvent<Message>} */ { data: { id, kind, body } }) => {
  try {
    const handler = /** @type {(body: unknown, id: number) => unknown} */ (handlers[kind]);
    scope.postMessage({ id, answer: await handler(body, id) });
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
