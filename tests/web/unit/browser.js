/** What the page's modules expect of a browser, for tests in Node.js: a database, tab storage, locks. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";

const kept = new Map();
const held = new Set();

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });

define("document", { baseURI: "http://localhost/" });
define("sessionStorage", {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
});
define("navigator", {
  locks: {
    /** Holds a lock until its callback ends; a lock that is held is waited for until the signal. */
    async request(name, { signal }, hold) {
      if (held.has(name)) await free(name, signal);
      held.add(name);
      await hold();
    },
    query: async () => ({ held: [...held].map((name) => ({ name })) }),
  },
});

/**
 * Waits until a lock is free; fails with the reason of the signal if that comes first.
 * @param {string} name @param {AbortSignal} signal
 */
function free(name, signal) {
  return new Promise((resolve, reject) => {
    const looking = setInterval(() => {
      if (!held.has(name)) resolve(null);
      else if (signal.aborted) reject(signal.reason);
      else return;
      clearInterval(looking);
    }, 20);
  });
}

/** A new tab: no name yet, and the locks of the others stay. */
export function newTab() {
  kept.clear();
}

/** A tab is closed: its lock is free. @param {string} client */
export function closeTab(client) {
  held.delete(`anymask-tab-${client}`);
}

/** Start without databases. */
export function emptyDatabases() {
  define("indexedDB", new IDBFactory());
}

/** A mask as it is saved; `some` overrides. */
export const maskOf = (id, some = {}) => ({
  id,
  revision: 0,
  label_id: null,
  size: [3, 4],
  counts: "013",
  score: null,
  prompts: null,
  model: null,
  seconds: 0,
  deleted: false,
  ...some,
});
