/**
 * Crop refinement: small answers are predicted again in a crop of the image. The twin of `anymask.inference.promptable.refine`.
 */
import { DECODER_MASKS, HYPOTHESES, UNSEEN_LOGIT } from "../constants.js";
import {
  contextCrop,
  distinct,
  isCutOff,
  mergeCrops,
  mergeLogits,
  refineCrop,
  shiftClicks,
} from "../geometry/crops.js";
import { fineSize, guide, outline } from "../geometry/outlines.js";
import { area, box, paste } from "../masks/rle.js";
import { hypothesis } from "./hypotheses.js";
import { promptArrays } from "./prompts.js";

/** @typedef {import("../geometry/frame.js").Frame} Frame */
/** @typedef {import("./onnx-model.js").OnnxModel} OnnxModel */
/** @typedef {import("./onnx-model.js").Embedding} Embedding */
/** @typedef {import("./image-pixels.js").Scaled} Scaled */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Clicks} Clicks */

/** The decoder's outputs that answer a single click. */
const AMBIGUOUS = Array.from({ length: HYPOTHESES }, (_, i) => DECODER_MASKS - HYPOTHESES + i);

/**
 * The crop for each answer that counts; null where the first pass is close enough.
 * @param {Clicks} clicks
 * @param {Hypothesis[]} answers
 * @param {boolean} single
 * @param {Frame} frame
 */
const cropsFor = (clicks, answers, single, { size }) =>
  mergeCrops((single ? answers.slice(0, 1) : answers).map(({ runs }) => refineCrop(clicks, runs, size)));

/**
 * Whether a crop would show more than the first pass.
 * @param {Clicks} clicks
 * @param {Hypothesis[]} answers
 * @param {boolean} single
 * @param {Frame} frame
 */
export const needsRefinement = (clicks, answers, single, frame) =>
  (!single && contextCrop(clicks, frame.size) !== null) ||
  cropsFor(clicks, answers, single, frame).some(Boolean);

/**
 * The answers, those that are small predicted again in a crop; for a single click those in its context crop
 * are among them.
 * @param {OnnxModel} model
 * @param {Embedding} embedding
 * @param {Clicks} clicks
 * @param {Hypothesis[]} firsts of the first pass
 * @param {boolean} single whether only the first answer counts; false for a single click
 * @param {() => boolean} stop whether the result is no longer wanted
 */
export async function refine(model, embedding, clicks, firsts, single, stop) {
  const pixels = await model.pixels(embedding);
  const { frame } = embedding;
  const answers = single ? [...firsts] : await predictInContext(model, frame, pixels, clicks, firsts);
  /** @type {Map<Box, Embedding>} */
  const encoded = new Map();
  for (const [i, crop] of cropsFor(clicks, answers, single, frame).entries()) {
    if (!crop) continue;
    if (stop()) return firsts;
    const part = encoded.get(crop) ?? (await encodeCrop(model, pixels, crop));
    encoded.set(crop, part);
    answers[i] = await refineInCrop(model, frame, part, clicks, answers[i], crop);
  }
  return answers;
}

/**
 * The answers with outlines along the edges of the image, from their closest view.
 * @param {OnnxModel} model @param {Embedding} embedding @param {Clicks} clicks @param {Hypothesis[]} answers
 */
export async function outlined(model, embedding, clicks, answers) {
  const pixels = await model.pixels(embedding);
  const { size } = pixels;
  /** @type {Map<Box | null, import("../geometry/outlines.js").Guide>} */
  const guides = new Map();
  const done = [];
  for (const answer of answers) {
    const { frame, crop, logits } = answer.view ?? {
      frame: embedding.frame,
      crop: null,
      logits: answer.logits,
    };
    const known = guides.get(crop) ?? guide(frame, await pixels.rgb(crop, fineSize(frame)));
    guides.set(crop, known);
    const [left, top] = crop ?? [0, 0];
    const moved = clicks.points.map(([x, y]) => /** @type {[number, number]} */ ([x - left, y - top]));
    const own = outline(known, logits, { points: moved, labels: clicks.labels });
    const runs = crop ? paste(own, frame.size, [crop[0], crop[1]], size) : own;
    done.push({ ...answer, runs, box: box(runs, size), area: area(runs) });
  }
  return done;
}

/**
 * The answers to a single click, from the whole image and from its context crop.
 * @param {OnnxModel} model
 * @param {Frame} whole
 * @param {Scaled} pixels
 * @param {Clicks} clicks
 * @param {Hypothesis[]} firsts
 */
async function predictInContext(model, whole, pixels, clicks, firsts) {
  const crop = contextCrop(clicks, whole.size);
  if (!crop) return [...firsts];
  const part = await encodeCrop(model, pixels, crop);
  const { logits, iou, cells } = await model.decode(part, [
    promptArrays(shiftClicks(clicks, crop), part.frame),
  ]);
  const nothing = new Float32Array(firsts[0].logits.length).fill(-UNSEEN_LOGIT);
  const found = AMBIGUOUS.map((i) =>
    hypothesis(part.frame, logits.subarray(i * cells, (i + 1) * cells), iou[i]),
  )
    .filter(({ runs }) => !isCutOff(runs, crop, whole.size))
    .map((one) => placed(one, nothing, whole, part.frame, crop));
  return distinct([...firsts, ...found], firsts.length);
}

/** @param {OnnxModel} model @param {Scaled} pixels @param {Box} crop */
function encodeCrop(model, pixels, crop) {
  const { zoom = 0, frame } = model.manifest;
  return model.run(pixels, crop, { ...frame, size: zoom });
}

/**
 * @param {OnnxModel} model @param {Frame} whole @param {Embedding} part @param {Clicks} clicks
 * @param {Hypothesis} first @param {Box} crop @returns {Promise<Hypothesis>}
 */
async function refineInCrop(model, whole, part, clicks, first, crop) {
  const [x, y] = crop;
  const mask = whole.logitsIn(part.frame, [x, y], first.logits);
  const { logits, iou, cells } = await model.decode(
    part,
    [promptArrays(shiftClicks(clicks, crop), part.frame)],
    mask,
  );
  return placed(
    hypothesis(part.frame, logits.subarray(0, cells), iou[0]),
    first.logits,
    whole,
    part.frame,
    crop,
  );
}

/**
 * An answer about a crop as one about the whole image; `known` are the logits outside the crop.
 * @param {Hypothesis} found
 * @param {Float32Array} known
 * @param {Frame} whole
 * @param {Frame} inner of the crop
 * @param {Box} crop
 * @returns {Hypothesis}
 */
function placed(found, known, whole, inner, crop) {
  const [x, y] = crop;
  const [x0, y0, x1, y1] = found.box;
  return {
    ...found,
    logits: mergeLogits(known, found.logits, whole, inner, crop),
    runs: paste(found.runs, inner.size, [x, y], whole.size),
    box: found.area > 0 ? [x0 + x, y0 + y, x1 + x, y1 + y] : found.box,
    view: { frame: inner, crop, logits: found.logits },
  };
}
