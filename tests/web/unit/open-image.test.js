/** The masks of the open image. */
import assert from "node:assert/strict";
import test from "node:test";
import { encode, toString } from "../../../src/anymask/app/static/masks/rle.js";
import { OpenImage, itemOf } from "../../../src/anymask/app/static/state/open-image.js";
import { maskOf } from "./browser.js";

const INFO = { id: "cat", name: "cat.jpg", width: 4, height: 3, masks: 0 };

/** Where changes go: notes them. */
function syncOf(waiting = []) {
  const put = [];
  return {
    put: async (image, masks) => put.push([image, masks]),
    know() {},
    revision: () => 0,
    outbox: { of: () => waiting },
    sent: put,
  };
}

/** A mask of the rows given. */
function rows(id, ...set) {
  const bits = new Uint8Array(12);
  for (const y of set) bits.fill(1, y * 4, y * 4 + 4);
  return maskOf(id, { counts: toString(encode(bits, [3, 4])) });
}

test("what waits to be saved lies over what is stored", () => {
  const sync = syncOf([{ mask: rows("a", 0, 1) }, { mask: { ...rows("b", 0), deleted: true } }]);
  const open = new OpenImage(INFO, sync);
  open.load([rows("a", 0), rows("b", 1), rows("c", 2)]);
  assert.deepEqual(
    [...open.items].map(([id, { area }]) => [id, area]),
    [
      ["a", 8],
      ["c", 4],
    ],
  );
});

test("what is stored while the masks are asked for is shown, though the answer is older", () => {
  const known = { new: 1, changed: 2, deleted: 2, fresh: 2 };
  const open = new OpenImage(INFO, { ...syncOf(), revision: (image, id) => known[id] });
  const waited = [rows("new", 0, 1), rows("changed", 0, 1), { ...rows("deleted", 0), deleted: true }];
  const answer = ["changed", "deleted", "fresh"].map((id) => ({ ...rows(id, 0), revision: 1 }));
  answer[2].revision = 3; // somebody else's, newer than what was sent
  open.load(
    answer,
    [...waited, rows("fresh", 0, 1)].map((mask) => ({ mask })),
  );
  assert.deepEqual(
    new Map([...open.items].map(([id, { area }]) => [id, area])),
    new Map([
      ["fresh", 4],
      ["new", 8],
      ["changed", 8],
    ]),
  );
});

test("a step, its undo and its redo are each sent", () => {
  const sync = syncOf();
  const open = new OpenImage(INFO, sync);
  const after = itemOf(rows("a", 0));
  open.step("make", [{ id: "a", before: null, after }]);
  open.undo();
  assert.equal(open.items.size, 0);
  open.redo();
  assert.equal(open.items.get("a"), after);
  assert.deepEqual(
    sync.sent.map(([image, [mask]]) => [image, mask.deleted]),
    [
      ["cat", false],
      ["cat", true],
      ["cat", false],
    ],
  );
  assert.equal(sync.sent[0][1][0].counts, rows("a", 0).counts);
});

test("a refined mask replaces the first answer only while that is still there", () => {
  const open = new OpenImage(INFO, syncOf());
  const first = itemOf(rows("a", 0));
  const better = itemOf(rows("a", 0, 1));
  open.step("make", [{ id: "a", before: null, after: first }]);
  assert.equal(open.refine("a", first.runs, { runs: better.runs, area: better.area }), true);
  assert.equal(open.items.get("a").area, 8);
  assert.equal(open.refine("a", first.runs, { area: 1 }), false);
  open.undo();
  open.redo();
  assert.equal(open.items.get("a").area, 8, "every step has the refined mask");
});

test("of the masks at a pixel the smallest is found, of equals the one on top", () => {
  const open = new OpenImage(INFO, syncOf());
  open.load([rows("small", 0), rows("large", 0, 1), rows("top", 0)]);
  assert.equal(open.at(1, 0, () => true).id, "top");
  assert.equal(open.at(1, 1, () => true).id, "large");
  assert.equal(
    open.at(1, 2, () => true),
    null,
  );
  assert.equal(open.at(1, 0, (id) => id !== "top").id, "small");
});
