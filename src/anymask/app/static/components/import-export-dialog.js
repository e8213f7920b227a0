/** Take all masks away in a file, or read masks from one. */
import { reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { counted, download, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../storage/on-server.js").Imported} Imported */

/** @param {App} app */
export function importExportDialog(app) {
  const dialog = openDialog("Export and import", [exportForm(app, () => dialog.close()), importForm(app)]);
}

/** @param {App} app @param {() => void} close */
function exportForm({ storage, project }, close) {
  const format = h(
    "select",
    { id: "format" },
    ...storage.formats.map(([value, text]) => h("option", { value }, text)),
  );
  const also = h("input", { type: "checkbox", role: "switch" });
  const images = h("input", { type: "checkbox", role: "switch" });
  const start = h("button", { class: "primary" }, icon("export"), "Export");
  const waiting = project.counts?.suggestions ?? 0;
  return h(
    "form",
    {
      class: "stack",
      async onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        start.disabled = true;
        try {
          const file = await storage.exported(format.value, {
            suggestions: also.checked,
            images: images.checked,
          });
          download(file);
          close();
          if (file.skipped)
            notify(`${counted(file.skipped, "image")} left out: report.json in the archive says why.`);
        } catch (error) {
          notify(`The export failed: ${reasonOf(error)}.`);
        }
        start.disabled = false;
      },
    },
    h("h3", {}, "Export all masks"),
    h("div", { class: "field" }, h("label", { for: "format" }, "Format"), format),
    storage.findsSimilar && h("label", { class: "switch" }, images, "With the image files, to train on"),
    waiting > 0 &&
      h("label", { class: "switch" }, also, `Also ${counted(waiting, "suggestion")} not accepted yet`),
    h("div", { class: "row end" }, start),
  );
}

/** @param {App} app */
function importForm(app) {
  const result = h("div", { class: "stack", role: "status" });
  const { formats } = app.storage;
  const format = h(
    "select",
    { id: "import-format" },
    h("option", { value: "" }, "Detected"),
    ...formats.map(([value, text]) => h("option", { value }, text)),
  );
  const file = h("input", {
    type: "file",
    "aria-label": "Annotation file",
    async onchange() {
      const chosen = file.files?.[0];
      if (!chosen) return;
      fill(result, h("p", {}, "Reading …"));
      try {
        fill(result, ...report(await app.storage.importMasks(chosen, format.value)));
        app.changed();
        app.heard(null);
      } catch (error) {
        fill(result, h("p", { class: "problem" }, `Nothing was imported: ${reasonOf(error)}.`));
      }
      file.value = "";
    },
  });
  return h(
    "div",
    { class: "stack" },
    h("h3", {}, "Import masks"),
    h(
      "p",
      {},
      "Choose an annotation file, or a ZIP archive of such files. Masks go to the images of the same name. Masks that are here already are not added again.",
    ),
    formats.length > 1 &&
      h("div", { class: "field" }, h("label", { for: "import-format" }, "Format of the file"), format),
    file,
    result,
  );
}

/** @param {Imported} imported */
function report({ images, masks, known, skipped }) {
  const already = known ? ` ${counted(known, "mask was", "masks were")} here already.` : "";
  return [
    h("p", {}, `${counted(masks, "new mask")} in ${counted(images, "image")}.${already}`),
    skipped.length > 0 &&
      h(
        "details",
        {},
        h("summary", {}, `${counted(skipped.length, "record")} left out`),
        h("ul", {}, ...skipped.slice(0, 50).map((sentence) => h("li", {}, sentence))),
      ),
  ];
}
