/** The outbox: what is not saved yet survives reloads and closed tabs. */
import { closeTab, emptyDatabases, maskOf, newTab } from "./browser.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Outbox } from "../../../src/anymask/app/static/storage/outbox.js";

const entryOf = (outbox, mask) => ({
  author: outbox.author(),
  key: outbox.keyOf("cat", mask.id),
  client: outbox.client,
  image: "cat",
  state: "waiting",
  mask,
});

async function tab(person = null) {
  newTab();
  const outbox = new Outbox(() => person);
  await outbox.open();
  return outbox;
}

beforeEach(emptyDatabases);

test("an entry is there after a reload, and known to have been tried", async () => {
  const outbox = await tab();
  await outbox.put([entryOf(outbox, maskOf("a"))]);
  closeTab(outbox.client);
  const again = new Outbox(); // the same tab: its name is in the tab's storage
  await again.open();
  assert.equal(again.client, outbox.client);
  assert.deepEqual([...again.entries.values()], [{ ...entryOf(outbox, maskOf("a")), tried: true }]);
});

test("entries of a closed tab are taken over, those of an open one are left", async () => {
  const open = await tab();
  const closed = await tab();
  await open.put([entryOf(open, maskOf("a"))]);
  await closed.put([entryOf(closed, maskOf("b"))]);
  closeTab(closed.client);
  const third = await tab();
  assert.deepEqual(
    [...third.entries.values()].map(({ mask, client }) => [mask.id, client]),
    [["b", third.client]],
  );
  closeTab(third.client);
  const fourth = await tab();
  assert.deepEqual(
    [...fourth.entries.values()].map(({ mask }) => mask.id),
    ["b"],
    "it is kept under one name",
  );
});

test("a reloaded page takes over from one that is slow to go", async (t) => {
  const outbox = await tab();
  await outbox.put([entryOf(outbox, maskOf("a"))]);
  t.mock.method(performance, "getEntriesByType", () => [{ type: "reload" }]);
  setTimeout(() => closeTab(outbox.client), 1300);
  const again = new Outbox();
  await again.open();
  assert.equal(again.client, outbox.client);
  assert.deepEqual(
    [...again.entries.values()].map(({ mask }) => mask.id),
    ["a"],
  );
});

test("a duplicated tab gets a name of its own", async () => {
  const first = await tab();
  const copy = new Outbox();
  assert.equal(copy.client, first.client);
  await copy.open();
  assert.notEqual(copy.client, first.client);
});

test("a removed entry does not come back", async () => {
  const outbox = await tab();
  const entry = entryOf(outbox, maskOf("a"));
  await outbox.put([entry]);
  assert.deepEqual(outbox.of("cat"), [entry]);
  assert.equal(outbox.get("cat", "a"), entry);
  await outbox.remove(entry);
  closeTab(outbox.client);
  const again = new Outbox();
  await again.open();
  assert.equal(again.entries.size, 0);
});

test("what a person made is not another's, and what has no name on it is taken over", async () => {
  const ann = await tab("ann");
  await ann.put([entryOf(ann, maskOf("a"))]);
  closeTab(ann.client);
  const before = await tab();
  await before.put([{ ...entryOf(before, maskOf("b")), author: undefined }]);
  closeTab(before.client);
  const rob = await tab("rob");
  assert.deepEqual(
    rob.of("cat").map(({ mask, author }) => [mask.id, author]),
    [["b", "rob"]],
  );
  assert.equal(rob.get("cat", "a"), undefined, "Rob's change of this mask is an entry of its own");
  assert.equal(rob.get("cat", "b").mask.id, "b");
  closeTab(rob.client);
  const again = await tab("ann");
  assert.deepEqual(
    again.of("cat").map(({ mask }) => mask.id),
    ["a"],
  );
  assert.equal(again.entries.size, 2, "nothing is lost or twice");
});

test("who signs in under an open page goes on with the work on it", async () => {
  let person = null;
  newTab();
  const outbox = new Outbox(() => person);
  await outbox.open();
  await outbox.put([entryOf(outbox, maskOf("a"))]);
  person = "ann";
  assert.deepEqual(outbox.of("cat"), []);
  await outbox.adopt();
  assert.deepEqual(
    outbox.of("cat").map(({ author, mask }) => [author, mask.id]),
    [["ann", "a"]],
  );
  assert.equal(outbox.entries.size, 1);
});
