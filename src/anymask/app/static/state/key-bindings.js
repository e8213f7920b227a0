/** The keys that a person chose instead of the usual ones; kept in this browser. */
import { t } from "../language.js";
import { SHORTCUTS } from "./shortcuts.js";

/** @typedef {import("./shortcuts.js").Shortcut} Shortcut */

const KEY = "anymask keys";
/** Keys that mean the same everywhere. */
const FIXED = /^(Tab|Shift|Control|Alt|Meta|Escape|Enter| |Arrow\w+|[0-9]|Dead|Unidentified)$/;

/** By what an action is known. @param {{act: string, with?: string}} shortcut */
export const idOf = ({ act, with: detail = "" }) => `${act} ${detail}`.trim();

/** @returns {Record<string, string[]>} */
function chosen() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found && typeof found === "object" ? found : {};
  } catch {
    return {}; // damaged, or no storage
  }
}

/** All shortcuts with the keys that hold now. @returns {Shortcut[]} */
export function shortcuts() {
  const own = chosen();
  return SHORTCUTS.map((shortcut) => {
    const keys = own[idOf(shortcut)];
    return Array.isArray(keys) && shortcut.act !== "label"
      ? { ...shortcut, keys: keys.map(String) }
      : shortcut;
  });
}

/**
 * Give an action one key; another action that had it loses it.
 * @param {string} id of the action @param {string} key as `keyOf` writes it
 * @returns {{error: string} | {lost: Shortcut | null}} what is wrong with the key, or who lost it
 */
export function bind(id, key) {
  if (FIXED.test(key)) return { error: t("This key has a fixed meaning. Choose another one.") };
  const all = shortcuts();
  const lost = all.find((one) => idOf(one) !== id && one.keys.includes(key)) ?? null;
  const own = { ...chosen(), [id]: [key] };
  if (lost) own[idOf(lost)] = lost.keys.filter((one) => one !== key);
  localStorage.setItem(KEY, JSON.stringify(own));
  return { lost };
}

/** The usual keys again. */
export const resetKeys = () => localStorage.removeItem(KEY);

/** Whether any key was changed. */
export const hasOwnKeys = () => Object.keys(chosen()).length > 0;

/** @param {string} act @param {string} [detail] @returns {string} its first key for people; "" without one */
export function keyFor(act, detail = "") {
  const found = shortcuts().find((one) => one.act === act && (one.with ?? "") === detail);
  return found?.keys.length ? shownKey(found.keys[0]) : "";
}

/** A title with its key, such as "Point (P)". @param {string} title @param {string} act @param {string} [detail] */
export function withKey(title, act, detail) {
  const key = keyFor(act, detail);
  return key ? `${title} (${key})` : title;
}

/** A key as people write it. @param {string} key */
export const shownKey = (key) =>
  key
    .replace(/(^|\+)([A-Z])$/, "$1Shift+$2")
    .replace(/(^|\+)([a-z])$/, (_, plus, letter) => plus + letter.toUpperCase());
