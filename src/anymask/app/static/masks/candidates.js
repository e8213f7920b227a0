/**
 * Which candidates of "everything" stay: the twin of `anymask.automatic.select` for one view of the image.
 */
import { boxIou } from "../geometry/boxes.js";
import { intersection } from "./rle.js";

/** @typedef {import("../types.js").Candidate} Candidate */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {{iou: number, stability: number, overlap: number, area: number}} Thresholds */

/**
 * The candidates above the thresholds that are no duplicate of a better one, best first.
 * @param {Candidate[]} candidates @param {Thresholds} least
 */
export function select(candidates, least) {
  const able = candidates.filter(
    (c) => c.area > 0 && c.iou >= least.iou && c.stability >= least.stability && c.area >= least.area,
  );
  able.sort((a, b) => b.iou - a.iou);
  /** @type {Candidate[]} */
  const kept = [];
  for (const one of able)
    if (!kept.some((better) => boxIou(one.box, better.box) > least.overlap)) kept.push(one);
  return kept;
}

/**
 * Those that are not already among masks made before: what "keep" adds a second time would be a copy.
 * @template {{box: Box, area: number, runs: import("../types.js").Runs}} T
 * @param {T[]} candidates @param {{box: Box, area: number, runs: import("../types.js").Runs}[]} made
 */
export function unlike(candidates, made) {
  return candidates.filter(
    (one) =>
      !made.some((mask) => {
        if (boxIou(one.box, mask.box) < 0.7) return false;
        const shared = intersection(one.runs, mask.runs);
        return shared > 0.85 * (one.area + mask.area - shared);
      }),
  );
}
