/** A second look at small answers, in a close-up of the picture: the twin of `_look_closer` in `anymask.predict`. */
import { Frame } from "../geometry/frame.js";
import { closeUp, cut, joined, moved, shared, sizeOf } from "../geometry/zoom.js";
import { paste } from "../masks/rle.js";
import { promptArrays } from "./prompts.js";
import { hypothesis } from "./engine.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Embedding} Embedding */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").Clicks} Clicks */

/** Where to look again, for each answer; null where there is no need. @param {Clicks} clicks @param {Hypothesis[]} firsts @param {Frame} frame */
export const closeUps = (clicks, firsts, { size }) => shared(firsts.map(({ runs }) => closeUp(clicks, runs, size)));

/**
 * The answers with those that are small looked at again.
 * @param {Engine} engine @param {Embedding} embedding @param {Clicks} clicks @param {Hypothesis[]} firsts
 * @param {(Box | null)[]} closes as `closeUps` gives them @param {() => boolean} stop whether nobody waits any more
 */
export async function lookCloser(engine, embedding, clicks, firsts, closes, stop) {
  const { rgba, size } = await engine.pixels(embedding);
  /** @type {Map<Box, Embedding>} */
  const seen = new Map();
  const out = [...firsts];
  for (const [i, close] of closes.entries()) {
    if (!close) continue;
    if (stop()) return firsts;
    const part = seen.get(close) ?? await encodePart(engine, rgba, size, close);
    seen.set(close, part);
    out[i] = await lookAt(engine, embedding.frame, part, clicks, firsts[i], close);
  }
  return out;
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
  const found = hypothesis(part.frame, logits.subarray(0, cells), iou[0]);
  const [x0, y0, x1, y1] = found.box, away = found.area > 0;
  return {
    ...found, logits: joined(first.logits, found.logits, whole, part.frame, close), runs: paste(found.runs, part.frame.size, [x, y], whole.size),
    box: away ? [x0 + x, y0 + y, x1 + x, y1 + y] : found.box,
  };
}
