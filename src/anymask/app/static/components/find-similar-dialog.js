/** Find objects similar to the selected one in other images: choose images, search, choose among the results. */
import { counted, t } from "../language.js";
import { IMAGES_AT_ONCE } from "../constants.js";
import { CancelledError, reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { FoundResults } from "./found-results.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../state/open-image.js").Item} Item */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

/** @param {EditorScreen} screen */
export async function findSimilarDialog(screen) {
  const { item } = screen.editor;
  if (!item) return;
  const others = (await screen.app.allImages())
    .filter(({ id }) => id !== screen.openImage.info.id)
    .slice(0, IMAGES_AT_ONCE);
  if (!others.length) return notify(t("There are no other images."));
  const dialog = openDialog(t("Find similar objects"), [], { class: "wide" });
  const body = /** @type {HTMLElement} */ (dialog.querySelector(".dialog-body"));
  fill(
    body,
    chooseForm(others, (images) => search(screen, item, images, dialog, body)),
  );
}

/** @param {ImageInfo[]} images @param {(images: ImageInfo[]) => void} search */
function chooseForm(images, search) {
  const boxes = images.map(({ id }) =>
    h("input", { type: "checkbox", name: "image", value: id, checked: true, onchange: () => count() }),
  );
  const start = h("button", { class: "primary" });
  const chosen = () => images.filter((_, i) => boxes[i].checked);
  const count = () => {
    start.textContent = t("Search {images}", { images: counted(chosen().length, "image") });
    start.disabled = chosen().length === 0;
  };
  const setAll = (/** @type {(image: ImageInfo) => boolean} */ wanted) => {
    images.forEach((image, i) => (boxes[i].checked = wanted(image)));
    count();
  };
  const choose = (/** @type {string} */ text, /** @type {(image: ImageInfo) => boolean} */ wanted) =>
    h("button", { type: "button", class: "quiet", onclick: () => setAll(wanted) }, text);
  count();
  return h(
    "form",
    {
      class: "stack",
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        search(chosen());
      },
    },
    h(
      "p",
      {},
      t(
        "The server searches these images for objects like the selected one. You see what it found before anything is added.",
      ),
    ),
    h(
      "div",
      { class: "row" },
      choose(t("All"), () => true),
      choose(t("None"), () => false),
      choose(t("Without masks"), ({ masks }) => masks === 0),
      choose(t("Not done"), ({ done }) => !done),
    ),
    h(
      "fieldset",
      { class: "choices" },
      h("legend", {}, t("Images to search")),
      ...images.map(({ name }, i) => h("label", { class: "row" }, boxes[i], name)),
    ),
    h("div", { class: "row end" }, start),
  );
}

/**
 * @param {EditorScreen} screen @param {Item} item @param {ImageInfo[]} images
 * @param {HTMLDialogElement} dialog @param {HTMLElement} body
 */
async function search({ app, openImage }, item, images, dialog, body) {
  const storage = /** @type {ServerStorage} */ (app.storage);
  const progress = h("progress", { max: images.length, value: 0, "aria-label": t("Progress") });
  const text = h("p", { role: "status" }, t("Starting …"));
  const cancel = h("button", { onclick: () => dialog.close() }, t("Cancel"));
  fill(body, text, progress, h("div", { class: "row end" }, cancel));
  try {
    await app.sync.flush(); // the server must know the example
    const { id } = await storage.findSimilar(
      openImage.info.id,
      [item.id],
      images.map((one) => one.id),
    );
    const stop = () => storage.cancel(id).catch(() => {}); // it may have ended
    dialog.addEventListener("close", stop);
    if (!dialog.isConnected) stop();
    const job = await storage.follow(id, ({ done }) => {
      progress.value = done;
      text.textContent = t("Searched {done} of {images} …", {
        done,
        images: counted(images.length, "image"),
      });
    });
    dialog.removeEventListener("close", stop);
    if (!dialog.isConnected) return;
    const results = new FoundResults(app, images, job.result ?? []);
    fill(
      body,
      results.element(
        () => dialog.close(),
        () => suggest(),
      ),
    );
    const suggest = async () => {
      dialog.close();
      await keep(app, item, { model: job.model ?? null, images: results.kept() });
    };
  } catch (error) {
    if (!(error instanceof CancelledError))
      notify(t("The search failed: {reason}.", { reason: reasonOf(error) }));
    dialog.close();
  }
}

/**
 * Store suggestions, in the place of those of an earlier search with the same example.
 * @param {import("./app.js").App} app @param {Item} item
 * @param {{model: string | null, images: import("../storage/on-server.js").SuggestedMasks[]}} found
 */
async function keep(app, { id, label }, { model, images }) {
  const storage = /** @type {ServerStorage} */ (app.storage);
  try {
    const made = await storage.suggest(id, { label_id: label, model, images });
    app.changed();
    if (!made.masks)
      return notify(t("Nothing was suggested: what was found has a mask already, or was rejected before."));
    const undo = async () => {
      await storage.suggest(id, { label_id: null, model: null, images: [] });
      app.changed();
      notify(t("The suggestions are gone."));
    };
    notify(
      t("{suggestions} in {images}.", {
        suggestions: counted(made.masks, "suggestion"),
        images: counted(made.images, "image"),
      }),
      {
        actions: [
          [t("Review"), () => app.reviewNext()],
          [t("Undo"), undo],
        ],
      },
    );
  } catch (error) {
    notify(t("The suggestions could not be saved: {reason}.", { reason: reasonOf(error) }));
  }
}
