/** What a person hides, locks and points at in the open image: of this page only, never stored. */

/** Emits "change" with the ids of the masks that look different now. */
export class Visibility extends EventTarget {
  constructor() {
    super();
    /** @type {Set<string>} */
    this.hidden = new Set();
    /** @type {Set<string>} */
    this.locked = new Set();
    /** Masks that a command is about, besides the selected one. @type {Set<string>} */
    this.marked = new Set();
    /** The mask under the pointer, in the list or on the image. @type {string | null} */
    this.hovered = null;
  }

  /** @param {"hidden" | "locked" | "marked"} what @param {string} id */
  toggle(what, id) {
    const set = this[what];
    if (!set.delete(id)) set.add(id);
    this.emit([id]);
  }

  /** Whether a click can select a mask. @param {string} id */
  reachable(id) {
    return !this.hidden.has(id) && !this.locked.has(id);
  }

  /** Take all marks off. */
  unmark() {
    const before = [...this.marked];
    this.marked.clear();
    this.emit(before);
  }

  /** @param {string | null} id */
  hover(id) {
    if (id === this.hovered) return;
    const before = this.hovered;
    this.hovered = id;
    this.emit([before, id].filter((one) => one !== null));
  }

  /** @param {string[]} ids */
  emit(ids) {
    this.dispatchEvent(new CustomEvent("change", { detail: ids }));
  }
}
