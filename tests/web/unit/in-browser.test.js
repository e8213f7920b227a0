/** Masks kept in the browser, without a server. */
import { emptyDatabases, maskOf } from "./browser.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ConflictError } from "../../../src/anymask/app/static/storage/errors.js";
import { BrowserStorage } from "../../../src/anymask/app/static/storage/in-browser.js";
import { encode, toString } from "../../../src/anymask/app/static/masks/rle.js";

const PHOTO = { id: "cat", name: "cat.jpg", file: "cat.jpg", width: 4, height: 3 };

beforeEach(emptyDatabases);

function started() {
  const storage = new BrowserStorage();
  storage.bundled = Promise.resolve([PHOTO]);
  return storage;
}

test("revisions count up, and an outdated one is a conflict with what is stored", async () => {
  const storage = started();
  assert.deepEqual(await storage.saveMask("cat", maskOf("a")), { revision: 1 });
  assert.deepEqual(await storage.saveMask("cat", maskOf("a", { revision: 1, seconds: 5 })), { revision: 2 });
  await assert.rejects(storage.saveMask("cat", maskOf("a", { revision: 1 })), (error) => {
    assert.ok(error instanceof ConflictError);
    assert.deepEqual([error.current.revision, error.current.seconds], [2, 5]);
    return true;
  });
});

test("deleted masks are neither listed nor counted", async () => {
  const storage = started();
  await storage.saveMask("cat", maskOf("a"));
  await storage.saveMask("cat", maskOf("b"));
  await storage.saveMask("cat", maskOf("b", { revision: 1, deleted: true }));
  assert.deepEqual(
    (await storage.masks("cat")).map(({ id }) => id),
    ["a"],
  );
  assert.deepEqual(await storage.masks("dog"), []);
  const { images } = await storage.images();
  assert.equal(images[0].masks, 1);
});

test("the export is COCO with the labels as categories", async () => {
  const storage = started();
  await storage.saveLabels([{ id: "l1", name: "ear", color: "#ff0000" }]);
  const counts = toString(encode(Uint8Array.from([0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]), [3, 4]));
  await storage.saveMask("cat", maskOf("a", { counts, label_id: "l1" }));
  await storage.saveMask("cat", maskOf("b", { counts }));
  const coco = JSON.parse(await (await storage.exported()).blob.text());
  assert.deepEqual(coco.categories, [
    { id: 0, name: "object" },
    { id: 1, name: "ear" },
  ]);
  assert.deepEqual(coco.images, [{ id: 1, file_name: "cat.jpg", width: 4, height: 3 }]);
  assert.deepEqual(
    coco.annotations.map(({ category_id, area, bbox }) => ({ category_id, area, bbox })),
    [
      { category_id: 1, area: 4, bbox: [1, 0, 2, 2] },
      { category_id: 0, area: 4, bbox: [1, 0, 2, 2] },
    ],
  );
});
