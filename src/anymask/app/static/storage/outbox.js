/**
 * What is not saved yet: every change of a mask lies in IndexedDB before it is sent, so that neither a killed
 * server nor a closed lid loses it. Each tab sends its own entries, and takes over those of tabs that are
 * gone.
 */
import { answered, finished, openDatabase } from "./indexed-db.js";

/** @typedef {import("../types.js").Mask} Mask */
/**
 * @typedef {object} Entry
 * @property {string} key client, image and mask
 * @property {string} client the tab
 * @property {string} image
 * @property {Mask} mask as it shall be; its revision is the one it was made from
 * @property {"waiting" | "conflict" | "refused"} state
 * @property {boolean} [tried] it may have arrived already
 * @property {string[]} [sent] contents that were sent without a response
 * @property {Mask} [theirs] with a conflict: what is stored
 * @property {string} [reason] with a refusal
 */

const LOCK = "anymask-tab-";
const RELOADING = 1000; // ms in which a page that is left gives up its name

export class Outbox {
  constructor() {
    this.database = openDatabase("outbox", { entries: "key" });
    this.client = tabName();
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
  }

  /** Take over what this tab before a reload, and tabs that are gone, left behind. */
  async open() {
    this.client = await claimed(this.client);
    const alive = await tabsAlive();
    const store = (await this.database).transaction("entries", "readwrite").objectStore("entries");
    for (const entry of /** @type {Entry[]} */ (await answered(store.getAll()))) {
      if (entry.client !== this.client && alive.has(entry.client)) continue;
      if (entry.client !== this.client) store.delete(entry.key);
      const own = { ...entry, tried: true, client: this.client, key: this.keyOf(entry.image, entry.mask.id) };
      store.put(own);
      this.entries.set(own.key, own);
    }
  }

  /** @param {string} image @param {string} mask */
  keyOf(image, mask) {
    return `${this.client} ${image} ${mask}`;
  }

  /** @param {string} image @param {string} mask */
  get(image, mask) {
    return this.entries.get(this.keyOf(image, mask));
  }

  /** @param {string} image */
  of(image) {
    return [...this.entries.values()].filter((entry) => entry.image === image);
  }

  /** Write an entry; it is safe when the promise is fulfilled. @param {Entry[]} entries */
  async put(entries) {
    for (const entry of entries) this.entries.set(entry.key, entry);
    const transaction = (await this.database).transaction("entries", "readwrite", { durability: "strict" });
    const store = transaction.objectStore("entries");
    for (const entry of entries) store.put(entry);
    await finished(transaction); // a disk without room is told only at the end
  }

  /** @param {Entry} entry */
  async remove(entry) {
    this.entries.delete(entry.key);
    const store = (await this.database).transaction("entries", "readwrite").objectStore("entries");
    await answered(store.delete(entry.key));
  }
}

/** The name of this tab, kept over reloads. */
function tabName() {
  const known = sessionStorage.getItem("anymask tab") ?? crypto.randomUUID();
  sessionStorage.setItem("anymask tab", known);
  return known;
}

/**
 * Hold the tab's name, which the page before a reload may hold for a moment yet; a duplicated tab, which
 * copies
 * it, gets a new one.
 * @param {string} name @returns {Promise<string>}
 */
function claimed(name) {
  if (!navigator.locks) return Promise.resolve(name);
  return new Promise((resolve) => {
    const hold = () => {
      resolve(name);
      return new Promise(() => {}); // until the tab goes
    };
    navigator.locks.request(LOCK + name, { signal: AbortSignal.timeout(RELOADING) }, hold).catch((error) => {
      if (error.name !== "TimeoutError") return resolve(name); // no locks here at all
      const other = crypto.randomUUID();
      sessionStorage.setItem("anymask tab", other);
      resolve(claimed(other));
    });
  });
}

/** @returns {Promise<Set<string>>} */
async function tabsAlive() {
  const held = (await navigator.locks?.query())?.held ?? [];
  return new Set(held.map(({ name }) => (name ?? "").replace(LOCK, "")));
}
