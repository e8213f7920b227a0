/** Undo and redo without limit: what masks were before and after each step. */

const KEPT = 20; // images

/** @typedef {import("./open-image.js").Item} Item */
/** @typedef {{id: string, before: Item | null, after: Item | null}} Change null: no such mask */
/** @typedef {{changes: Change[], name: string}} Entry */

export class UndoHistory {
  constructor() {
    /** @type {Entry[]} */
    this.done = [];
    /** @type {Entry[]} */
    this.undone = [];
  }

  /** @param {Entry} entry */
  push(entry) {
    this.done.push(entry);
    this.undone = [];
  }

  /**
   * Put other states of masks in the place of those kept.
   * @param {(item: Item | null) => Item | null} better
   */
  rewrite(better) {
    const change = (/** @type {Change} */ { id, before, after }) => ({
      id,
      before: better(before),
      after: better(after),
    });
    for (const entry of [...this.done, ...this.undone]) entry.changes = entry.changes.map(change);
  }

  /** The step to take back, its changes turned round; null if there is none. @returns {Entry | null} */
  undo() {
    const entry = this.done.pop();
    if (!entry) return null;
    this.undone.push(entry);
    const changes = entry.changes.map(({ id, before, after }) => ({ id, before: after, after: before }));
    return { ...entry, changes };
  }

  /** The step to take again. @returns {Entry | null} */
  redo() {
    const entry = this.undone.pop();
    if (!entry) return null;
    this.done.push(entry);
    return entry;
  }
}

/** The histories of the images opened last, so that steps can be taken back after leaving an image. */
export class Histories {
  /** @type {Map<string, UndoHistory>} */
  #kept = new Map();

  /** @param {string} image @param {string | null} author whose steps they are */
  of(image, author) {
    const key = `${image} ${author ?? ""}`;
    const history = this.#kept.get(key) ?? new UndoHistory();
    this.#kept.delete(key);
    this.#kept.set(key, history);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value ?? "");
    return history;
  }
}
