/** Sending the outbox: revisions, conflicts, refusals, and a server that does not answer. */
import assert from "node:assert/strict";
import test from "node:test";
import { ConflictError, OfflineError, RefusedError } from "../../../src/anymask/app/static/storage/errors.js";
import { ServerStorage } from "../../../src/anymask/app/static/storage/on-server.js";
import { Sync } from "../../../src/anymask/app/static/storage/sync.js";
import { maskOf } from "./browser.js";

/** An outbox in memory; `broken` as in a browser that may not write. */
function outboxOf() {
  const entries = new Map();
  return {
    entries,
    client: "tab",
    person: null,
    author() {
      return this.person;
    },
    isOwn({ author }) {
      return author === this.person;
    },
    broken: false,
    keyOf: (image, mask) => `tab ${image} ${mask}`,
    get: (image, mask) => entries.get(`tab ${image} ${mask}`),
    async put(some) {
      for (const entry of some) entries.set(entry.key, entry);
      if (this.broken) throw new Error("no room");
    },
    async remove(entry) {
      entries.delete(entry.key);
    },
  };
}

/** A store that gives what `answer` gives for a mask: a revision, or an error to throw. */
function started(t, answer) {
  const sent = [];
  const storage = {
    async saveMask(image, mask) {
      sent.push({ image, ...mask });
      const given = await answer(mask, sent.length);
      if (given instanceof Error) throw given;
      return { revision: given };
    },
  };
  const sync = new Sync(outboxOf(), storage);
  const heard = [];
  for (const type of ["saved", "conflict", "trouble", "unsafe"])
    sync.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  t.after(() => clearTimeout(sync.timer));
  return { sync, sent, heard };
}

test("a mask is sent over the revision known, and forgotten when it is stored", async (t) => {
  const { sync, sent } = started(t, ({ revision }) => revision + 1);
  sync.know("cat", maskOf("a", { revision: 4 }));
  await sync.put("cat", [maskOf("a")]);
  assert.deepEqual(sync.counts, { waiting: 1, conflict: 0, refused: 0, others: 0 });
  await sync.flush();
  assert.equal(sent[0].revision, 4);
  assert.equal(sync.revision("cat", "a"), 5);
  assert.deepEqual(sync.counts, { waiting: 0, conflict: 0, refused: 0, others: 0 });
});

test("another person's mask waits until they sign in again", async (t) => {
  const { sync, sent } = started(t, ({ revision }) => revision + 1);
  sync.outbox.person = "ann";
  await sync.put("cat", [maskOf("a")]);
  sync.outbox.person = "rob";
  await sync.flush();
  assert.deepEqual([sent.length, sync.counts.others, sync.counts.waiting], [0, 1, 0]);
  sync.outbox.person = "ann";
  await sync.flush();
  assert.deepEqual([sent.length, sync.counts.others], [1, 0]);
});

test("a mask that changes on the way is sent again over the new revision", async (t) => {
  const { sync, sent } = started(t, async ({ revision }, time) => {
    if (time === 1) await sync.put("cat", [maskOf("a", { seconds: 2 })]);
    return revision + 1;
  });
  await sync.put("cat", [maskOf("a", { seconds: 1 })]);
  await sync.flush();
  await sync.flush();
  assert.deepEqual(
    sent.map(({ seconds, revision }) => [seconds, revision]),
    [
      [1, 0],
      [2, 1],
    ],
  );
  assert.equal(sync.counts.waiting, 0);
});

test("a server that does not answer keeps all waiting, and the pauses grow", async (t) => {
  let down = true;
  const { sync, sent, heard } = started(t, ({ revision }) => (down ? new OfflineError() : revision + 1));
  await sync.put("cat", [maskOf("a"), maskOf("b")]);
  const first = sync.delay;
  await sync.flush();
  await sync.flush();
  assert.equal(sync.offline, true);
  assert.equal(sync.delay, 4 * first);
  assert.equal(sent.length, 2, "the second mask is not tried while nobody answers");
  assert.equal(sync.counts.waiting, 2);
  down = false;
  await sync.flush();
  assert.equal(sync.offline, false);
  assert.equal(sync.counts.waiting, 0);
  assert.deepEqual(
    heard.map(([type]) => type),
    ["saved", "saved"],
  );
});

test("what a server says that cannot save is told once", async (t) => {
  const { sync, heard } = started(t, () => new OfflineError("The disk is full."));
  await sync.put("cat", [maskOf("a")]);
  await sync.flush();
  await sync.flush();
  assert.deepEqual(heard, [["trouble", "The disk is full."]]);
  assert.equal(sync.trouble, "The disk is full.");
});

for (const choice of ["mine", "theirs"])
  test(`a conflict waits for an answer; ${choice} is kept`, async (t) => {
    const theirs = maskOf("a", { revision: 7, seconds: 70 });
    const { sync, sent, heard } = started(t, ({ revision }) =>
      revision < 7 ? new ConflictError(theirs) : revision + 1,
    );
    await sync.put("cat", [maskOf("a", { seconds: 1 })]);
    await sync.flush();
    await sync.flush();
    assert.equal(sent.length, 1, "it is not sent again by itself");
    assert.deepEqual(sync.counts, { waiting: 0, conflict: 1, refused: 0, others: 0 });
    const [[type, entry]] = heard;
    assert.equal(type, "conflict");
    await sync.settle(entry, choice);
    await sync.flush();
    assert.deepEqual(sync.counts, { waiting: 0, conflict: 0, refused: 0, others: 0 });
    assert.equal(sync.revision("cat", "a"), choice === "mine" ? 8 : 7);
    assert.deepEqual(
      sent.map(({ seconds }) => seconds),
      choice === "mine" ? [1, 1] : [1],
    );
  });

test("a mask whose response was lost is no conflict with itself", async (t) => {
  const { sync, sent, heard } = started(t, ({ counts }, time) => {
    if (time === 1) return new OfflineError("gone"); // stored, but the page was left before it knew
    if (time === 2) return new ConflictError(maskOf("a", { counts: "first", revision: 1 }));
    return 2;
  });
  await sync.put("cat", [maskOf("a", { counts: "first" })]);
  await sync.flush();
  await sync.put("cat", [maskOf("a", { counts: "refined" })]);
  await sync.flush();
  await sync.flush();
  assert.deepEqual(sent.map(({ counts, revision }) => [counts, revision]).at(-1), ["refined", 1]);
  assert.ok(!heard.some(([type]) => type === "conflict"));
  assert.deepEqual(sync.counts, { waiting: 0, conflict: 0, refused: 0, others: 0 });
});

test("a refused mask stays with its reason until it is sent again", async (t) => {
  let refuse = true;
  const { sync } = started(t, ({ revision }) =>
    refuse ? new RefusedError("The label is gone.", 422) : revision + 1,
  );
  await sync.put("cat", [maskOf("a")]);
  await sync.flush();
  const [entry] = sync.outbox.entries.values();
  assert.deepEqual([entry.state, entry.reason], ["refused", "The label is gone."]);
  refuse = false;
  await sync.again(entry);
  await sync.flush();
  assert.equal(sync.outbox.entries.size, 0);
});

test("a mask deleted before it was ever sent is not sent", async (t) => {
  const { sync, sent } = started(t, () => 1);
  await sync.put("cat", [maskOf("a")]);
  await sync.put("cat", [maskOf("a", { deleted: true })]);
  await sync.flush();
  assert.equal(sent.length, 0);
  assert.equal(sync.outbox.entries.size, 0);
});

test("a deleted mask that the server does not know is done", async (t) => {
  const { sync } = started(t, () => new RefusedError("There is no such mask.", 404));
  sync.know("cat", maskOf("a", { revision: 3 }));
  await sync.put("cat", [maskOf("a", { deleted: true })]);
  await sync.flush();
  assert.equal(sync.outbox.entries.size, 0);
});

test("a browser that cannot write says so once, and the page sends all the same", async (t) => {
  const { sync, sent, heard } = started(t, ({ revision }) => revision + 1);
  sync.outbox.broken = true;
  await sync.put("cat", [maskOf("a")]);
  await sync.put("cat", [maskOf("b")]);
  assert.equal(sync.unsafe, true);
  assert.equal(heard.filter(([type]) => type === "unsafe").length, 1);
  await sync.flush();
  assert.equal(sent.length, 2);
  assert.equal(sync.unsafe, false, "nothing waits any more");
});

test("who is signed out signs in, and what waits is sent then; what is refused can be discarded", async (t) => {
  let signedIn = false;
  const { sync, sent, heard } = started(t, ({ revision }) =>
    signedIn ? revision + 1 : new RefusedError("This token is not valid. Ask an admin for yours.", 401),
  );
  sync.addEventListener("signed-out", () => heard.push("signed-out"));
  await sync.put("cat", [maskOf("a")]);
  await sync.flush();
  assert.ok(heard.includes("signed-out"));
  assert.deepEqual([sync.counts.waiting, sync.counts.refused], [1, 0]);
  signedIn = true;
  await sync.flush();
  assert.deepEqual([sync.counts.waiting, sent.length], [0, 2]);
  await sync.put("cat", [maskOf("b")]);
  const [entry] = sync.outbox.entries.values();
  await sync.keep([{ ...entry, state: "refused" }]);
  await sync.discard(entry);
  assert.equal(sync.outbox.entries.size, 0);
});

test("the format of a file is named to the server; what an export left out is told", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (address) => {
    asked.push(String(address));
    return new Response("{}", { headers: { "anymask-skipped": "2" } });
  });
  const storage = new ServerStorage("http://localhost/");
  await storage.importMasks(new File(["{}"], "a.json"), "labelme");
  await storage.importMasks(new File(["{}"], "a.json"));
  assert.deepEqual(asked, ["http://localhost/api/import?format=labelme", "http://localhost/api/import"]);
  assert.equal((await storage.exported("labels", {})).skipped, 2);
});
