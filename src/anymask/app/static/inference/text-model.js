/** Words to masks without a server: the twin of `anymask.inference.text.find`, with points alone as proposals. */
import { select } from "../masks/candidates.js";
import { area, intersection, toString } from "../masks/rle.js";
import { backboneInput, maskFeatures, textFrame } from "./mask-features.js";
import { generateMasks } from "./mask-generation.js";
import { Namer } from "./namer.js";
import { fetched } from "./fetched.js";
import { openSession } from "./onnx-model.js";
import { ort } from "./onnxruntime.js";
import { WordTable } from "./word-table.js";

/** @typedef {import("./onnx-model.js").OnnxModel} OnnxModel */
/** @typedef {import("./onnxruntime.js").InferenceSession} InferenceSession */
/** @typedef {import("../types.js").Candidate} Candidate */
/** @typedef {{runs: import("../types.js").Runs, iou: number, likely: number[]}} Named */
/** @typedef {{counts: string, score: number, prompt: number}} Found of the phrase with the index `prompt` */

const SIDE = 10; // points along each side: more than in Python, where a detector proposes boxes besides
const FLOORS = { iou: 0.35, stability: 0.5 };
const OVERLAP = 0.8;
const MOST_COVER = 0.95;
const THRESHOLD = 0.28;
const NEAR_BEST = 0.75;
const SHARED = 0.5;

export class TextModel {
  /** @param {Namer} namer @param {InferenceSession} backbone */
  constructor(namer, backbone) {
    this.namer = namer;
    this.backbone = backbone;
  }

  /** Load the files of `build_static`. @param {string} folder address, with a slash at the end */
  static async load(folder) {
    const [words, weights, graph] = await Promise.all(
      ["words.safetensors", "text.safetensors", "levels.onnx"].map(async (name) =>
        (await fetched(folder + name)).arrayBuffer(),
      ),
    );
    return new TextModel(new Namer(weights, WordTable.read(words)), await openSession(new Uint8Array(graph)));
  }

  /**
   * Everything in an encoded image that phrases name, the likeliest first; gives the share that is done meanwhile.
   * @param {OnnxModel} model @param {string} image @param {string[]} phrases
   * @returns {AsyncGenerator<{progress: number} | {masks: Found[], best: number[], threshold: number}>}
   */
  async *find(model, image, phrases) {
    phrases.forEach((phrase) => this.namer.phrase(phrase)); // refused before the work
    /** @type {Candidate[]} */
    const candidates = [];
    for await (const { found, done, total } of generateMasks(model, image, SIDE, FLOORS)) {
      candidates.push(...found);
      yield { progress: done / total };
    }
    const embedding = model.embedding(image);
    const [h, w] = embedding.frame.size;
    const kept = select(candidates, { ...FLOORS, overlap: OVERLAP, area: 0 }).filter(
      (one) => one.area <= MOST_COVER * h * w,
    );
    const features = await this.features(model, image, kept);
    const likely = this.namer.probabilities(features, phrases);
    const named = kept.map(({ runs, iou }, i) => ({ runs, iou, likely: likely[i] }));
    yield { masks: choose(named), best: bestOf(named), threshold: THRESHOLD };
  }

  /** @param {OnnxModel} model @param {string} image @param {Candidate[]} masks */
  async features(model, image, masks) {
    const pixels = await model.pixels(model.embedding(image));
    const frame = textFrame(pixels.size);
    const rgb = await pixels.rgb(null, frame.scaled);
    const input = new ort.Tensor("float32", backboneInput(rgb, frame), [1, 3, ...frame.padded]);
    const levels = await model.alone(() => this.backbone.run({ image: input }));
    const [last, fine] = ["stride_32", "stride_16"].map((name) => ({
      shape: levels[name].dims.slice(1),
      values: /** @type {Float32Array} */ (levels[name].data),
    }));
    const runs = masks.map((one) => one.runs);
    return maskFeatures(last, fine, this.namer.head, frame, runs);
  }
}

/** The highest probability of each phrase for any mask. @param {Named[]} masks @returns {number[]} */
const bestOf = (masks) =>
  (masks[0]?.likely ?? []).map((_, k) => Math.max(...masks.map(({ likely }) => likely[k])));

/**
 * The masks above the thresholds, each with its likeliest phrase; one of those that are one thing.
 * @param {Named[]} masks
 * @returns {Found[]}
 */
export function choose(masks) {
  const best = bestOf(masks);
  const order = masks
    .map(({ runs, iou, likely }) => {
      const score = Math.max(...likely);
      const prompt = likely.indexOf(score);
      return { runs, size: area(runs), score, prompt, rank: score * Math.sqrt(Math.max(iou, 0)) };
    })
    .filter(({ score, prompt }) => score >= Math.max(THRESHOLD, NEAR_BEST * best[prompt]))
    .sort((a, b) => b.rank - a.rank);
  /** @type {typeof order} */
  const kept = [];
  for (const one of order) {
    const shares = (/** @type {typeof one} */ other) =>
      intersection(one.runs, other.runs) > SHARED * Math.min(one.size, other.size);
    if (!kept.some(shares)) kept.push(one);
  }
  return kept.map(({ runs, score, prompt }) => ({ counts: toString(runs), score, prompt }));
}
