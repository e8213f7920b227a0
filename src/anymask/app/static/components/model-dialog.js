/** The project's model: retrain it on what people accepted, and choose one of its versions. */
import { counted, t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../types.js").Retraining} Retraining */
/** @typedef {import("../types.js").Version} Version */

const PAUSE = 1000; // ms between two looks at the progress

/** @param {App} app whose storage retrains */
export function modelDialog(app) {
  const { project } = app;
  const storage = /** @type {import("../storage/on-server.js").ServerStorage} */ (app.storage);
  const admin = project.person?.role !== "annotator" && project.person?.role !== "reviewer";
  const body = h("div", { class: "stack" });
  const dialog = openDialog(t("Model"), [body]);
  const ask = async (/** @type {() => Promise<Retraining>} */ question) => {
    try {
      show(await question());
    } catch (error) {
      fill(
        body,
        h("p", { class: "problem" }, t("This did not work: {reason}.", { reason: reasonOf(error) })),
      );
    }
  };
  const show = (/** @type {Retraining} */ found) => {
    const running = found.state === "running";
    const act = () => ask(() => (running ? storage.stopRetraining() : storage.startRetraining()));
    fill(
      body,
      h(
        "p",
        {},
        t(
          "Retraining fine-tunes the model on the masks of this project. A fifth of the images is held back; a new version is used only where it is not worse there.",
        ),
      ),
      h("p", { role: "status" }, sentence(found)),
      running &&
        h("progress", { value: found.done, max: Math.max(found.total, 1), "aria-label": found.what }),
      admin &&
        h(
          "div",
          { class: "row end" },
          h("button", { class: running ? "" : "primary", onclick: act }, label(found)),
        ),
      ...versionList(found, admin, (name) => ask(() => storage.useVersion(name))),
    );
    if (running) setTimeout(() => dialog.open && ask(() => storage.retraining()), PAUSE);
  };
  ask(() => storage.retraining());
}

/** @param {Retraining} found */
function label({ state }) {
  if (state === "running") return t("Stop");
  return state === "stopped" ? t("Resume") : t("Retrain");
}

/** What happened last. @param {Retraining} found */
function sentence({ state, what, done, total, error, result }) {
  if (state === "running")
    return total ? t("{done} of {total}: {what}", { done, total, what }) : t("Working …");
  if (state === "stopped") return t("The last retraining was stopped; it can be resumed.");
  if (state === "failed") return t("The last retraining failed: {reason}", { reason: error ?? "" });
  if (state === "none") return t("The model was not retrained yet.");
  return result?.version
    ? t("The last retraining made {version}. Open an image again to work with it.", {
        version: result.version,
      })
    : t("The last retraining brought nothing better, so the version in use was kept.");
}

/**
 * @param {Retraining} found @param {boolean} admin @param {(name: string) => void} use
 * @returns {HTMLElement[]}
 */
function versionList({ versions, in_use: inUse }, admin, use) {
  if (!versions.length) return [];
  const rows = [...versions.map(versionText).reverse(), ["compact", t("the model of the package")]];
  return [
    h("h3", {}, t("Versions")),
    h(
      "ul",
      { class: "stack" },
      ...rows.map(([name, text]) =>
        h(
          "li",
          { class: "row" },
          h("span", {}, h("strong", {}, name), ` ${text}`),
          name === inUse
            ? h("span", { class: "badge" }, t("in use"))
            : admin &&
                h("button", { "aria-label": t("Use {name}", { name }), onclick: () => use(name) }, t("Use")),
        ),
      ),
    ),
  ];
}

/** @param {Version} version @returns {[string, string]} */
function versionText({ name, images, masks, scores }) {
  const after = scores["clicks after"]?.mean;
  const how = after === undefined ? "" : `, ${t("mean IoU {iou}", { iou: after.toFixed(3) })}`;
  return [name, `${counted(masks, "mask")}, ${counted(images, "image")}${how}`];
}
