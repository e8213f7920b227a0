/** Follow masks through the images before and after this one, as the frames of a video. */
import { counted, t } from "../language.js";
import { imageAddress } from "../state/routes.js";
import { CancelledError, reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */
/** @typedef {import("../types.js").Tracking} Tracking */

const FRAMES = 100; // in each direction, at first
const MOST_FRAMES = 1000;

/** @type {[Tracking["direction"], string][]} */
const DIRECTIONS = [
  ["both", t("Forward and back")],
  ["forward", t("Forward")],
  ["back", t("Back")],
];

/** Of the marked masks and the selected one. @param {EditorScreen} screen */
export function trackDialog(screen) {
  const { editor, openImage } = screen;
  const ids = [...openImage.items.keys()].filter(
    (id) => editor.visibility.marked.has(id) || id === editor.selected,
  );
  const dialog = openDialog(t("Track through the images"), []);
  const body = /** @type {HTMLElement} */ (dialog.querySelector(".dialog-body"));
  const direction = h("select", { id: "direction" }, ...DIRECTIONS.map(option));
  const frames = h("input", { type: "number", id: "frames", min: 1, max: MOST_FRAMES, value: FRAMES });
  const refine = h("input", { type: "checkbox", role: "switch", checked: true });
  const start = () =>
    follow(screen, dialog, body, {
      masks: ids,
      direction: /** @type {Tracking["direction"]} */ (direction.value),
      frames: Number(frames.value),
      refine: refine.checked,
    });
  fill(
    body,
    h(
      "form",
      {
        class: "stack",
        onsubmit(/** @type {Event} */ event) {
          event.preventDefault();
          start();
        },
      },
      h(
        "p",
        {},
        t(
          "The images are taken as frames, in the order of their names. What is found becomes suggestions; frames that you corrected stay as they are and lead on from there.",
        ),
      ),
      field("direction", t("Direction"), direction),
      field("frames", t("Frames in each direction"), frames),
      h("label", { class: "switch" }, refine, t("Refine each mask")),
      h("div", { class: "row end" }, h("button", { class: "primary" }, trackLabel(ids.length))),
    ),
  );
}

/** @param {number} count */
const trackLabel = (count) => t("Track {objects}", { objects: counted(count, "object") });

/** @param {[string, string]} choice */
const option = ([value, text]) => h("option", { value }, text);

/** @param {string} id @param {string} text @param {HTMLElement} input */
const field = (id, text, input) => h("div", { class: "field" }, h("label", { for: id }, text), input);

/**
 * @param {EditorScreen} screen @param {HTMLDialogElement} dialog @param {HTMLElement} body
 * @param {Tracking} asked
 */
async function follow(screen, dialog, body, asked) {
  const { app, openImage } = screen;
  const storage = /** @type {ServerStorage} */ (app.storage);
  const progress = h("progress", { "aria-label": t("Progress") });
  const text = h("p", { role: "status" }, t("Starting …"));
  let job = "";
  const stop = () => job && storage.cancel(job).catch(() => {}); // it may have ended
  fill(body, text, progress, h("div", { class: "row end" }, h("button", { onclick: stop }, t("Stop"))));
  dialog.addEventListener("close", stop, { once: true });
  try {
    await app.sync.flush(); // the server must know the masks
    job = (await storage.track(openImage.info.id, asked)).id;
    const { result } = await storage.follow(job, ({ done, total }) => {
      if (total) Object.assign(progress, { max: total, value: done });
      text.textContent = t("Tracked {done} of {frames} …", { done, frames: counted(total, "frame") });
    });
    dialog.removeEventListener("close", stop);
    dialog.close();
    report((result ?? []).map(({ image }) => image));
  } catch (error) {
    const reason = error instanceof CancelledError ? t("stopped") : reasonOf(error);
    const again = () => follow(screen, dialog, body, { ...asked, resume: true });
    if (dialog.isConnected) fill(body, ...halted(reason, again));
  }
  app.changed();
}

/** What is done is kept. @param {string} reason @param {() => void} again */
const halted = (reason, again) => [
  h("p", { role: "alert" }, t("Not finished: {reason}. The frames that are done are kept.", { reason })),
  h("div", { class: "row end" }, h("button", { class: "primary", onclick: again }, t("Resume"))),
];

/** @param {string[]} drifted images in which the tracking was not sure */
function report(drifted) {
  if (!drifted.length) return notify(t("Tracked. Go through the images and accept with Y."));
  const look = () => (location.hash = imageAddress(drifted[0]));
  const frames = counted(drifted.length, "frame");
  notify(t("Tracked. {frames} with the tag “drift” need a look.", { frames }), {
    actions: [[t("Show the first"), look]],
  });
}
