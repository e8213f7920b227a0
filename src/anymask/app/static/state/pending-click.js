/**
 * A click whose mask is not there yet, kept over a reload of the page: written in the moment of the click,
 * taken back when its mask is stored.
 */
import { fromString, toString } from "../masks/rle.js";

/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/**
 * @typedef {{id: string, clicks: Clicks, base: Runs | null, label: string | null}} Pending
 */

const KEY = "anymask pending click";
/** What is kept now. @type {object | null} */
let kept = null;

/**
 * @param {string} image
 * @param {Pick<Pending, "id" | "clicks" | "base">} draft
 * @param {string | null} label
 * @param {string | null} author who clicked
 */
export function keepClick(image, draft, label, author) {
  const { id, clicks, base } = draft;
  kept = draft;
  const text = JSON.stringify({ image, id, clicks, base: base && toString(base), label, author });
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // a storage that is full or switched off: the click is safe when its mask is
  }
}

/** The mask of a click is stored, or is not wanted any more. @param {object} draft as it was kept */
export function dropClick(draft) {
  if (kept === draft) sessionStorage.removeItem(KEY);
}

/**
 * The click of a person that waits in an image; gone from here. Another person's is not taken.
 * @param {string} image
 * @param {string | null} author
 * @returns {Pending | null}
 */
export function takeClick(image, author) {
  const found = read();
  if (found?.image !== image || found.author !== author) return null;
  sessionStorage.removeItem(KEY);
  const { id, clicks, base, label } = found;
  return { id, clicks, base: base && fromString(base), label };
}

/** @returns {any} */
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}
