/** The logits of the answers shown last, for the next click to go on from. */

/** @typedef {import("../types.js").Runs} Runs */

const KEPT = 64; // some 50 kB each

export class LogitsCache {
  constructor() {
    /** @type {Map<Runs, Float32Array>} */
    this.byRuns = new Map();
  }

  /** @param {import("../types.js").Hypothesis} answer */
  remember({ runs, logits }) {
    this.byRuns.set(runs, logits);
    for (const oldest of [...this.byRuns.keys()].slice(0, -KEPT)) this.byRuns.delete(oldest);
  }

  /** @param {Runs} runs @returns {Float32Array | null} */
  of(runs) {
    return this.byRuns.get(runs) ?? null;
  }
}
