/** What the gallery shows before there is any work: sample photos where it is empty, the guided minute. */
import { t } from "../language.js";
import { SAMPLES } from "../constants.js";
import { reasonOf } from "../storage/errors.js";
import { ServerStorage } from "../storage/on-server.js";
import { h } from "./dom.js";
import { forgetGuide, knowsGuide, startGuide } from "./guide.js";
import { notify } from "./toast.js";

/** @typedef {import("./gallery-screen.js").GalleryScreen} GalleryScreen */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

/** In the place of the images of an empty project. @param {GalleryScreen} gallery */
export function emptyProject(gallery) {
  const { storage } = gallery.app;
  const own = t("Drop images anywhere on this page, paste them, or press “Add images”.");
  if (!(storage instanceof ServerStorage)) return h("li", { class: "empty" }, h("p", {}, own));
  const start = h("button", { class: "primary" }, t("Try it with these photos"));
  start.addEventListener("click", async () => {
    start.disabled = true;
    await addSamples(gallery, storage);
    start.disabled = false;
  });
  const photos = SAMPLES.map((name) => h("img", { src: storage.sample(name), alt: name }));
  return h(
    "li",
    { class: "empty" },
    h("h2", {}, t("There are no images yet")),
    h(
      "p",
      {},
      `${own} ${t("Images that you put into the project's folder show when the server starts again.")}`,
    ),
    h("div", { class: "samples" }, ...photos),
    start,
  );
}

/** @param {GalleryScreen} gallery @param {ServerStorage} storage */
async function addSamples(gallery, storage) {
  try {
    for (const name of SAMPLES) await storage.addImage(await storage.sampleFile(name));
    gallery.app.changed();
    const { images } = await storage.images(null, SAMPLES.length);
    startGuide(gallery.app, images[0].id);
  } catch (error) {
    notify(t("The photos could not be added: {reason}.", { reason: reasonOf(error) }));
  }
}

/**
 * The offer of the guided minute while nobody has made a mask; null where it is not wanted.
 * @param {GalleryScreen} gallery @param {ImageInfo[]} images on show @param {number} masks in the project
 */
export function guideOffer({ app }, images, masks) {
  if (!images.length || masks || knowsGuide()) return null;
  const offer = h(
    "p",
    { class: "row wrap notice" },
    t("New here? One minute shows a click, a correction, a label and an export."),
    h("button", { class: "quiet", onclick: () => startGuide(app, images[0].id) }, t("Show me")),
    h(
      "button",
      {
        class: "quiet",
        onclick: () => {
          forgetGuide();
          offer.remove();
        },
      },
      t("No, thanks"),
    ),
  );
  return offer;
}
