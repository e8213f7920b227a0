/** What masks are called: the twin of `anymask.models.text.namer.Namer`. */
import { readMetadata, readSafetensors } from "./safetensors.js";

/** @typedef {import("./word-table.js").WordTable} WordTable */

const NEW = 1; // bonus of a phrase that is no name of the training data
const NEAR = 0.6; // names whose phrases have a higher cosine may name the same thing
const FURTHEST = 60;

export class Namer {
  /** @param {ArrayBuffer} buffer of the weights @param {WordTable} words */
  constructor(buffer, words) {
    this.tables = readSafetensors(buffer);
    this.words = words;
    /** @type {string[]} */
    this.names = readMetadata(buffer).names.split("\n");
    this.place = new Map(this.names.map((name, i) => [name, i]));
    this.parts = this.names.map((name) => new Set(words.words(name)));
    this.nameVectors = this.names.map((name) => this.phrase(name));
  }

  /** The head of ImageNet's last convolution: weights (1280, 320) and bias. */
  get head() {
    return { weight: this.tables["head.weight"], bias: this.tables["head.bias"].values };
  }

  /** A phrase as a name of the training data if it is one or the plural of one. @param {string} phrase */
  name(phrase) {
    const words = this.words.words(phrase);
    const head = /** @type {string} */ (words.pop());
    const forms = [head, ...this.words.singulars(head)].map((one) => [...words, one].join(" "));
    return forms.find((form) => this.place.has(form)) ?? forms[0];
  }

  /** The unit vector of a phrase. @param {string} phrase */
  phrase(phrase) {
    const name = this.name(phrase);
    const { values, shape } = this.tables.known;
    const place = this.place.get(name);
    const change = place === undefined ? null : values.subarray(place * shape[1], (place + 1) * shape[1]);
    return this.network("phrase", this.words.vector(name), change);
  }

  /** The unit vector of a mask's features. @param {Float32Array} features */
  thing(features) {
    const { mean, std } = this.tables;
    const plain = features.map((value, i) => (value - mean.values[i]) / std.values[i]);
    return this.network("image", plain, null);
  }

  /**
   * How likely each mask is what each phrase names, each phrase by itself.
   * @param {Float32Array[]} features of masks @param {string[]} phrases
   * @returns {number[][]} a row for each mask
   */
  probabilities(features, phrases) {
    const scale = this.tables.scale.values[0];
    const none = this.tables.none.values[0];
    const wanted = phrases.map((phrase) => {
      const vector = this.phrase(phrase);
      return { vector, near: this.near(phrase, vector), bonus: this.place.has(this.name(phrase)) ? 0 : NEW };
    });
    return features.map((one) => {
      const thing = this.thing(one);
      const known = this.nameVectors.map((vector) => scale * dot(thing, vector));
      return wanted.map(({ vector, near, bonus }) => {
        const rest = logSum([none, ...known.filter((_, i) => !near[i])]);
        const gap = rest - (scale * dot(thing, vector) + bonus);
        return 1 / (1 + Math.exp(Math.min(Math.max(gap, -FURTHEST), FURTHEST)));
      });
    });
  }

  /** Which names may name what a phrase names. @param {string} phrase @param {Float32Array} vector */
  near(phrase, vector) {
    const name = this.name(phrase);
    const mine = new Set(name.split(" "));
    const { values, shape } = this.tables.together;
    const row = this.place.get(name);
    return this.parts.map(
      (other, i) =>
        dot(vector, this.nameVectors[i]) > NEAR ||
        within(mine, other) ||
        within(other, mine) ||
        (row !== undefined && values[row * shape[1] + i] > 0),
    );
  }

  /** Two layers and a change of their output, normalised. @param {string} name @param {Float32Array} x @param {Float32Array | null} change */
  network(name, x, change) {
    const hidden = this.layer(`${name}.0`, x).map((value) => Math.max(value, 0));
    const out = this.layer(`${name}.1`, hidden);
    if (change) change.forEach((value, i) => (out[i] += value));
    const norm = Math.max(Math.hypot(...out), 1e-6);
    return out.map((value) => value / norm);
  }

  /** @param {string} name @param {Float32Array} x */
  layer(name, x) {
    const { values, shape } = this.tables[`${name}.weight`];
    const out = Float32Array.from(this.tables[`${name}.bias`].values);
    for (let row = 0; row < shape[0]; row++)
      out[row] += dot(values.subarray(row * shape[1], (row + 1) * shape[1]), x);
    return out;
  }
}

/** @param {Float32Array} a @param {Float32Array} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {number[]} logits */
function logSum(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b));
  return most + Math.log(logits.reduce((sum, one) => sum + Math.exp(one - most), 0));
}

/** @param {Set<string>} some @param {Set<string>} all */
const within = (some, all) => [...some].every((one) => all.has(one));
