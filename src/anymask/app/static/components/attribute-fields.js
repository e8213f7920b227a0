/** Attributes: what labels ask about their masks, and the answers for the selected mask. */
import { t } from "../language.js";
import { TEXT_LENGTH } from "../constants.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../types.js").Attribute} Attribute */
/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */

/** @type {[Attribute["kind"], string][]} */
const KINDS = [
  ["text", t("Text")],
  ["number", t("Number")],
  ["choice", t("Choice")],
];

/** Fields for the attributes of the selected mask's label. @param {EditorScreen} screen @param {AbortSignal} signal */
export function attributeFields({ editor, app, openImage }, signal) {
  const place = h("div", { class: "stack attributes", role: "group", "aria-label": t("Attributes") });
  const draw = () => {
    const { item } = editor;
    const label = item && app.project.labels.find(({ id }) => id === item.label);
    const attributes = label?.attributes ?? [];
    const key = JSON.stringify([item?.id, attributes]);
    // fields of the same mask stay, so that the one that the person goes to next is still there
    if (place.dataset.key !== key) fill(place, ...attributes.map((attribute, i) => field(attribute, i)));
    place.dataset.key = key;
    place.hidden = !attributes.length;
    attributes.forEach(({ name }, i) => {
      const input = /** @type {HTMLInputElement} */ (place.querySelector(`#attribute-${i}`));
      const value = String(item?.attributes?.[name] ?? "");
      if (input !== document.activeElement && input.value !== value) input.value = value;
    });
  };
  const answer = (/** @type {string} */ name, /** @type {string | number | null} */ value) => {
    const { item } = editor;
    if (!item || (item.attributes?.[name] ?? null) === value) return;
    const attributes = { ...item.attributes };
    if (value === null) delete attributes[name];
    else attributes[name] = value;
    editor.change("Set an attribute", item.id, {
      attributes: Object.keys(attributes).length ? attributes : null,
    });
  };
  /** @param {Attribute} attribute @param {number} i */
  const field = ({ name, kind, choices }, i) => {
    const id = `attribute-${i}`;
    const input =
      kind === "choice"
        ? h("select", { id }, ...["", ...choices].map((one) => h("option", { value: one }, one || "–")))
        : h("input", { id, type: kind, step: "any", maxlength: 1000 });
    input.addEventListener("change", () => {
      const text = input.value.trim();
      answer(name, text === "" ? null : kind === "number" ? Number(text) : text);
    });
    return h("div", { class: "field" }, h("label", { for: id }, name), input);
  };
  for (const type of ["select", "view", "answer"]) editor.addEventListener(type, draw, { signal });
  openImage.addEventListener("masks", draw, { signal });
  draw();
  return place;
}

/**
 * Rows to name the attributes of one label and choose their kinds.
 * @param {Attribute[]} attributes @param {string} label its name
 * @returns {{element: HTMLElement, read: () => Attribute[]}}
 */
export function attributeRows(attributes, label) {
  const rows = h("ul", { class: "plain stack" });
  const add = (/** @type {Attribute} */ { name, kind, choices }) => {
    const select = h(
      "select",
      {
        "aria-label": name ? t("Kind of {name}", { name }) : t("Kind"),
        onchange: () => (list.hidden = select.value !== "choice"),
      },
      ...KINDS.map(([value, text]) => h("option", { value, selected: value === kind }, text)),
    );
    const list = h("input", {
      type: "text",
      class: "choices",
      value: choices.join(", "),
      placeholder: t("no, partly, fully"),
      "aria-label": name ? t("Choices of {name}", { name }) : t("Choices"),
      hidden: kind !== "choice",
    });
    const row = h(
      "li",
      { class: "row wrap" },
      h("input", {
        type: "text",
        value: name,
        maxlength: TEXT_LENGTH,
        placeholder: t("occluded"),
        "aria-label": t("Name of the attribute"),
      }),
      select,
      list,
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": t("Remove {name}", { name: name || t("this attribute") }),
          onclick: () => row.remove(),
        },
        icon("trash"),
      ),
    );
    rows.append(row);
  };
  attributes.forEach(add);
  const more = h(
    "button",
    { type: "button", class: "quiet small", onclick: () => add({ name: "", kind: "choice", choices: [] }) },
    icon("plus"),
    t("Add an attribute"),
  );
  const title = t("Attributes of {label}", { label: label || t("the new label") });
  const summary = h(
    "summary",
    { "aria-label": title },
    attributes.length ? t("Attributes ({count})", { count: attributes.length }) : t("Attributes"),
  );
  return { element: h("details", {}, summary, rows, more), read: () => read(rows) };
}

/** @param {HTMLUListElement} rows @returns {Attribute[]} */
function read(rows) {
  return [...rows.children].map((row) => {
    const [name, choices] = row.querySelectorAll("input");
    const kind = /** @type {Attribute["kind"]} */ (row.querySelector("select")?.value);
    const some = [...new Set(choices.value.split(",").map((one) => one.trim()))].filter(Boolean);
    return { name: name.value.trim(), kind, choices: kind === "choice" ? some : [] };
  });
}
