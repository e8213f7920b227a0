/** Find objects similar to the selected one in other images; the server does the work. */
import { IMAGES_AT_ONCE } from "../constants.js";
import { reasonOf } from "../storage/errors.js";
import { itemOf } from "../state/open-image.js";
import { openDialog } from "./dialog.js";
import { counted, h } from "./dom.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */
/**
 * @typedef {{size: import("../types.js").Size, counts: string, score: number, label_id: string | null}} Found
 */

/** @param {EditorScreen} screen */
export async function findSimilarDialog(screen) {
  const { app, editor, openImage } = screen;
  const { item } = editor;
  if (!item) return;
  const others = (await app.allImages())
    .filter(({ id }) => id !== openImage.info.id)
    .slice(0, IMAGES_AT_ONCE);
  if (!others.length) return notify("There are no other images.");
  const boxes = others.map(({ id, name }) =>
    h(
      "label",
      { class: "row" },
      h("input", { type: "checkbox", name: "image", value: id, checked: true }),
      name,
    ),
  );
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Progress" });
  const start = h("button", { class: "primary" }, "Search");
  const form = h(
    "form",
    {
      class: "stack",
      async onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        const images = new FormData(form).getAll("image").map(String);
        if (!images.length) return;
        start.disabled = true;
        progress.hidden = false;
        try {
          await search(screen, item, images, (share) => (progress.value = share));
        } catch (error) {
          notify(`The search failed: ${reasonOf(error)}.`);
        }
        dialog.close();
      },
    },
    h("fieldset", { class: "choices" }, h("legend", {}, "Images to search"), ...boxes),
    progress,
    h("div", { class: "row end" }, start),
  );
  const dialog = openDialog("Find similar objects in other images", [
    h(
      "p",
      {},
      "The server searches the chosen images for objects like the selected one. Each becomes a mask that you can correct.",
    ),
    form,
  ]);
}

/**
 * @param {EditorScreen} screen
 * @param {import("../state/open-image.js").Item} item
 * @param {string[]} images
 * @param {(share: number) => void} step
 */
async function search({ app, openImage }, item, images, step) {
  const storage = /** @type {ServerStorage} */ (app.storage);
  await app.sync.flush(); // the server must know the example
  const { id } = await storage.findSimilar(openImage.info.id, [item.id], images);
  const { result, model = null } = await storage.follow(id, ({ done, total }) =>
    step(done / Math.max(total, 1)),
  );
  const found = (result ?? []).filter(({ masks }) => masks.length);
  const failed = (result ?? []).find(({ error }) => error);
  let count = 0;
  for (const { image, masks } of found) {
    await app.sync.put(
      image,
      masks.map((one) => made(one, item.label, model)),
    );
    count += masks.length;
  }
  notify(
    `Found ${counted(count, "mask")} in ${counted(found.length, "image")}.${failed ? ` One image failed: ${failed.error}` : ""}`,
  );
}

/**
 * @param {Found} found
 * @param {string | null} label
 * @param {string | null} model
 * @returns {import("../types.js").Mask}
 */
function made({ size, counts, score }, label, model) {
  const mask = {
    id: crypto.randomUUID(),
    revision: 0,
    label_id: label,
    size,
    counts,
    score,
    prompts: null,
    model,
    seconds: 0,
    deleted: false,
  };
  itemOf(mask); // a code that cannot be read is not kept
  return mask;
}
