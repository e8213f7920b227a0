/** Searches for what words name: phrases, the suggestions that they give, and what those are called. */
import { unlike } from "../masks/candidates.js";
import { area, box, fromString } from "../masks/rle.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../types.js").Label} Label */
/** @typedef {import("./undo-history.js").Change} Change */
/** @typedef {{counts: string, score: number, prompt?: number | null}} Found of the phrase with the index `prompt` */

/**
 * @typedef {{masks: Found[], model: string, best: number[], threshold: number}} Finds `best`: the highest probability
 *   of each phrase for any region; `threshold`: the least that is needed
 */

/** What `suggestedBy` begins with where words were searched for. */
const BY_WORDS = "words-";

const ARTICLE = /^(an?|the)\s+/i;

/** The phrases of a list with commas, each without its article: so a label is called. @param {string} text */
export const phrasesIn = (text) =>
  [...new Set(text.split(",").map((one) => one.trim().replace(ARTICLE, "")))].filter(Boolean);

/** The id of a search: only what ids may hold. @param {string} phrase */
export const searchFor = (phrase) =>
  (BY_WORDS + phrase.toLowerCase().replace(/[^a-z0-9]+/g, "-")).slice(0, 64);

/** Whether words were searched for, not an example. @param {string} search */
export const isByWords = (search) => search.startsWith(BY_WORDS);

/** What was searched for, as a name; null for a search by example and for words that no id can hold. @param {string} search @returns {string | null} */
export const wordsOf = (search) =>
  (isByWords(search) && search.slice(BY_WORDS.length).replaceAll("-", " ").trim()) || null;

/**
 * Make suggestions of what phrases found, except where a mask or a suggestion lies; the first one is selected.
 * Each has the label that its phrase names, none where no label has that name.
 * @param {Editor} editor
 * @param {string[]} phrases
 * @param {Finds} found
 * @param {Label[]} labels
 * @returns {number} how many are new
 */
export function suggestFound(editor, phrases, { masks, model }, labels) {
  const { openImage } = editor;
  const all = masks.map(({ counts, score, prompt }) => {
    const runs = fromString(counts);
    return { runs, score, box: box(runs, openImage.size), area: area(runs), phrase: phrases[prompt ?? 0] };
  });
  const items = unlike(all, [...openImage.items.values()]).map(({ phrase, ...one }) => ({
    ...one,
    id: crypto.randomUUID(),
    label: labels.find(({ name }) => name.toLowerCase() === phrase.toLowerCase())?.id ?? null,
    model,
    suggestedBy: searchFor(phrase),
  }));
  if (!items.length) return 0;
  editor.add(items, `Find ${phrases.join(", ")}`);
  editor.select(items[0].id);
  return items.length;
}

/** The label that words name. @param {Label[]} labels @param {string} words as `wordsOf` gives them */
export const labelNamed = (labels, words) =>
  labels.find(({ name }) => name.toLowerCase().replaceAll("-", " ") === words);

/**
 * What was searched for, by the ids of the suggestions without a label that a step accepted.
 * @param {Change[]} changes
 */
export function acceptedWords(changes) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const { id, before, after } of changes) {
    const words = wordsOf(before?.suggestedBy ?? "");
    if (words && after && !after.suggestedBy && after.label === null) found.set(id, words);
  }
  return found;
}

/**
 * The best probability of a search and the one that is needed, in percent; one just below is not rounded up to it.
 * @param {Pick<Finds, "best" | "threshold">} found
 */
export const percents = ({ best, threshold }) => ({
  best: Math.floor(100 * Math.max(0, ...best)),
  least: Math.round(100 * threshold),
});
