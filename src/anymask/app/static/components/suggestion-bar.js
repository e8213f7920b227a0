/** Above the masks: how many suggestions an image has, and what to do with them. */
import { counted, t } from "../language.js";
import { labelAccepted } from "../state/accepted-labels.js";
import { decide, decideAll, suggestionsOf } from "../state/suggestions.js";
import { imageAddress } from "../state/routes.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function suggestionSection(screen, signal) {
  const title = h("h2", {});
  const button = (
    /** @type {string} */ text,
    /** @type {string} */ key,
    /** @type {string} */ act,
    kind = "",
  ) =>
    h(
      "button",
      { class: kind, title: key, onclick: () => screen.act(act) },
      text,
      h("kbd", { "aria-hidden": "true" }, key),
    );
  const section = h(
    "section",
    { class: "suggestions", hidden: true },
    title,
    h(
      "div",
      { class: "row wrap" },
      button(t("Accept"), "Y", "accept", "primary"),
      button(t("Reject"), "R", "reject"),
      button(t("Accept all"), "Shift+Y", "accept-all"),
      button(t("Nothing here"), "Shift+R", "reject-all"),
    ),
  );
  const draw = () => {
    const count = suggestionsOf(screen.editor).length;
    section.hidden = count === 0;
    fill(title, icon("similar"), counted(count, "suggestion"));
  };
  screen.openImage.addEventListener("masks", draw, { signal });
  const { app, openImage } = screen;
  const label = async (/** @type {Event} */ event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if ((await labelAccepted(app, openImage, detail, notify)) && !signal.aborted) showLabels(screen);
  };
  openImage.addEventListener("step", label, { signal });
  draw();
  return section;
}

/** Show labels that are new. @param {EditorScreen} screen */
function showLabels({ editor, imageCanvas, panel }) {
  editor.emit("view");
  imageCanvas.recolour();
  panel.dispatchEvent(new Event("labels"));
}

/**
 * Accept or reject, one or all; after the last one of an image, lead to the next image with suggestions.
 * @param {EditorScreen} screen @param {boolean} accept @param {boolean} all
 */
export async function review(screen, accept, all) {
  const { app, editor, openImage } = screen;
  const had = suggestionsOf(editor).length;
  const left = all ? decideAll(editor, accept) : decide(editor, accept);
  if (!had || left) return;
  const { images } = await app.storage.images(null, 2, { show: "suggestions" });
  const next = images.find(({ id }) => id !== openImage.info.id);
  if (!next) return notify(t("No more suggestions to review."));
  notify(t("All suggestions of this image are reviewed."), {
    actions: [[t("Next image with suggestions"), () => (location.hash = imageAddress(next.id))]],
  });
}
