/** onnxruntime-web, of which only these names are used: its package brings no types that stand alone. */

/**
 * @typedef {object} Tensor
 * @property {readonly number[]} dims
 * @property {Float32Array | Uint8Array | BigInt64Array} data
 */
/** @typedef {{run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>}} InferenceSession */
/**
 * @typedef {object} Runtime
 * @property {{logLevel: string, wasm: {numThreads: number, wasmPaths: {mjs: string, wasm: string}}}} env
 * @property {new (type: string, data: Float32Array | Uint8Array | BigInt64Array, dims: number[]) => Tensor} Tensor
 * @property {{create(model: Uint8Array, options: object): Promise<InferenceSession>}} InferenceSession
 */

const VENDOR = new URL("../vendor/", import.meta.url);
const THREADS = 8;

/** There once `start` is done. @type {Runtime} */
export let ort;

/**
 * Load and set up, before the first session. No top-level await: a worker would lose the messages that come
 * while it waits.
 * @param {number} [threads]
 */
export async function start(threads) {
  ort = await import(new URL("ort.wasm.min.mjs", VENDOR).href);
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = {
    mjs: new URL("ort-wasm-simd-threaded.mjs", VENDOR).href,
    wasm: new URL("ort-wasm-simd-threaded.wasm", VENDOR).href,
  };
  const cores = Math.min(navigator.hardwareConcurrency || 1, THREADS);
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? (threads ?? cores) : 1;
}
