/** One exported model in onnxruntime-web: encodes images, keeps their embeddings, predicts masks. */
import { DECODER_MASKS, MANIFEST, PRECISIONS } from "../constants.js";
import { Frame } from "../geometry/frame.js";
import { sizeOf } from "../geometry/boxes.js";
import { decode } from "../masks/rle.js";
import { choice, hypothesis } from "./hypotheses.js";
import { needsRefinement, outlined, refine } from "./refine.js";
import { fetched } from "./fetched.js";
import { encodesHere } from "./manifest.js";
import { openPixels } from "./image-pixels.js";
import { isAmbiguous, maskLogits, promptArrays } from "./prompts.js";
import { ort } from "./onnxruntime.js";
import { readSafetensors } from "./safetensors.js";

/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Size} Size */
/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./manifest.js").ModelFile} ModelFile */
/** @typedef {import("./onnxruntime.js").Tensor} Tensor */
/** @typedef {import("./onnxruntime.js").InferenceSession} InferenceSession */
/** @typedef {{frame: Frame, tensors: Record<string, Tensor>, source?: Source}} Embedding */
/** @typedef {import("./image-pixels.js").Scaled} Scaled */
/** @typedef {import("./image-pixels.js").Source} Source */
/** @typedef {import("./hypotheses.js").Choice} Choice */
/**
 * @typedef {{first: (choice: Choice) => void, stop: () => boolean}} Refining `first` gets the answer before refinement
 */

const KEPT = 12; // embeddings in memory, some 2 MB each for the compact model

export class OnnxModel {
  /**
   * @param {Manifest} manifest
   * @param {InferenceSession} decoder
   * @param {Promise<InferenceSession> | null} encoder
   */
  constructor(manifest, decoder, encoder) {
    this.manifest = manifest;
    this.decoder = decoder;
    this.encoder = encoder;
    /** @type {Map<string, Embedding>} */
    this.embeddings = new Map();
    /**
     * The image opened last: its pixels, for crops.
     * @type {{source: Source, pixels: Promise<Scaled>} | null}
     */
    this.opened = null;
    /** The runtime does one thing at a time. @type {Promise<unknown>} */
    this.last = Promise.resolve();
  }

  /**
   * Load a model from its exported folder, with its encoder if that runs here.
   * @param {string} folder address, with a slash at the end
   * @param {{precision?: string}} options
   */
  static async load(folder, { precision }) {
    const manifest = /** @type {Manifest} */ (await (await fetched(folder + MANIFEST)).json());
    const { files } = manifest;
    const encoder = files.encoder && encodesHere(manifest) ? session(folder, files.encoder, precision) : null;
    encoder?.catch(() => {}); // reported to whoever encodes
    return new OnnxModel(manifest, await session(folder, files.decoder, precision), encoder);
  }

  /**
   * Run the decoder or the encoder when it is free.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  alone(work) {
    const next = this.last.then(work, work);
    this.last = next.catch(() => {});
    return next;
  }

  /** Whether an image is encoded, with its crops to come from such a source. @param {string} id @param {Source} source */
  knows(id, source) {
    const known = this.embeddings.get(id);
    return known !== undefined && known.source instanceof Blob === source instanceof Blob;
  }

  /** Encode an image here. @param {string} id @param {Source} source @param {Promise<Scaled>} pixels */
  async encode(id, source, pixels) {
    this.opened = { source, pixels };
    this.keep(id, { ...(await this.run(await pixels, null, this.manifest.frame)), source });
  }

  /**
   * The pixels of an image that was encoded here, read again where another was opened since.
   * @param {Embedding} embedding
   * @returns {Promise<Scaled>}
   */
  pixels({ source }) {
    if (!source) throw new Error("the image is not here");
    if (this.opened?.source !== source) this.opened = { source, pixels: openPixels(source) };
    return this.opened.pixels;
  }

  /**
   * Encode a region of an image, or the whole of it.
   * @param {Scaled} pixels @param {import("../types.js").Box | null} region @param {Manifest["frame"]} rule
   * @returns {Promise<Embedding>}
   */
  async run(pixels, region, rule) {
    if (!this.encoder) throw new Error("the server encodes for this model");
    const frame = Frame.fit(region ? sizeOf(region) : pixels.size, rule);
    const rgb = await pixels.rgb(region, frame.scaled);
    const encoder = await this.encoder;
    const image = new ort.Tensor("uint8", rgb, [...frame.scaled, 3]);
    return { frame, tensors: await this.alone(() => encoder.run({ image })) };
  }

  /**
   * Take an embedding that the server made.
   * @param {string} id
   * @param {ArrayBuffer} bytes
   * @param {Size} size
   */
  receive(id, bytes, size) {
    const tensors = Object.fromEntries(
      Object.entries(readSafetensors(bytes)).map(([name, { shape, values }]) => [
        name,
        new ort.Tensor("float32", values, shape),
      ]),
    );
    this.keep(id, { frame: Frame.fit(size, this.manifest.frame), tensors });
  }

  /** @param {string} id @param {Embedding} embedding */
  keep(id, embedding) {
    this.embeddings.delete(id);
    this.embeddings.set(id, embedding);
    for (const oldest of [...this.embeddings.keys()].slice(0, -KEPT)) this.embeddings.delete(oldest);
  }

  /** @param {string} id */
  embedding(id) {
    const embedding = this.embeddings.get(id);
    if (!embedding) throw new Error("the image is not encoded");
    this.keep(id, embedding);
    return embedding;
  }

  /**
   * Logits and predicted IoU of several prompts of one length.
   * @param {Embedding} embedding
   * @param {{points: Float32Array, labels: BigInt64Array}[]} prompts
   * @param {Float32Array | null} mask logits of the grid, for a single prompt
   */
  async decode({ frame, tensors }, prompts, mask = null) {
    const n = prompts.length;
    const p = prompts[0].labels.length;
    const cells = frame.grid[0] * frame.grid[1];
    const points = new Float32Array(n * p * 2);
    const labels = new BigInt64Array(n * p);
    prompts.forEach((prompt, i) => {
      points.set(prompt.points, i * p * 2);
      labels.set(prompt.labels, i * p);
    });
    const feeds = {
      ...tensors,
      points: new ort.Tensor("float32", points, [n, p, 2]),
      labels: new ort.Tensor("int64", labels, [n, p]),
      mask: new ort.Tensor("float32", mask ?? new Float32Array(n * cells), [n, 1, ...frame.grid]),
      has_mask: new ort.Tensor("bool", new Uint8Array(n).fill(mask ? 1 : 0), [n]),
    };
    const { logits, iou } = await this.alone(() => this.decoder.run(feeds));
    return {
      logits: /** @type {Float32Array} */ (logits.data),
      iou: /** @type {Float32Array} */ (iou.data),
      cells,
    };
  }

  /**
   * Predict the masks of one prompt, by size: whole, part, subpart.
   * @param {string} id @param {Clicks} clicks
   * @param {Runs | Float32Array | null} base a mask to start from, or the logits of the last answer
   * @param {Refining | null} [refining] to refine small answers in crops; `first` gets the answer before that
   * @returns {Promise<Choice>}
   */
  async predict(id, clicks, base, refining = null) {
    const embedding = this.embedding(id);
    const { frame } = embedding;
    const mask = base instanceof Float32Array ? base : base && maskLogits(decode(base, frame.size), frame);
    const { logits, iou, cells } = await this.decode(embedding, [promptArrays(clicks, frame)], mask);
    const single = !isAmbiguous(clicks, mask !== null);
    const answers = [];
    for (let i = single ? 0 : 1; i < DECODER_MASKS; i++)
      answers.push(hypothesis(frame, logits.subarray(i * cells, (i + 1) * cells), iou[i]));
    const able = embedding.source && this.manifest.zoom;
    if (!refining || !able) return choice(answers, single);
    refining.first(choice(answers, single));
    const refined = needsRefinement(clicks, answers, single, frame)
      ? await refine(this, embedding, clicks, answers, single, refining.stop)
      : answers;
    return choice(await outlined(this, embedding, clicks, refined), single);
  }
}

/** @param {string} folder @param {Record<string, ModelFile>} files @param {string} [precision] */
async function session(folder, files, precision) {
  const name = [precision ?? "", ...PRECISIONS].find((one) => one in files);
  if (!name) throw new Error("the model has no file that the browser can read");
  return openSession(new Uint8Array(await (await fetched(folder + files[name].file)).arrayBuffer()));
}

/** Open a graph with its weights inside. @param {Uint8Array} bytes */
export function openSession(bytes) {
  return ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
}
