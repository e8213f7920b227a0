/** A box "Find": every object that words name becomes a suggestion in the open image. */
import { reasonOf } from "../storage/errors.js";
import { unlike } from "../masks/candidates.js";
import { area, box, fromString } from "../masks/rle.js";
import { counted, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */

/** What `suggestedBy` begins with where words were searched for. */
export const BY_WORDS = "words-";
const LONGEST = 200;

/** @param {EditorScreen} screen */
export function findWordsSection(screen) {
  const labels = h("datalist", { id: "find-labels" });
  const suggest = () =>
    fill(labels, ...screen.app.project.labels.map(({ name }) => h("option", { value: name })));
  const input = h("input", {
    type: "search",
    "aria-label": "Find objects by words",
    placeholder: "Find … (cup, red car)",
    maxlength: LONGEST,
    onfocus: suggest,
  });
  input.setAttribute("list", "find-labels");
  const button = h("button", {}, icon("similar"), "Find");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const words = input.value.trim();
    if (!words || button.disabled) return;
    button.disabled = true;
    await find(screen, words);
    button.disabled = false;
  };
  return h(
    "section",
    {},
    h("form", { class: "row", role: "search", onsubmit: submit }, input, labels, button),
  );
}

/** @param {EditorScreen} screen @param {string} words */
async function find({ app, editor, openImage }, words) {
  const storage = /** @type {ServerStorage} */ (app.storage);
  try {
    const { masks, model } = await storage.findWords(openImage.info.id, words);
    const label = app.project.labels.find(({ name }) => name.toLowerCase() === words.toLowerCase());
    const found = masks.map(({ counts, score }) => {
      const runs = fromString(counts);
      return { runs, score, box: box(runs, openImage.size), area: area(runs) };
    });
    const items = unlike(found, [...openImage.items.values()]).map((one) => ({
      ...one,
      label: label?.id ?? editor.label,
      model,
      suggestedBy: idOf(words),
    }));
    if (!items.length)
      return notify(
        masks.length ? `All that was found has a mask already.` : `Nothing found for “${words}”.`,
      );
    editor.add(items, `Find ${words}`);
    notify(`${counted(items.length, "suggestion")} for “${words}”: Y accepts, R rejects.`);
  } catch (error) {
    notify(`The search failed: ${reasonOf(error)}.`);
  }
}

/** The id of a search: only what ids may hold. @param {string} words */
const idOf = (words) => (BY_WORDS + words.toLowerCase().replace(/[^a-z0-9]+/g, "-")).slice(0, 64);
