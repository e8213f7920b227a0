/** Take all masks away in a file, or read masks from one. */
import { counted, t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { download, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../storage/on-server.js").Imported} Imported */

/** What polygons may lose of a mask. @type {[string, string][]} */
const LOSSES = [
  ["0", t("All: the exact mask")],
  ["0.01", t("Fewer, IoU at least 0.99")],
  ["0.05", t("Few, IoU at least 0.95")],
];

/** @param {App} app */
export function importExportDialog(app) {
  const dialog = openDialog(t("Export and import"), [exportForm(app, () => dialog.close()), importForm(app)]);
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
  const polygons = h("input", { type: "checkbox", role: "switch" });
  const corners = h(
    "select",
    { id: "corners" },
    ...LOSSES.map(([value, text]) => h("option", { value }, text)),
  );
  const every = h("input", { type: "checkbox", role: "switch" });
  const start = h("button", { class: "primary" }, icon("export"), t("Export"));
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
            polygons: polygons.checked,
            maxLoss: Number(corners.value),
            every: every.checked,
          });
          download(file);
          close();
          const { name, skipped } = file;
          if (skipped)
            notify(
              t("{images} left out: report.json in the archive says why.", {
                images: counted(skipped, "image"),
              }),
            );
          else if (name.endsWith(".zip"))
            notify(
              t("Exported: {name}. The report.json in it says what the format could not hold.", { name }),
            );
        } catch (error) {
          notify(t("The export failed: {reason}.", { reason: reasonOf(error) }));
        }
        start.disabled = false;
      },
    },
    h("h3", {}, t("Export all masks")),
    h("div", { class: "field" }, h("label", { for: "format" }, t("Format")), format),
    ...(storage.findsSimilar
      ? [
          h("label", { class: "switch" }, polygons, t("Polygons, also where the format holds masks")),
          h("div", { class: "field" }, h("label", { for: "corners" }, t("Corners of polygons")), corners),
          h("label", { class: "switch" }, images, t("With the image files, to train on")),
          h("label", { class: "switch" }, every, t("Also images that have no masks and are not done")),
        ]
      : []),
    waiting > 0 &&
      h(
        "label",
        { class: "switch" },
        also,
        t("Also {suggestions} not accepted yet", { suggestions: counted(waiting, "suggestion") }),
      ),
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
    h("option", { value: "" }, t("Detected")),
    ...formats.map(([value, text]) => h("option", { value }, text)),
  );
  const file = h("input", {
    type: "file",
    "aria-label": t("Annotation file"),
    async onchange() {
      const chosen = file.files?.[0];
      if (!chosen) return;
      fill(result, h("p", {}, t("Reading …")));
      try {
        fill(result, ...report(await app.storage.importMasks(chosen, format.value)));
        app.changed();
        app.heard(null);
      } catch (error) {
        fill(
          result,
          h("p", { class: "problem" }, t("Nothing was imported: {reason}.", { reason: reasonOf(error) })),
        );
      }
      result.scrollIntoView({ block: "end" }); // a low window cuts off the end of the dialog
      file.value = "";
    },
  });
  return h(
    "div",
    { class: "stack" },
    h("h3", {}, t("Import masks")),
    h(
      "p",
      {},
      t(
        "Choose an annotation file, or a ZIP archive of such files. Masks go to the images of the same name. Masks that are here already are not added again.",
      ),
    ),
    formats.length > 1 &&
      h("div", { class: "field" }, h("label", { for: "import-format" }, t("Format of the file")), format),
    file,
    result,
  );
}

/** @param {Imported} imported */
function report({ images, masks, known, skipped, left_out = [] }) {
  const shapes = left_out.reduce((sum, { count }) => sum + count, 0);
  const already = known ? " " + counted(known, "mask was here already.", "masks were here already.") : "";
  return [
    h(
      "p",
      {},
      t("{masks} in {images}.{already}", {
        masks: counted(masks, "new mask"),
        images: counted(images, "image"),
        already,
      }),
    ),
    details(t("{records} left out", { records: counted(skipped.length, "record") }), skipped),
    details(
      t("{shapes} of no area, or damaged: no masks", { shapes: counted(shapes, "shape") }),
      left_out.map(({ name, kind, count }) => `${name}: ${kind} (${count})`),
    ),
  ];
}

/** @param {string} summary @param {string[]} sentences */
const details = (summary, sentences) =>
  sentences.length > 0 &&
  h(
    "details",
    {},
    h("summary", {}, summary),
    h("ul", {}, ...sentences.slice(0, 50).map((sentence) => h("li", {}, sentence))),
  );
