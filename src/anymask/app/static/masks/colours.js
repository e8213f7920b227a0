/** Colours of masks: that of their label, or one of their own. */

/** @typedef {[number, number, number]} Rgb */

/** Colours that show on photos and stay apart for most colour-blind people (after Okabe and Ito, 2008). */
export const PALETTE = [
  "#0ea5e9",
  "#f59e0b",
  "#10b981",
  "#d946ef",
  "#ef4444",
  "#84cc16",
  "#6366f1",
  "#f97316",
  "#14b8a6",
  "#ec4899",
  "#a3a300",
  "#8b5cf6",
];

const NEUTRAL = ["#e5e7eb", "#9ca3af", "#4b5563"]; // where labels use up the palette
const SHADES = [0, 0.3, -0.25, 0.5, -0.45]; // towards white, or towards black
const DISTINCT = 90; // distance in RGB of colours that are not taken for each other

/**
 * The colour of a mask.
 * @param {string} id of the mask @param {string | null} label its label's id @param {{id: string, color: string}[]} labels all
 */
export function colourOf(id, label, labels) {
  const found = labels.find((one) => one.id === label)?.color;
  if (found) return shadeOf(found, id);
  return ownColour(
    id,
    labels.map(({ color }) => color),
  );
}

/**
 * The colour of a mask without a label: none that a label has, nor one like it.
 * @param {string} id of the mask
 * @param {string[]} [labels] colours of the labels
 */
export function ownColour(id, labels = []) {
  const taken = labels.map(toRgb);
  const free = (/** @type {string[]} */ some) =>
    some.filter((one) => taken.every((other) => distance(toRgb(one), other) >= DISTINCT));
  const from = hashOf(id);
  // what a label takes is passed over, so that a new label changes the colours of few masks
  const inTurn = (/** @type {string[]} */ some) => some.map((_, i) => some[(from + i) % some.length]);
  return free(inTurn(PALETTE))[0] ?? free(inTurn(NEUTRAL))[0] ?? inTurn(NEUTRAL)[0];
}

/**
 * The colour of a mask with a label: a shade of the label's, so that two that touch are told apart.
 * @param {string} colour of the label @param {string} id of the mask @returns {string} "#rrggbb"
 */
export function shadeOf(colour, id) {
  const share = SHADES[hashOf(id) % SHADES.length];
  const towards = share > 0 ? 255 : 0;
  const mixed = toRgb(colour).map((value) => Math.round(value + (towards - value) * Math.abs(share)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** @param {string} id */
function hashOf(id) {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash;
}

/** @param {Rgb} a @param {Rgb} b */
const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]));

/** @param {string} hex "#rrggbb" @returns {Rgb} */
export function toRgb(hex) {
  const number = parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}
