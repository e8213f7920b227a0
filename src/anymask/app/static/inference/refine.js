/** A second look at small answers, in a close-up of the picture: the twin of `anymask.looks`. */
import { sizeOf } from "../geometry/boxes.js";
import { Frame } from "../geometry/frame.js";
import { closeUp, cut, cutsOff, different, joined, moved, shared, surroundings } from "../geometry/crops.js";
import { paste } from "../masks/rle.js";
import { hypothesis } from "./hypotheses.js";
import { promptArrays } from "./prompts.js";

/** @typedef {import("./onnx-model.js").Engine} Engine */
/** @typedef {import("./onnx-model.js").Embedding} Embedding */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Clicks} Clicks */

const HYPOTHESES = [1, 2, 3]; // outputs of the decoder that answer a click alone
const UNSEEN = 8; // logits of minus this stand where a close-up shows nothing

/** Where to look again, for each answer that counts; null where there is no need. @param {Clicks} clicks @param {Hypothesis[]} answers @param {boolean} single @param {Frame} frame */
const closeUps = (clicks, answers, single, { size }) =>
  shared((single ? answers.slice(0, 1) : answers).map(({ runs }) => closeUp(clicks, runs, size)));

/** Whether there is more to see. @param {Clicks} clicks @param {Hypothesis[]} answers @param {boolean} single @param {Frame} frame */
export const worthALook = (clicks, answers, single, frame) =>
  (!single && surroundings(clicks, frame.size) !== null) || closeUps(clicks, answers, single, frame).some(Boolean);

/**
 * The answers with those that are small looked at again, to a click alone those from its surroundings among them.
 * @param {Engine} engine @param {Embedding} embedding @param {Clicks} clicks @param {Hypothesis[]} firsts
 * @param {boolean} single whether only the first counts, else it is a click alone
 * @param {() => boolean} stop whether nobody waits any more
 */
export async function lookCloser(engine, embedding, clicks, firsts, single, stop) {
  const { rgba } = await engine.pixels(embedding), { frame } = embedding;
  const answers = single ? [...firsts] : await lookAround(engine, frame, rgba, clicks, firsts);
  /** @type {Map<Box, Embedding>} */
  const seen = new Map();
  for (const [i, close] of closeUps(clicks, answers, single, frame).entries()) {
    if (!close) continue;
    if (stop()) return firsts;
    const part = seen.get(close) ?? await encodePart(engine, rgba, frame.size, close);
    seen.set(close, part);
    answers[i] = await lookAt(engine, frame, part, clicks, answers[i], close);
  }
  return answers;
}

/**
 * The answers to a click alone, from the whole image and from its surroundings.
 * @param {Engine} engine @param {Frame} whole @param {Uint8ClampedArray} rgba @param {Clicks} clicks @param {Hypothesis[]} firsts
 */
async function lookAround(engine, whole, rgba, clicks, firsts) {
  const near = surroundings(clicks, whole.size);
  if (!near) return [...firsts];
  const part = await encodePart(engine, rgba, whole.size, near);
  const { logits, iou, cells } = await engine.decode(part, [promptArrays(moved(clicks, near), part.frame)]);
  const nothing = new Float32Array(firsts[0].logits.length).fill(-UNSEEN);
  const found = HYPOTHESES
    .map((i) => hypothesis(part.frame, logits.subarray(i * cells, (i + 1) * cells), iou[i]))
    .filter(({ runs }) => !cutsOff(runs, near, whole.size))
    .map((one) => placed(one, nothing, whole, part.frame, near));
  return different([...firsts, ...found], firsts.length);
}

/** @param {Engine} engine @param {Uint8ClampedArray} rgba @param {import("../types.js").Size} size @param {Box} close */
function encodePart(engine, rgba, size, close) {
  const { zoom = 0, frame } = engine.manifest;
  return engine.run({ rgba: cut(rgba, size, close), size: sizeOf(close) }, { ...frame, size: zoom });
}

/**
 * @param {Engine} engine @param {Frame} whole @param {Embedding} part @param {Clicks} clicks
 * @param {Hypothesis} first @param {Box} close @returns {Promise<Hypothesis>}
 */
async function lookAt(engine, whole, part, clicks, first, close) {
  const [x, y] = close, mask = whole.logitsIn(part.frame, [x, y], first.logits);
  const { logits, iou, cells } = await engine.decode(part, [promptArrays(moved(clicks, close), part.frame)], mask);
  return placed(hypothesis(part.frame, logits.subarray(0, cells), iou[0]), first.logits, whole, part.frame, close);
}

/**
 * An answer about a part as one about the whole; `known` are the logits where the part shows nothing.
 * @param {Hypothesis} found @param {Float32Array} known @param {Frame} whole @param {Frame} inner of the part @param {Box} part
 * @returns {Hypothesis}
 */
function placed(found, known, whole, inner, part) {
  const [x, y] = part, [x0, y0, x1, y1] = found.box;
  return {
    ...found, logits: joined(known, found.logits, whole, inner, part), runs: paste(found.runs, inner.size, [x, y], whole.size),
    box: found.area > 0 ? [x0 + x, y0 + y, x1 + x, y1 + y] : found.box,
  };
}
