/** The masks of one open image: what they are now, how to take steps back, and their way to the outbox. */
import { area, box, contains, fromString, toString } from "../masks/rle.js";
import { UndoHistory } from "./undo-history.js";

/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("./undo-history.js").Change} Change */
/** @typedef {import("../storage/sync.js").Sync} Sync */
/**
 * @typedef {object} Item A mask as the page works with it; never changed, only replaced.
 * @property {string} id
 * @property {Runs} runs
 * @property {Box} box
 * @property {number} area
 * @property {string | null} label
 * @property {import("../types.js").Clicks | null} clicks null for a mask drawn or changed by hand
 * @property {number | null} score
 * @property {string | null} model
 * @property {number} seconds
 * @property {string} [author]
 * @property {string | null} [suggestedBy] for a suggestion the id of the example mask
 * @property {import("../types.js").Mask["attributes"]} [attributes]
 * @property {number} [depth] masks of a greater depth lie on top
 */

/** Emits "masks" with all changes as detail, and "step" with those of a step forward. */
export class OpenImage extends EventTarget {
  /** @param {ImageInfo} info @param {Sync} sync */
  constructor(info, sync) {
    super();
    this.info = info;
    this.sync = sync;
    /** @type {import("../types.js").Size} */
    this.size = [info.height, info.width];
    /** In the order in which they are drawn, the last on top. @type {Map<string, Item>} */
    this.items = new Map();
    this.history = new UndoHistory();
    /** Whether the image takes no changes of this person. */
    this.closed = () => false;
  }

  /**
   * Take the stored masks, and over them what the outbox still holds. What was sent after they were asked for may
   * be missing among them, or older there.
   * @param {Mask[]} masks
   * @param {Iterable<{mask: Mask}>} [waited] what the outbox held when they were asked for
   */
  load(masks, waited = []) {
    const { id: image } = this.info;
    const over = new Map([...waited].map(({ mask }) => [mask.id, mask]));
    for (const mask of masks) {
      if (over.has(mask.id) && mask.revision < this.sync.revision(image, mask.id)) continue;
      over.delete(mask.id);
      this.sync.know(image, mask);
      this.items.set(mask.id, itemOf(mask));
    }
    for (const { mask } of this.sync.outbox.of(image)) over.set(mask.id, mask);
    for (const mask of over.values()) {
      if (mask.deleted) this.items.delete(mask.id);
      else this.items.set(mask.id, itemOf(mask));
    }
    this.arrange();
  }

  /**
   * A step forward.
   * @param {string} name
   * @param {Change[]} changes
   * @returns {Promise<void>} when it is safe
   */
  step(name, changes) {
    if (this.refuses()) return Promise.resolve();
    this.history.push({ name, changes });
    const safe = this.apply(changes);
    this.dispatchEvent(new CustomEvent("step", { detail: changes }));
    return safe;
  }

  /**
   * Give labels to masks that have none, as a part of the steps that made them.
   * @param {Map<string, string>} labels by the ids of the masks
   */
  giveLabels(labels) {
    if (this.closed()) return;
    const given = (/** @type {Item | null} */ item) => {
      const label = item && !item.suggestedBy && item.label === null && labels.get(item.id);
      return label ? { ...item, label } : item;
    };
    this.history.rewrite(given);
    const items = [...this.items.values()].filter((item) => given(item) !== item);
    if (items.length) this.apply(items.map((before) => ({ id: before.id, before, after: given(before) })));
  }

  /**
   * A better version of what a person saw already: no step of its own, but every step has it from now on.
   * @param {string} id
   * @param {import("../types.js").Runs} runs what it is a version of
   * @param {Partial<Item>} some
   * @returns {boolean} whether the mask was still as it was
   */
  refine(id, runs, some) {
    const before = this.items.get(id);
    if (before?.runs !== runs || this.closed()) return false;
    const better = (/** @type {Item | null} */ item) => (item?.runs === runs ? { ...item, ...some } : item);
    this.history.rewrite(better);
    this.apply([{ id, before, after: better(before) }]);
    return true;
  }

  /** Whether the image takes no changes, which is said then. */
  refuses() {
    if (this.closed()) this.dispatchEvent(new Event("refused"));
    return this.closed();
  }

  undo() {
    if (this.refuses()) return null;
    return this.back(this.history.undo());
  }

  redo() {
    if (this.refuses()) return null;
    return this.back(this.history.redo());
  }

  /** @param {import("./undo-history.js").Entry | null} entry */
  back(entry) {
    if (entry) this.apply(entry.changes);
    return entry;
  }

  /** @param {Change[]} changes */
  apply(changes) {
    for (const { id, after } of changes) {
      this.items.delete(id);
      if (after) this.items.set(id, after); // what was worked on last lies on top
    }
    this.arrange();
    this.emit(changes);
    return this.sync.put(
      this.info.id,
      changes.map(({ id, before, after }) => this.wire(id, after ?? before, !after)),
    );
  }

  /** Order the masks by depth; those of one depth stay as they are. */
  arrange() {
    const items = [...this.items.values()];
    if (items.some(({ depth }) => depth)) this.items = new Map(byDepth(items).map((item) => [item.id, item]));
  }

  /** The masks here that are stored. @returns {Set<string>} */
  stored() {
    const { id: image } = this.info;
    return new Set([...this.items.keys()].filter((id) => this.sync.revision(image, id) > 0));
  }

  /**
   * Take what another tab or another user has stored since; what waits here to be saved stays.
   * @param {Mask[]} masks all that are stored
   * @param {Set<string>} before what was stored here when they were asked for
   */
  merge(masks, before) {
    const { id: image } = this.info;
    const waits = (/** @type {string} */ id) => this.sync.outbox.get(image, id) !== undefined;
    const stored = new Set(masks.map(({ id }) => id));
    for (const mask of masks) {
      if (waits(mask.id) || mask.revision <= this.sync.revision(image, mask.id)) continue;
      this.sync.know(image, mask);
      this.show(mask);
    }
    for (const [id, item] of this.items) {
      if (stored.has(id) || waits(id) || !before.has(id)) continue;
      this.items.delete(id);
      this.emit([{ id, before: item, after: null }]);
    }
  }

  /** Show what is stored instead of what was here; no step of the person's. @param {Mask} mask */
  show(mask) {
    const before = this.items.get(mask.id) ?? null;
    const after = mask.deleted ? null : itemOf(mask);
    if (after) this.items.set(mask.id, after);
    else this.items.delete(mask.id);
    this.emit([{ id: mask.id, before, after }]);
  }

  /** @param {string} id @param {Item | null} item @param {boolean} deleted @returns {Mask} */
  wire(id, item, deleted) {
    if (!item) throw new Error("a step must change something");
    return {
      id,
      revision: 0,
      label_id: item.label,
      size: this.size,
      counts: toString(item.runs),
      score: item.score,
      prompts: item.clicks,
      model: item.model,
      seconds: item.seconds,
      deleted,
      suggested_by: item.suggestedBy ?? null,
      attributes: item.attributes ?? null,
      depth: item.depth ?? 0,
    };
  }

  /**
   * The topmost mask at a pixel; of masks there the smallest, so that parts can be reached.
   * @param {number} x
   * @param {number} y
   * @param {(id: string) => boolean} seen
   */
  at(x, y, seen) {
    /** @type {Item | null} */
    let found = null;
    for (const item of this.items.values()) {
      const [x0, y0, x1, y1] = item.box;
      if (x < x0 || y < y0 || x >= x1 || y >= y1 || !seen(item.id)) continue;
      if ((!found || item.area <= found.area) && contains(item.runs, this.size, x, y)) found = item;
    }
    return found;
  }

  /** @param {Change[]} changes */
  emit(changes) {
    this.dispatchEvent(new CustomEvent("masks", { detail: changes }));
  }
}

/**
 * Those of a greater depth later, on top.
 * @template {{depth?: number}} T
 * @param {T[]} items @returns {T[]}
 */
export const byDepth = (items) => items.toSorted((a, b) => (a.depth ?? 0) - (b.depth ?? 0));

/** @param {Mask} mask @returns {Item} */
export function itemOf(mask) {
  const runs = fromString(mask.counts);
  return {
    id: mask.id,
    runs,
    box: box(runs, mask.size),
    area: area(runs),
    label: mask.label_id,
    clicks: mask.prompts,
    score: mask.score,
    model: mask.model,
    seconds: mask.seconds ?? 0,
    author: mask.author,
    suggestedBy: mask.suggested_by ?? null,
    attributes: mask.attributes ?? null,
    depth: mask.depth ?? 0,
  };
}
