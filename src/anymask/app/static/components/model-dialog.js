/** The project's model: retrain it on what people accepted, and choose one of its versions. */
import { counted, decimal, number, t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { retraining, startRetraining, stopRetraining, useVersion } from "../storage/retraining.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";

/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */
/** @typedef {import("../storage/retraining.js").Retraining} Retraining */
/** @typedef {import("../storage/retraining.js").Version} Version */

const PAUSE = 1000; // ms between two looks at the progress

/** @param {ServerStorage} storage @param {import("../types.js").Project} project */
export function modelDialog(storage, project) {
  const admin = project.person?.role === "admin";
  const body = h("div", { class: "stack" });
  const dialog = openDialog(t("Model"), [body]);
  const ask = async (/** @type {() => Promise<Retraining>} */ question) => {
    try {
      show(await question());
    } catch (error) {
      const sentence = t("This did not work: {reason}.", { reason: reasonOf(error) });
      fill(body, h("p", { class: "problem", role: "alert" }, sentence));
    }
  };
  const show = (/** @type {Retraining} */ found) => {
    const running = found.state === "running";
    const act = () => ask(() => (running ? stopRetraining(storage) : startRetraining(storage)));
    const use = (/** @type {string} */ name) => ask(() => useVersion(storage, name));
    fill(
      body,
      h(
        "p",
        {},
        t("The model learns from the masks of this project. It is used if it is not worse than before."),
      ),
      h("p", { role: "status" }, sentenceOf(found)),
      running &&
        h("progress", { value: found.done, max: Math.max(found.total, 1), "aria-label": t("Progress") }),
      admin &&
        h(
          "div",
          { class: "row end" },
          h("button", { class: running ? "" : "primary", onclick: act }, label(found)),
        ),
      ...versionList(found, admin ? use : null),
    );
    if (running) setTimeout(() => dialog.open && ask(() => retraining(storage)), PAUSE);
  };
  ask(() => retraining(storage));
}

/** @param {Retraining} found */
function label({ state }) {
  if (state === "running") return t("Stop");
  return state === "stopped" ? t("Resume") : t("Retrain");
}

/** What happened last. @param {Retraining} found */
function sentenceOf({ state, done, total, error, result }) {
  if (state === "running")
    return total
      ? t("Working: {done} of {total}.", { done: number(done), total: number(total) })
      : t("Working …");
  if (state === "stopped") return t("The last retraining was stopped; it can be resumed.");
  if (state === "failed") return t("The last retraining failed: {reason}", { reason: error ?? "" });
  if (state === "none") return t("The model was not retrained yet.");
  return result?.version
    ? t("The last retraining made {name}. Open an image again to work with it.", { name: result.version })
    : t("The last retraining brought nothing better, so the version in use was kept.");
}

/** @param {Retraining} found @param {((name: string) => void) | null} use */
function versionList({ versions, in_use: inUse }, use) {
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
            : use &&
                h("button", { "aria-label": t("Use {name}", { name }), onclick: () => use(name) }, t("Use")),
        ),
      ),
    ),
  ];
}

/** @param {Version} version @returns {[string, string]} */
function versionText({ name, images, masks, scores }) {
  const after = scores["clicks after"]?.mean;
  const learned = t("{masks} of {images}", {
    masks: counted(masks, "mask"),
    images: counted(images, "image"),
  });
  return [name, after === undefined ? learned : `${learned}, IoU ${decimal(after, 3)}`];
}
