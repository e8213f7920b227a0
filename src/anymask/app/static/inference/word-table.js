/** English phrases as vectors: the twin of `anymask.models.text.words`. */
import { readSafetensors } from "./safetensors.js";

const MOST_LETTERS = 200;
const MOST_WORDS = 8;
const STEP = 4 / 127;
const ALIKE = 0.6;
const NO_CONTENT = new Set(
  (
    "a an the my your his her its our their this that these those some any every all each there is are " +
    "image images photo photos picture pictures please find show segment"
  ).split(" "),
);
const AFTER_HEAD = /\b(?:of|with|in|on|at|from|for|by|near|under|over|behind|next|that|which|who)\b/;
const DOING = new Set(
  (
    "sitting standing lying sleeping resting waiting walking running jumping climbing swimming flying playing " +
    "eating drinking holding carrying wearing riding driving pulling pushing looking facing hanging growing"
  ).split(" "),
);
const ENDINGS = [
  ["ies", "y"],
  ["ves", "f"],
  ["es", ""],
  ["s", ""],
  ["men", "man"],
];

/** A phrase that cannot be used; the message says why. */
export class PhraseError extends Error {}

export class WordTable {
  /** @param {string[]} words the most frequent first @param {Int8Array} vectors */
  constructor(words, vectors) {
    this.place = new Map(words.map((word, i) => [word, i]));
    this.vectors = vectors;
    this.dim = vectors.length / words.length;
  }

  /** @param {ArrayBuffer} buffer of the file that comes with the app */
  static read(buffer) {
    const { words, vectors } = readSafetensors(buffer);
    return new WordTable(new TextDecoder().decode(words.values).split("\n"), vectors.values);
  }

  /** The word, its singular or its plural, whichever is in the table. @param {string} word */
  known(word) {
    return [word, ...this.singulars(word), `${word}s`].find((form) => this.place.has(form));
  }

  /** Words of the table whose plural a word may be. @param {string} word */
  singulars(word) {
    return ENDINGS.filter(([ending]) => word.endsWith(ending))
      .map(([ending, other]) => word.slice(0, word.length - ending.length) + other)
      .filter((stem) => this.place.has(stem));
  }

  /** The words of a phrase that carry its meaning; the last is the head. @param {string} phrase */
  words(phrase) {
    return contentWords(phrase).map((word) => {
      const known = this.known(word);
      if (known === undefined)
        throw new PhraseError(`the model does not know the word “${word}”. ${this.advice(word)}`);
      return known;
    });
  }

  /** The vector of the head, then the mean of all words. @param {string} phrase */
  vector(phrase) {
    const words = this.words(phrase);
    const { dim, vectors } = this;
    const out = new Float32Array(2 * dim);
    words.forEach((word, i) => {
      const start = /** @type {number} */ (this.place.get(word)) * dim;
      for (let d = 0; d < dim; d++) {
        const value = vectors[start + d] * STEP;
        if (i === words.length - 1) out[d] = value;
        out[dim + d] += value / words.length;
      }
    });
    return out;
  }

  /** @param {string} word */
  advice(word) {
    const near = this.nearest(word);
    return near.length ? `Known words like it: ${near.join(", ")}` : "Use a more common English noun";
  }

  /** Known words that are spelled alike, the most alike first. @param {string} word */
  nearest(word, most = 3) {
    return [...this.place.keys()]
      .filter((one) => one[0] === word[0] && Math.abs(one.length - word.length) <= 2)
      .map((one) => ({ one, share: 1 - edits(one, word) / Math.max(one.length, word.length) }))
      .filter(({ share }) => share >= ALIKE)
      .sort((a, b) => b.share - a.share)
      .slice(0, most)
      .map(({ one }) => one);
  }
}

/** The words of a phrase in small letters, without articles and what follows the thing. @param {string} phrase */
export function contentWords(phrase) {
  if (phrase.length > MOST_LETTERS) throw new PhraseError(`a phrase has at most ${MOST_LETTERS} characters`);
  const foreign = phrase.match(/[^\P{L}a-zA-Z]/u);
  if (foreign) throw new PhraseError(`phrases are English, “${foreign[0]}” is no English letter`);
  const parts = phrase
    .toLowerCase()
    .replace(/[-_/]+/g, " ")
    .split(AFTER_HEAD)
    .map((part) => (part.match(/[a-z]+/g) ?? []).filter((word) => !NO_CONTENT.has(word)));
  if (parts.flat().length > MOST_WORDS)
    throw new PhraseError(`a phrase has at most ${MOST_WORDS} words. Name one thing`);
  const words = parts.find((part) => part.length);
  if (!words) throw new PhraseError(`“${phrase.trim()}” names no thing. Write a noun, such as cup`);
  const after = words.findIndex((word, i) => i > 0 && DOING.has(word));
  return after < 0 ? words : words.slice(0, after);
}

/** The number of letters to change, add or remove. @param {string} a @param {string} b */
function edits(a, b) {
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++)
      row.push(Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + Number(a[i - 1] !== b[j - 1])));
    before = row;
  }
  return before[b.length];
}
