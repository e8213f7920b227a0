/** Name the labels and choose their colours. */
import { t } from "../language.js";
import { TEXT_LENGTH } from "../constants.js";
import { PALETTE } from "../masks/colours.js";
import { labelProblem } from "../state/label-problem.js";
import { attributeRows } from "./attribute-fields.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../types.js").Label} Label */

/** @param {import("./app.js").App} app @param {() => void} changed */
export function labelsDialog(app, changed) {
  const rows = h("ul", { class: "plain stack" });
  /** @type {Map<Element, () => import("../types.js").Attribute[]>} */
  const readers = new Map();
  const add = (/** @type {Label} */ { id, name, color, attributes = [] }, focus = false) => {
    const input = h("input", {
      type: "text",
      value: name,
      maxlength: TEXT_LENGTH,
      required: true,
      "aria-label": t("Name"),
    });
    const colour = h("input", {
      type: "color",
      value: color,
      "aria-label": t("Colour of {name}", { name: name || t("the new label") }),
    });
    const asked = attributeRows(attributes, name);
    const row = h(
      "li",
      { class: "row wrap", "data-id": id },
      colour,
      input,
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": t("Remove {name}", { name: name || t("this label") }),
          onclick: () => row.remove(),
        },
        icon("trash"),
      ),
      asked.element,
    );
    readers.set(row, asked.read);
    rows.append(row);
    if (focus) input.focus();
  };
  app.project.labels.forEach((label) => add(label));
  const more = () =>
    add({ id: crypto.randomUUID(), name: "", color: PALETTE[rows.children.length % PALETTE.length] }, true);
  const problem = h("p", { class: "problem", role: "alert" });
  const form = h(
    "form",
    {
      class: "stack",
      async onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        const all = [...rows.children].map((row) => {
          const [colour, name] = row.querySelectorAll("input");
          return {
            id: /** @type {HTMLElement} */ (row).dataset.id ?? "",
            name: name.value.trim(),
            color: colour.value,
            attributes: readers.get(row)?.() ?? [],
          };
        });
        const labels = all.filter(({ name }) => name);
        problem.textContent = labelProblem(labels) ?? (await app.saveLabels(labels)) ?? "";
        if (problem.textContent) return; // what was edited stays
        dialog.close();
        changed();
      },
    },
    rows,
    problem,
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: "quiet", onclick: more }, icon("plus"), t("Add a label")),
      h("span", { class: "spacer" }),
      h("button", { class: "primary" }, t("Save")),
    ),
  );
  const dialog = openDialog(t("Labels"), [form]);
  if (!app.project.labels.length) more();
}
