/** Brightness, contrast, gamma and channels of the image as it is shown; its file and the model know nothing of it. */
import { t } from "../language.js";

/** @typedef {"colour" | "red" | "green" | "blue" | "grey"} Channel */
/** @typedef {{brightness: number, contrast: number, gamma: number, channel: Channel}} Adjustment */

/** @type {Adjustment} */
export const UNCHANGED = { brightness: 0, contrast: 0, gamma: 1, channel: "colour" };
/** @type {[Channel, string][]} */
export const CHANNELS = [
  ["colour", t("Colour")],
  ["red", t("Red")],
  ["green", t("Green")],
  ["blue", t("Blue")],
  ["grey", t("Grey")],
];
const STEEPEST = 5; // slope at full contrast
const STEPS = 64; // of the curve, joined by straight lines
const ID = "am-adjustment";
const LUMA = [0.2126, 0.7152, 0.0722]; // ITU-R BT.709
/** Shares of red, green and blue in what is shown. @type {Record<Channel, number[] | null>} */
const SHARES = { colour: null, red: [1, 0, 0], green: [0, 1, 0], blue: [0, 0, 1], grey: LUMA };

/** @param {Adjustment} some */
export const isUnchanged = ({ brightness, contrast, gamma, channel }) =>
  brightness === 0 && contrast === 0 && gamma === 1 && channel === "colour";

/**
 * The value shown for a value from 0 to 1: gamma, then contrast about the middle, then brightness.
 * @param {number} value @param {Omit<Adjustment, "channel">} adjustment
 */
export function adjusted(value, { brightness, contrast, gamma }) {
  const out = (value ** (1 / gamma) - 0.5) * STEEPEST ** contrast + 0.5 + brightness;
  return Math.min(Math.max(out, 0), 1);
}

/** The curve as the filter wants it. @param {Adjustment} adjustment @returns {number[]} */
export const curve = (adjustment) =>
  Array.from({ length: STEPS + 1 }, (_, i) => Math.round(adjusted(i / STEPS, adjustment) * 1e4) / 1e4);

/** Rows of a colour matrix: red, green, blue, alpha, constant. @param {Channel} channel */
function matrix(channel) {
  const shares = SHARES[channel];
  const rows = [0, 1, 2].map((i) => shares ?? [0, 1, 2].map((j) => Number(i === j)));
  return [...rows.map((row) => [...row, 0, 0]), [0, 0, 0, 1, 0]].flat().join(" ");
}

/**
 * Show an element through the adjustment.
 * @param {HTMLElement} element @param {Adjustment} adjustment
 */
export function applyAdjustment(element, adjustment) {
  if (isUnchanged(adjustment)) {
    element.style.filter = "";
    return;
  }
  const filter = document.getElementById(ID) ?? makeFilter();
  filter.querySelector("feColorMatrix")?.setAttribute("values", matrix(adjustment.channel));
  const table = curve(adjustment).join(" ");
  for (const one of filter.querySelectorAll("feComponentTransfer > *"))
    one.setAttribute("tableValues", table);
  element.style.filter = `url(#${ID})`;
}

function makeFilter() {
  const make = (/** @type {string} */ name, /** @type {Record<string, string>} */ attributes = {}) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = make("svg", { width: "0", height: "0", "aria-hidden": "true", class: "filters" });
  const filter = make("filter", { id: ID, "color-interpolation-filters": "sRGB" });
  const transfer = make("feComponentTransfer");
  transfer.append(...["feFuncR", "feFuncG", "feFuncB"].map((name) => make(name, { type: "table" })));
  filter.append(make("feColorMatrix", { type: "matrix" }), transfer);
  svg.append(filter);
  document.body.append(svg);
  return filter;
}
