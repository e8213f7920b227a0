/** Which candidates of "everything" stay: the twin of `anymask.automatic.select` for one view of the image. */
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
  for (const one of able) if (!kept.some((better) => boxIou(one.box, better.box) > least.overlap)) kept.push(one);
  return kept;
}

/** @param {Box} a @param {Box} b */
export function boxIou(a, b) {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const shared = w * h;
  return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared);
}

/**
 * Those that are not already among masks made before: what "keep" adds a second time would be a copy.
 * @param {Candidate[]} candidates @param {{box: Box, area: number, runs: import("../types.js").Runs}[]} made
 */
export function unlike(candidates, made) {
  return candidates.filter((one) =>
    !made.some((mask) => {
      if (boxIou(one.box, mask.box) < 0.7) return false;
      const shared = intersection(one.runs, mask.runs);
      return shared > 0.85 * (one.area + mask.area - shared);
    }),
  );
}
