/** The project's model: retrain it on what people accepted, and choose one of its versions. */
import { reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { counted, fill, h } from "./dom.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../storage/on-server.js").Retraining} Retraining */
/** @typedef {import("../storage/on-server.js").Version} Version */

const PAUSE = 1000; // ms between two looks at the progress

/** @param {App} app whose storage retrains */
export function modelDialog(app) {
  const { project } = app;
  const storage = /** @type {import("../storage/on-server.js").ServerStorage} */ (app.storage);
  const admin = project.person?.role !== "annotator" && project.person?.role !== "reviewer";
  const body = h("div", { class: "stack" });
  const dialog = openDialog("Model", [body]);
  const ask = async (/** @type {() => Promise<Retraining>} */ question) => {
    try {
      show(await question());
    } catch (error) {
      fill(body, h("p", { class: "problem" }, `This did not work: ${reasonOf(error)}.`));
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
        "Retraining fine-tunes the model on the masks of this project. A fifth of the images is held back; a new version is used only where it is not worse there.",
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
  if (state === "running") return "Stop";
  return state === "stopped" ? "Resume" : "Retrain";
}

/** What happened last. @param {Retraining} found */
function sentence({ state, what, done, total, error, result }) {
  if (state === "running") return `Working: ${what || "begin"}${total ? `, ${done} of ${total}` : ""}.`;
  if (state === "stopped") return "The last retraining was stopped; it can be resumed.";
  if (state === "failed") return `The last retraining failed: ${error}`;
  if (state === "none") return "The model was not retrained yet.";
  return result?.version
    ? `The last retraining made ${result.version}. Open an image again to work with it.`
    : "The last retraining brought nothing better, so the version in use was kept.";
}

/**
 * @param {Retraining} found @param {boolean} admin @param {(name: string) => void} use
 * @returns {HTMLElement[]}
 */
function versionList({ versions, in_use: inUse }, admin, use) {
  if (!versions.length) return [];
  const rows = [...versions.map(versionText).reverse(), ["compact", "the model of the package"]];
  return [
    h("h3", {}, "Versions"),
    h(
      "ul",
      { class: "stack" },
      ...rows.map(([name, text]) =>
        h(
          "li",
          { class: "row" },
          h("span", {}, h("strong", {}, name), ` ${text}`),
          name === inUse
            ? h("span", { class: "badge" }, "in use")
            : admin && h("button", { "aria-label": `Use ${name}`, onclick: () => use(name) }, "Use"),
        ),
      ),
    ),
  ];
}

/** @param {Version} version @returns {[string, string]} */
function versionText({ name, images, masks, scores }) {
  const after = scores["clicks after"]?.mean;
  const how = after === undefined ? "" : `, mean IoU ${after.toFixed(3)}`;
  return [name, `${counted(masks, "mask")} of ${counted(images, "image")}${how}`];
}
