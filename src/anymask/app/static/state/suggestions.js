/** Accept and reject the suggestions in the open image. */
import { t } from "../language.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./open-image.js").Item} Item */

/** The suggestions in the open image. @param {Editor} editor @returns {Item[]} */
export const suggestionsOf = ({ openImage }) =>
  [...openImage.items.values()].filter((one) => one.suggestedBy);

/**
 * Accept or reject the selected suggestion, the first where none is selected, and select the next one.
 * @param {Editor} editor @param {boolean} accept
 * @returns {number} how many are left
 */
export function decide(editor, accept) {
  const waiting = suggestionsOf(editor);
  if (!waiting.length) return nothing(editor);
  const at = Math.max(
    waiting.findIndex(({ id }) => id === editor.selected),
    0,
  );
  apply(editor, accept ? "Accept a suggestion" : "Reject a suggestion", [waiting[at]], accept);
  const left = waiting.filter((_, i) => i !== at);
  editor.select(left.length ? left[at % left.length].id : null);
  return left.length;
}

/**
 * Accept all suggestions of the image, or say that nothing is here; one step.
 * @param {Editor} editor @param {boolean} accept
 */
export function decideAll(editor, accept) {
  const waiting = suggestionsOf(editor);
  if (!waiting.length) return nothing(editor);
  editor.select(null);
  apply(editor, accept ? "Accept all suggestions" : "Nothing here", waiting, accept);
  return 0;
}

/** @param {Editor} editor */
function nothing(editor) {
  editor.notice(t("This image has no suggestions."));
  return 0;
}

/** @param {Editor} editor @param {string} name @param {Item[]} items @param {boolean} accept */
function apply({ openImage }, name, items, accept) {
  const changes = items.map((before) => ({
    id: before.id,
    before,
    after: accept ? { ...before, suggestedBy: null } : null,
  }));
  openImage.step(name, changes);
}
