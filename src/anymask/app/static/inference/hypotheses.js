/**
 * The answers of the decoder as masks with a score, and the choice among them: the twin of `anymask.predict`.
 */
import { NEAR_TIE, STABILITY_OFFSET } from "../constants.js";
import { area, box, intersection } from "../masks/rle.js";

const ALIKE = 0.9; // IoU from which two masks show the same object

/** @typedef {import("../geometry/frame.js").Frame} Frame */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {{hypotheses: Hypothesis[], chosen: number}} Choice */

/**
 * One output of the decoder as a mask of the image.
 * @param {Frame} frame
 * @param {Float32Array} logits
 * @param {number} iou
 * @returns {Hypothesis}
 */
export function hypothesis(frame, logits, iou) {
  const runs = frame.maskRuns(logits);
  return {
    logits,
    runs,
    box: box(runs, frame.size),
    area: area(runs),
    score: Math.min(1, Math.max(0, iou)),
    quality: iou * stability(logits, frame),
  };
}

/**
 * The best answer, and all by their size.
 * @param {Hypothesis[]} answers
 * @param {boolean} single whether the first is it
 * @returns {Choice}
 */
export function choice(answers, single) {
  const best = single ? answers[0] : answers.reduce((a, b) => (b.quality > a.quality ? b : a));
  const sorted = [...answers].sort((a, b) => b.area - a.area);
  // copies: to send a part of an array would send all of it
  return {
    hypotheses: sorted.map(({ view: _, ...one }) => ({ ...one, logits: one.logits.slice() })),
    chosen: sorted.indexOf(best),
  };
}

/**
 * The hypotheses that are nearly as likely as the chosen one, and another object: which of them comes first
 * may depend on the precision of the computer, so that the page shows the choice as one.
 * @param {Pick<Hypothesis, "quality" | "runs" | "area">[]} hypotheses
 * @param {number} chosen
 * @returns {number[]} their places, without the chosen one
 */
export function nearTies(hypotheses, chosen) {
  const best = hypotheses[chosen];
  return hypotheses.flatMap((one, i) => {
    if (i === chosen || one.quality < best.quality - NEAR_TIE) return [];
    const shared = intersection(one.runs, best.runs);
    return shared < ALIKE * (one.area + best.area - shared) ? [i] : [];
  });
}

/**
 * IoU of a mask at the thresholds +1 and -1, in the cells that hold the image; 0 for an empty one.
 * @param {Float32Array} logits
 * @param {Frame} frame
 */
export function stability(logits, frame) {
  const [rows, columns] = frame.content;
  const stride = frame.grid[1];
  let inner = 0;
  let outer = 0;
  for (let r = 0; r < rows; r++)
    for (let at = r * stride, end = at + columns; at < end; at++) {
      if (logits[at] > -STABILITY_OFFSET) outer++;
      if (logits[at] > STABILITY_OFFSET) inner++;
    }
  return inner / Math.max(outer, 1);
}
