/** An image in the gallery: what it shows, its state, and what can be done with it. */
import { counted, t } from "../language.js";
import { THUMBNAIL_SIDE } from "../constants.js";
import { ink } from "../canvas/draw-mask.js";
import { drawThumbnail } from "../canvas/thumbnail.js";
import { colourOf, toRgb } from "../masks/colours.js";
import { itemOf } from "../state/open-image.js";
import { reasonOf } from "../storage/errors.js";
import { isAnnotator, isFinal } from "../state/permissions.js";
import { imageAddress } from "../state/routes.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { notify } from "./toast.js";

const MOST_MASKS = 50; // on a thumbnail, which more would cover and delay
const MOST_PIXELS = 16e6;

/** @typedef {import("./gallery-screen.js").GalleryScreen} GalleryScreen */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

/** @param {GalleryScreen} gallery @param {ImageInfo} image @param {boolean} soon whether it is in sight at once */
export async function imageCard(gallery, image, soon) {
  const { id, name, width, height, masks, suggestions = 0, missing } = image;
  const photo = h("span", { class: "photo" });
  const broken = async () => {
    const gone = missing || (await gallery.app.storage.image(id).catch(() => null))?.missing;
    fill(photo, icon("broken"), h("span", {}, gone ? t("The file is missing") : t("Cannot be read")));
  };
  const src = missing ? "" : await gallery.app.storage.thumb(image).catch(() => "");
  if (src)
    fill(
      photo,
      h("img", {
        alt: "",
        width,
        height,
        loading: soon ? "eager" : "lazy",
        decoding: "async",
        src,
        onload: () => drawMasks(gallery, image, photo),
        onerror: broken,
      }),
    );
  else broken();
  const facts = h("span", { class: "facts" });
  const describe = () =>
    fill(
      facts,
      `${width} × ${height}`,
      masks > 0 && h("span", { class: "badge" }, counted(masks, "mask")),
      suggestions > 0 && h("span", { class: "badge open" }, counted(suggestions, "suggestion")),
      ...notesOn(image).map(([text, kind]) => h("span", { class: `badge ${kind}` }, text)),
    );
  describe();
  return h(
    "li",
    { "data-id": id },
    h(
      "a",
      { class: "card", href: imageAddress(id) },
      photo,
      h("span", { class: "card-text" }, h("span", { class: "name" }, name), facts),
    ),
    h(
      "div",
      { class: "card-actions" },
      !isAnnotator(gallery.app.project) && removeButton(gallery, image),
      !isFinal(image, gallery.app.project) && doneButton(gallery, image, describe),
    ),
  );
}

/** Draw the masks of an image over its photo. @param {GalleryScreen} gallery @param {ImageInfo} image @param {HTMLElement} photo */
async function drawMasks({ app }, { id, width, height, masks }, photo) {
  if (!masks || masks > MOST_MASKS || width * height > MOST_PIXELS) return;
  const stored = await app.storage.masks(id).catch(() => []);
  const shapes = stored
    .filter(({ size, suggested_by: open }) => !open && size[0] === height && size[1] === width)
    .map((mask) => ({
      shape: itemOf(mask),
      ink: ink(toRgb(colourOf(mask.id, mask.label_id, app.project.labels))),
    }));
  const canvas = h("canvas", { "aria-hidden": "true" });
  drawThumbnail(canvas, null, [height, width], shapes, { side: THUMBNAIL_SIDE });
  photo.append(canvas);
}

/** State, review, assignment, comments and tags, as badges. @param {ImageInfo} image @returns {[string, string][]} */
function notesOn({ done, review, assignee, comments = 0, tags = [] }) {
  /** @type {[string | null | undefined | false, string][]} */
  const notes = [
    [done && !review && t("done"), ""],
    [review === "accepted" && t("accepted"), ""],
    [review === "returned" && t("returned"), "open"],
    [comments > 0 && counted(comments, "comment"), "open"],
    [assignee, "plain"],
    ...tags.map((tag) => /** @type {[string, string]} */ ([tag, "plain"])),
  ];
  return /** @type {[string, string][]} */ (notes.filter(([text]) => text));
}

/** @param {GalleryScreen} gallery @param {ImageInfo} image @param {() => void} changed */
function doneButton(gallery, image, changed) {
  const { app } = gallery;
  const button = h(
    "button",
    {
      class: "icon-button done",
      "aria-label": t("Done: {name}", { name: image.name }),
      title: t("Done"),
      "aria-pressed": String(Boolean(image.done)),
      async onclick() {
        const done = !image.done;
        try {
          Object.assign(image, await app.storage.mark(image.id, { done }), { done });
        } catch (error) {
          return notify(t("The image could not be marked: {reason}.", { reason: reasonOf(error) }));
        }
        button.setAttribute("aria-pressed", String(done));
        changed();
        app.changed();
        gallery.reread(button);
      },
    },
    icon("done"),
  );
  return button;
}

/** @param {GalleryScreen} gallery @param {ImageInfo} image */
function removeButton(gallery, { id, name }) {
  const { storage } = gallery.app;
  const set = async (/** @type {boolean} */ removed) => {
    try {
      await storage.mark(id, { removed });
    } catch (error) {
      return notify(t("The image could not be removed: {reason}.", { reason: reasonOf(error) }));
    }
    gallery.app.changed();
    gallery.refresh();
    if (removed)
      notify(t("{name} was removed from the project. Its file and masks are kept.", { name }), {
        actions: [[t("Undo"), () => set(false)]],
      });
  };
  return h(
    "button",
    {
      class: "icon-button",
      "aria-label": t("Remove {name}", { name }),
      title: t("Remove from the project"),
      onclick: () => set(true),
    },
    icon("trash"),
  );
}
