/** The question asked last about a mask. */

/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/**
 * @typedef {object} Draft
 * @property {string} id of the mask
 * @property {Clicks} clicks all of them
 * @property {Runs | null} base the drawn mask that the clicks began with
 * @property {Float32Array | null} logits of the last answer
 */

/** About a new mask. @param {import("../types.js").Box | null} [box] @returns {Draft} */
export const newDraft = (box = null) => ({
  id: crypto.randomUUID(),
  clicks: { points: [], labels: [], box },
  base: null,
  logits: null,
});

/**
 * What the next click refines: the clicks of a mask, or the mask itself where it was drawn.
 * @param {import("./open-image.js").Item} item
 * @returns {Draft}
 */
export function draftOf({ id, clicks, runs }) {
  const none = { points: [], labels: [], box: null };
  return { id, clicks: clicks ?? none, base: clicks ? null : runs, logits: null };
}

/**
 * What a click corrects: the selected mask; a suggestion only in its box, so that a click elsewhere starts a new
 * object.
 * @param {import("./open-image.js").Item | null} item that is selected @param {[number, number]} point
 */
export function corrected(item, [x, y]) {
  if (!item?.suggestedBy) return item;
  const [x0, y0, x1, y1] = item.box;
  return x >= x0 && y >= y0 && x < x1 && y < y1 ? item : null;
}
