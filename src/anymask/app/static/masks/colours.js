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

/** @param {string} id */
export function ownColour(id) {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return PALETTE[hash % PALETTE.length];
}

/** @param {string} hex "#rrggbb" @returns {Rgb} */
export function toRgb(hex) {
  const number = parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}
