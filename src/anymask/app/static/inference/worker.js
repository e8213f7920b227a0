/** The worker that runs the models, so that the page stays responsive. */
import { OnnxModel } from "./onnx-model.js";
import { generateMasks } from "./mask-generation.js";
import { openPixels } from "./image-pixels.js";
import { start } from "./onnxruntime.js";
import { TextModel } from "./text-model.js";

/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/**
 * @typedef {{
 *   load: {model: string, folder: string, threads?: number, precision?: string},
 *   encode: {model: string, image: string, source: import("./image-pixels.js").Source},
 *   receive: {model: string, image: string, bytes: ArrayBuffer, size: Size},
 * predict: {model: string, image: string, clicks: Clicks, base: Runs | Float32Array | null, refine: boolean},
 *   generateMasks: {model: string, image: string, side: number, floors: {iou: number, stability: number}},
 *   findWords: {model: string, image: string, phrases: string[], folder: string},
 *   cancel: {job: number},
 * }} Requests
 */
/** @typedef {{id: number, kind: keyof Requests, body: any}} Message */

const scope =
  /** @type {{postMessage(message: unknown, transfer?: Transferable[]): void, onmessage: unknown}} */ (
    /** @type {unknown} */ (self)
  );
/** @type {Map<string, Promise<OnnxModel>>} */
const models = new Map();
/** @type {Promise<void> | undefined} */
let started;
/** Loaded at the first search. @type {Promise<TextModel> | undefined} */
let textModel;
/** @type {Set<number>} */
const cancelled = new Set();

/** @param {string} model */
function loaded(model) {
  const known = models.get(model);
  if (!known) throw new Error(`the model ${model} is not loaded`);
  return known;
}

/** @type {{[kind in keyof Requests]: (body: Requests[kind], id: number) => unknown}} */
const handlers = {
  async load({ model, folder, threads, precision }) {
    started ??= start(threads);
    if (!models.has(model))
      models.set(
        model,
        started.then(() => OnnxModel.load(folder, { precision })),
      );
    try {
      return (await loaded(model)).manifest;
    } catch (error) {
      models.delete(model);
      throw error;
    }
  },
  async encode({ model, image, source }) {
    const pixels = openPixels(source); // while the model loads
    pixels.catch(() => {}); // reported below
    const network = await loaded(model);
    const start = performance.now();
    if (!network.knows(image, source)) await network.encode(image, source, pixels);
    return { ms: performance.now() - start };
  },
  async receive({ model, image, bytes, size }) {
    (await loaded(model)).receive(image, bytes, size);
  },
  async predict({ model, image, clicks, base, refine }, id) {
    const start = performance.now();
    const answer = await (
      await loaded(model)
    ).predict(
      image,
      clicks,
      base,
      refine
        ? {
            first: (step) =>
              scope.postMessage({ id, step: { ...step, model, ms: performance.now() - start } }),
            stop: () => cancelled.delete(id),
          }
        : null,
    );
    return { ...answer, model, ms: performance.now() - start };
  },
  async generateMasks({ model, image, side, floors }, id) {
    for await (const step of generateMasks(await loaded(model), image, side, floors)) {
      if (cancelled.delete(id)) return { cancelled: true };
      scope.postMessage({ id, step });
      await new Promise((resolve) => setTimeout(resolve)); // let a click in
    }
    return { cancelled: false };
  },
  async findWords({ model, image, phrases, folder }, id) {
    textModel ??= TextModel.load(folder);
    textModel.catch(() => (textModel = undefined)); // the next search tries again
    for await (const step of (await textModel).find(await loaded(model), image, phrases)) {
      if ("masks" in step) return { ...step, model };
      scope.postMessage({ id, step });
      await new Promise((resolve) => setTimeout(resolve)); // let a click in
    }
    throw new Error("a search ends with masks");
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
