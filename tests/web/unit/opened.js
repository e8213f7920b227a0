/** An open image in an editor, for tests: its masks are rows of a small image. */
import { maskOf } from "./browser.js";
import { encode, toString } from "../../../src/anymask/app/static/masks/rle.js";
import { Editor } from "../../../src/anymask/app/static/state/editor.js";
import { OpenImage } from "../../../src/anymask/app/static/state/open-image.js";

export const INFO = { id: "cat", name: "cat.jpg", width: 4, height: 3, masks: 0 };

/** A mask of one row. */
export function row(id, y, some = {}) {
  const bits = new Uint8Array(12);
  bits.fill(1, y * 4, y * 4 + 4);
  return maskOf(id, { counts: toString(encode(bits, [3, 4])), revision: 1, ...some });
}

/** An image with masks in an editor; `sent` are the masks that were saved, `told` the notices. */
export function opened(masks, predictor = {}) {
  const revisions = new Map();
  const sent = [];
  const sync = {
    put: async (image, some) => sent.push(...some),
    know: (image, { id, revision }) => revisions.set(id, revision),
    revision: (image, id) => revisions.get(id) ?? 0,
    outbox: { of: () => [], get: () => undefined, author: () => "ann" },
  };
  const openImage = new OpenImage(INFO, sync);
  openImage.load(masks);
  const editor = new Editor(openImage, predictor, Promise.resolve(new Blob()));
  const told = [];
  editor.addEventListener("notice", ({ detail }) => told.push(detail));
  return { editor, openImage, sent, told };
}
