/** Two people changed one mask: see both, keep one or both. */
import { t } from "../language.js";
import { ink } from "../canvas/draw-mask.js";
import { drawThumbnail } from "../canvas/thumbnail.js";
import { box, fromString } from "../masks/rle.js";
import { itemOf } from "../state/open-image.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";

/** @typedef {import("../storage/outbox.js").Entry} Entry */
/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */

const SIDE = 260; // pixels of a preview
const MINE = ink([14, 165, 233]);
const THEIRS = ink([245, 158, 11]);

/**
 * @param {import("./app.js").App} app @param {EditorScreen} screen @param {Entry} entry
 * @returns {Promise<void>} when it is settled or put off
 */
export async function conflictDialog(app, screen, entry) {
  if (document.querySelector("dialog.merge")) return;
  const theirs = /** @type {Mask} */ (entry.theirs);
  const mine = app.sync.outbox.entries.get(entry.key)?.mask ?? entry.mask;
  const image = await screen.editor.file.then((file) => createImageBitmap(file)).catch(() => null); // it may be gone
  const choose = async (/** @type {"mine" | "theirs" | "both"} */ choice) => {
    dialog.close();
    const now = app.sync.outbox.entries.get(entry.key) ?? entry;
    await app.sync.settle(now, choice === "mine" ? "mine" : "theirs");
    if (choice !== "mine") screen.openImage.show(theirs);
    if (choice === "both" && !mine.deleted) {
      const id = crypto.randomUUID();
      screen.openImage.step(t("Keep both"), [{ id, before: null, after: { ...itemOf(mine), id } }]);
    }
    const next = app.sync.outbox.of(screen.openImage.info.id).find(({ state }) => state === "conflict");
    if (next) conflictDialog(app, screen, next);
  };
  const figure = (
    /** @type {string} */ name,
    /** @type {Mask} */ mask,
    /** @type {import("../canvas/draw-mask.js").Ink} */ colour,
  ) =>
    h(
      "figure",
      {},
      preview(image, mask, colour),
      h("figcaption", {}, h("strong", {}, name), ` ${describe(mask)}`),
    );
  const dialog = openDialog(
    t("Two versions of one mask"),
    [
      h(
        "p",
        {},
        t(
          "Someone else saved a different version of this mask while you were editing it. Nothing is lost: choose which version to keep.",
        ),
      ),
      h("div", { class: "versions" }, figure(t("Mine."), mine, MINE), figure(t("Theirs."), theirs, THEIRS)),
      h(
        "div",
        { class: "row end" },
        h("button", { onclick: () => choose("theirs") }, t("Keep theirs")),
        h("button", { onclick: () => choose("both") }, t("Keep both")),
        h("button", { class: "primary", onclick: () => choose("mine") }, t("Keep mine")),
      ),
    ],
    { class: "merge" },
  );
}

/** @param {Mask} mask */
function describe(mask) {
  if (mask.deleted) return t("Deleted.");
  if (!mask.time) return mask.author ?? "";
  const when = new Date(typeof mask.time === "number" ? mask.time * 1000 : mask.time);
  const time = when.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  return `${mask.author ?? ""} ${time}`;
}

/**
 * A mask on its image, small.
 * @param {ImageBitmap | null} image
 * @param {Mask} mask
 * @param {import("../canvas/draw-mask.js").Ink} colour
 */
function preview(image, mask, colour) {
  const canvas = h("canvas", { role: "img", "aria-label": mask.deleted ? t("Deleted") : t("The mask") });
  const runs = fromString(mask.counts);
  const masks = mask.deleted ? [] : [{ shape: { runs, box: box(runs, mask.size) }, ink: colour }];
  drawThumbnail(canvas, image, mask.size, masks, { side: SIDE });
  return canvas;
}
