/** Keys of one's own; files of images kept and fetched early. */
import assert from "node:assert/strict";
import test from "node:test";

const kept = new Map();
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};
const { bind, hasOwnKeys, keyFor, resetKeys, shortcuts, withKey } =
  await import("../../../src/anymask/app/static/state/key-bindings.js");
const { actionOf } = await import("../../../src/anymask/app/static/state/shortcuts.js");
const { prefetch, quietly } = await import("../../../src/anymask/app/static/state/prefetch.js");
const { ImageFiles } = await import("../../../src/anymask/app/static/state/image-files.js");

const pressed = (key) => actionOf({ key }, shortcuts());

test("a key is given to another action, which it leaves, and comes back", () => {
  assert.deepEqual(pressed("p"), { act: "tool", with: "point" });
  assert.equal(withKey("Point", "tool", "point"), "Point (P)");
  const { lost } = bind("tool brush", "p");
  assert.equal(lost.with, "point");
  assert.deepEqual(pressed("p"), { act: "tool", with: "brush" });
  assert.equal(pressed("d"), null);
  assert.equal(withKey("Point", "tool", "point"), "Point");
  assert.equal(keyFor("tool", "brush"), "P");
  assert.deepEqual(bind("undo", "Ctrl+Q"), { lost: null });
  assert.equal(keyFor("undo"), "Ctrl+Shift+Q");
  assert.ok(hasOwnKeys());
  resetKeys();
  assert.deepEqual(pressed("p"), { act: "tool", with: "point" });
  assert.ok(!hasOwnKeys());
});

test("keys with a fixed meaning stay, and damaged notes are the usual keys", () => {
  for (const key of ["Escape", "Tab", "ArrowLeft", " ", "7", "Enter"])
    assert.ok(bind("undo", key).error, key);
  assert.ok(!hasOwnKeys());
  for (const damaged of ["{", "null", '{"tool point": 5}', "[]"]) {
    kept.set("anymask keys", damaged);
    assert.deepEqual(pressed("p"), { act: "tool", with: "point" });
  }
  kept.clear();
});

test("the next images come one at a time, each in a pause; a failure stops nothing, leaving does", async () => {
  const leaving = new AbortController();
  const done = [];
  const means = {
    quiet: async () => done.push("pause"),
    prepare: async ({ id }) => {
      done.push(id);
      if (id === "a") throw new Error("offline");
      if (id === "b") leaving.abort();
    },
  };
  await prefetch([{ id: "a" }, { id: "b" }, { id: "c" }], means, leaving.signal);
  assert.deepEqual(done, ["pause", "a", "pause", "b", "pause"]);
});

test("a key or a pointer puts a pause off; leaving ends it", async () => {
  const target = new EventTarget();
  const leaving = new AbortController();
  let quiet = false;
  const waiting = quietly(target, 1e6, leaving.signal).then(() => (quiet = true));
  target.dispatchEvent(new Event("keydown"));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(quiet, false);
  leaving.abort();
  await waiting;
  await quietly(target, 0, new AbortController().signal);
});

test("a file is requested once; one that failed is requested again; a replaced one is another", async () => {
  const asked = [];
  let fails = true;
  const files = new ImageFiles({
    async file(id) {
      asked.push(id);
      if (fails) throw new Error("offline");
      return id;
    },
  });
  const one = { id: "a", width: 10, height: 10, version: "1" };
  await assert.rejects(files.file(one));
  fails = false;
  assert.equal(await files.file(one), "a");
  assert.equal(await files.file(one), "a");
  await files.file({ ...one, version: "2" });
  assert.deepEqual(asked, ["a", "a", "a"]);
});

test("decoded images are kept within a number of pixels, the last one always", async () => {
  globalThis.createImageBitmap = async (file) => ({ file });
  const files = new ImageFiles({ file: async (id) => id });
  const large = (id) => ({ id, width: 8000, height: 5000 });
  await files.bitmap(large("a"));
  await files.bitmap(large("b"));
  assert.deepEqual([...files.kept.keys()], ["b"]);
  for (let i = 0; i < 20; i++) await files.bitmap({ id: `s${i}`, width: 10, height: 10 });
  assert.equal(files.kept.size, 8);
  assert.equal(await files.bitmap({ id: "s19", width: 10, height: 10 }), await files.kept.get("s19").bitmap);
});
