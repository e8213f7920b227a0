/** Sends the outbox to where masks are kept, again and again until all is there. */
import { t } from "../language.js";
import { ConflictError, OfflineError, RefusedError } from "./errors.js";

/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {{saveMask(image: string, mask: Mask): Promise<{revision: number}>}} Keeper */

const PAUSE = 250; // ms after a change, so that a stroke's many are sent as one
const LONGEST = 10_000;

/**
 * Emits "change" when the counts change, "saved" and "conflict" with the entry as detail, "trouble" with the
 * sentence of a server that cannot save now, "signed-out", "unsafe" with the error of a browser that cannot write down.
 */
export class Sync extends EventTarget {
  /** @param {Outbox} outbox @param {Keeper} keeper */
  constructor(outbox, keeper) {
    super();
    this.outbox = outbox;
    this.keeper = keeper;
    /** The revision known to be stored, by image and mask. @type {Map<string, number>} */
    this.revisions = new Map();
    this.offline = false;
    /** Why the server does not save, if it says so. @type {string | null} */
    this.trouble = null;
    /** Whether something waits in this page alone. */
    this.unsafe = false;
    this.delay = PAUSE;
    this.timer = 0;
    /** @type {Promise<void> | null} */
    this.sending = null;
    globalThis.addEventListener?.("online", () => this.soon(0));
  }

  /** What is in the outbox: by state, and of other people, which is not sent. */
  get counts() {
    const counts = { waiting: 0, conflict: 0, refused: 0, others: 0 };
    for (const entry of this.outbox.entries.values())
      counts[this.outbox.isOwn(entry) ? entry.state : "others"]++;
    return counts;
  }

  /** @param {string} image @param {string} mask */
  revision(image, mask) {
    return this.outbox.get(image, mask)?.mask.revision ?? this.revisions.get(`${image} ${mask}`) ?? 0;
  }

  /** Note what is stored. @param {string} image @param {Mask} mask */
  know(image, { id, revision }) {
    this.revisions.set(`${image} ${id}`, revision);
  }

  /** Queue masks as they shall be. @param {string} image @param {Mask[]} masks */
  async put(image, masks) {
    const entries = masks.map((mask) => {
      const before = this.outbox.get(image, mask.id);
      return /** @type {Entry} */ ({
        key: this.outbox.keyOf(image, mask.id),
        client: this.outbox.client,
        author: this.outbox.author(),
        image,
        state: before?.state === "conflict" ? "conflict" : "waiting",
        theirs: before?.theirs,
        tried: before?.tried,
        sent: before?.sent,
        mask: { ...mask, revision: this.revision(image, mask.id) },
      });
    });
    const safe = this.keep(entries);
    this.emit("change");
    this.soon(PAUSE);
    await safe;
  }

  /** Write entries down; where the browser cannot, this page still sends them. @param {Entry[]} entries */
  async keep(entries) {
    try {
      await this.outbox.put(entries);
    } catch (error) {
      this.doubt(error);
    }
  }

  /** @param {Entry} entry */
  async drop(entry) {
    try {
      await this.outbox.remove(entry);
    } catch (error) {
      this.doubt(error); // it will be sent again some day, which changes nothing
    }
  }

  /** The browser cannot write down what waits. @param {unknown} error */
  doubt(error) {
    if (!this.unsafe) this.emit("unsafe", error);
    this.unsafe = true;
  }

  /** Answer a conflict. @param {Entry} entry @param {"mine" | "theirs"} choice */
  async settle(entry, choice) {
    const theirs = /** @type {Mask} */ (entry.theirs);
    this.know(entry.image, theirs);
    if (choice === "theirs") await this.drop(entry);
    else {
      const mask = { ...entry.mask, revision: theirs.revision };
      await this.keep([{ ...entry, state: "waiting", theirs: undefined, mask }]);
    }
    this.emit("change");
    this.soon(0);
  }

  /** Send once more what was refused. @param {Entry} entry */
  async again(entry) {
    await this.keep([{ ...entry, state: "waiting", reason: undefined }]);
    this.emit("change");
    this.soon(0);
  }

  /** Forget what was refused. @param {Entry} entry */
  async discard(entry) {
    await this.drop(entry);
    this.emit("change");
  }

  /** @param {number} delay in ms */
  soon(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), delay);
  }

  /** Send all that waits of the person signed in; one round at a time. */
  async flush() {
    while (this.sending) await this.sending; // of several that wait one goes first
    this.sending = this.round().finally(() => (this.sending = null));
    await this.sending;
  }

  async round() {
    for (const entry of [...this.outbox.entries.values()]) {
      if (entry.state !== "waiting" || !this.outbox.isOwn(entry)) continue;
      if (!(await this.send(entry))) return this.retry();
      this.delay = PAUSE;
    }
    this.online(true);
  }

  /** Send one entry; false if the server does not respond. @param {Entry} entry */
  async send(entry) {
    const { deleted, revision: base } = entry.mask;
    try {
      if (deleted && base === 0 && !entry.tried) return await this.stored(entry, 0).then(() => true); // it was never sent
      entry.tried = true;
      await this.note(entry);
      const { revision } = await this.keeper.saveMask(entry.image, entry.mask);
      this.online(true);
      await this.stored(entry, revision);
    } catch (error) {
      if (error instanceof OfflineError) return this.tell(error.sentence);
      if (error instanceof RefusedError && error.status === 401) return this.signedOut();
      const gone = error instanceof RefusedError && error.status === 404 && deleted;
      if (gone) await this.stored(entry, 0);
      else await this.held(entry, error);
    }
    this.emit("change");
    return true;
  }

  /** Nothing is refused for good: it is sent when somebody has signed in. */
  signedOut() {
    this.emit("signed-out");
    return this.tell(t("you are signed out."));
  }

  /** Write down what is about to be sent: after a reload the server may have it. @param {Entry} entry */
  async note(entry) {
    const now = this.outbox.entries.get(entry.key); // which may have changed since
    const sent = [...new Set(now?.sent).add(contentOf(entry.mask))];
    if (now) await this.keep([Object.assign(now, { sent })]);
  }

  /** @param {Entry} entry @param {number} revision */
  async stored(entry, revision) {
    this.revisions.set(`${entry.image} ${entry.mask.id}`, revision);
    const now = this.outbox.entries.get(entry.key);
    if (now === entry) await this.drop(entry);
    else if (now) {
      await this.keep([{ ...now, sent: [], mask: { ...now.mask, revision } }]); // it changed on the way
      this.soon(PAUSE);
    }
    this.emit("saved", entry);
    this.emit("change");
  }

  /** @param {Entry} entry @param {unknown} error */
  async held(entry, error) {
    const now = this.outbox.entries.get(entry.key) ?? entry;
    if (error instanceof ConflictError && error.current && now.sent?.includes(contentOf(error.current))) {
      // the response to this very mask was lost, in a reload for example: it is stored, go on from it
      await this.keep([
        { ...now, state: "waiting", mask: { ...now.mask, revision: error.current.revision } },
      ]);
      this.soon(0);
    } else if (error instanceof ConflictError) {
      const held = /** @type {Entry} */ ({ ...now, state: "conflict", theirs: error.current });
      await this.keep([held]);
      this.emit("conflict", held);
    } else {
      const reason = error instanceof Error ? error.message : String(error);
      await this.keep([{ ...now, state: "refused", reason }]);
    }
  }

  /** @param {string | null} sentence of a server that cannot save now */
  tell(sentence) {
    if (sentence !== this.trouble) {
      this.trouble = sentence;
      this.emit("change");
      if (sentence) this.emit("trouble", sentence);
    }
    return false;
  }

  retry() {
    this.online(false);
    this.delay = Math.min(this.delay * 2, LONGEST);
    this.soon(this.delay);
  }

  /** @param {boolean} yes */
  online(yes) {
    if (yes) this.trouble = null;
    if (yes && !this.counts.waiting) this.unsafe = false;
    if (this.offline === !yes) return;
    this.offline = !yes;
    this.emit("change");
  }

  /** @param {string} type @param {unknown} [detail] */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * What a stored mask is recognised by.
 * @param {Mask} mask
 */
function contentOf(mask) {
  const { counts, label_id, seconds, deleted, suggested_by, depth } = mask;
  const attributes = Object.entries(mask.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const more = [depth ?? 0, JSON.stringify(attributes)];
  return [counts, label_id ?? "", seconds ?? 0, deleted ? "deleted" : "", suggested_by ?? "", ...more].join(
    " ",
  );
}
