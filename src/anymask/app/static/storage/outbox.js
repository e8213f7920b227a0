/**
 * What is not saved yet: every change of a mask lies in IndexedDB before it is sent, so that neither a killed
 * server nor a closed lid loses it. Each tab sends its own entries, and takes over those of tabs that are
 * gone. An entry belongs to the person who made it: for others it is neither shown nor sent.
 */
import { answered, finished, openDatabase } from "./indexed-db.js";

/** @typedef {import("../types.js").Mask} Mask */
/**
 * @typedef {object} Entry
 * @property {string} key client, image, mask and author
 * @property {string} client the tab
 * @property {string | null} [author] who made it; null where the server asks nobody who they are
 * @property {string} image
 * @property {Mask} mask as it shall be; its revision is the one it was made from
 * @property {"waiting" | "conflict" | "refused"} state
 * @property {boolean} [tried] it may have arrived already
 * @property {string[]} [sent] contents that were sent without a response
 * @property {Mask} [theirs] with a conflict: what is stored
 * @property {string} [reason] with a refusal
 */

const LOCK = "anymask-tab-";
const LEAVING = 1000; // ms in which a page that is left gives up its name
const RELOADING = 15_000; // ms of a page that is reloaded: on a busy machine it takes long to go

export class Outbox {
  /** @param {() => string | null} [author] who is signed in; null where nobody has to */
  constructor(author = () => null) {
    this.author = author;
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
      const key = this.keyOf(entry.image, entry.mask.id, entry.author ?? null);
      if (key !== entry.key) store.delete(entry.key);
      const own = { ...entry, tried: true, client: this.client, key };
      store.put(own);
      this.entries.set(own.key, own);
    }
    await this.adopt();
  }

  /** What nobody's name is on is the work of the person signed in: nobody was asked for a token then. */
  async adopt() {
    const author = this.author();
    for (const entry of [...this.entries.values()]) {
      const key = this.keyOf(entry.image, entry.mask.id);
      if (entry.author || !author || this.entries.has(key)) continue;
      await this.put([{ ...entry, author, key }]);
      await this.remove(entry);
    }
  }

  /** @param {string} image @param {string} mask @param {string | null} [author] */
  keyOf(image, mask, author = this.author()) {
    return [this.client, image, mask, author ?? ""].join(" ");
  }

  /** Whether an entry is of the person signed in. @param {Entry} entry */
  isOwn({ author }) {
    return (author ?? null) === this.author();
  }

  /** @param {string} image @param {string} mask */
  get(image, mask) {
    return this.entries.get(this.keyOf(image, mask));
  }

  /** The person's own entries of an image. @param {string} image */
  of(image) {
    return [...this.entries.values()].filter((entry) => entry.image === image && this.isOwn(entry));
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
 * copies it, gets a new one.
 * @param {string} name @returns {Promise<string>}
 */
function claimed(name) {
  if (!navigator.locks) return Promise.resolve(name);
  const patience = isReload() ? RELOADING : LEAVING;
  return new Promise((resolve) => {
    const hold = () => {
      resolve(name);
      return new Promise(() => {}); // until the tab goes
    };
    navigator.locks.request(LOCK + name, { signal: AbortSignal.timeout(patience) }, hold).catch((error) => {
      if (error.name !== "TimeoutError") return resolve(name); // no locks here at all
      const other = crypto.randomUUID();
      sessionStorage.setItem("anymask tab", other);
      resolve(claimed(other));
    });
  });
}

/** Whether the page before was this tab's own: a duplicated tab is not reloaded. */
function isReload() {
  const [entry] = performance.getEntriesByType("navigation");
  return /** @type {PerformanceNavigationTiming | undefined} */ (entry)?.type === "reload";
}

/** @returns {Promise<Set<string>>} */
async function tabsAlive() {
  const held = (await navigator.locks?.query())?.held ?? [];
  return new Set(held.map(({ name }) => (name ?? "").replace(LOCK, "")));
}
