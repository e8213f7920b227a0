/** The labels beside the image: choose one, search among many. */
import { t } from "../language.js";
import { isAnnotator } from "../state/permissions.js";
import { fill, h, set } from "./dom.js";
import { labelsDialog } from "./labels-dialog.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */

const SEARCHED = 12; // labels from which the search is worth its place
const KEYS = 9; // labels that have a number as their key

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function labelSection(screen, signal) {
  const { editor, app } = screen;
  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map();
  const chips = h("div", { class: "labels", role: "group", "aria-label": t("Labels") });
  const search = h("input", {
    type: "search",
    placeholder: t("Search labels"),
    "aria-label": t("Search labels"),
    oninput: () => filter(),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter") return;
      const first = app.project.labels.find(({ id }) => !buttons.get(id)?.hidden);
      if (first) editor.setLabel(first.id);
      screen.imageCanvas.focus();
    },
  });
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const { id, name } of app.project.labels) {
      const button = buttons.get(id);
      if (button) button.hidden = !name.toLowerCase().includes(wanted);
    }
  };
  /** @type {string | null | undefined} */
  let pressed;
  /** The labels on show: others may come from another tab. */
  let shown = app.project.labels;
  const press = () => {
    if (shown !== app.project.labels) return draw();
    const now = editor.item ? editor.item.label : editor.label;
    if (now === pressed) return;
    for (const [id, on] of /** @type {[string | null | undefined, boolean][]} */ ([
      [pressed, false],
      [now, true],
    ])) {
      const button = id && buttons.get(id);
      if (button) set(button, { "aria-pressed": String(on) });
    }
    pressed = now;
  };
  const draw = () => {
    const { labels } = app.project;
    shown = labels;
    buttons.clear();
    labels.forEach((label, i) => buttons.set(label.id, chip(screen, label, i)));
    fill(
      chips,
      ...(labels.length
        ? buttons.values()
        : [h("p", { class: "note" }, t("No labels yet. Labels are optional."))]),
    );
    search.hidden = labels.length < SEARCHED;
    pressed = undefined;
    press();
    filter();
  };
  const edit = () =>
    labelsDialog(app, () => {
      draw();
      screen.imageCanvas.recolour();
      screen.panel.dispatchEvent(new Event("labels"));
    });
  for (const type of ["select", "view", "answer"]) editor.addEventListener(type, press, { signal });
  draw();
  return h(
    "section",
    {},
    h(
      "div",
      { class: "row" },
      h("h2", {}, t("Labels")),
      h("span", { class: "spacer" }),
      !isAnnotator(app.project) && h("button", { class: "quiet", onclick: edit }, t("Edit")),
    ),
    search,
    chips,
  );
}

/** @param {EditorScreen} screen @param {import("../types.js").Label} label @param {number} i its place */
function chip({ editor }, { id, name, color }, i) {
  const dot = h("span", { class: "dot" });
  dot.style.background = color;
  const now = () => (editor.item ? editor.item.label : editor.label);
  return h(
    "button",
    {
      class: "label",
      "aria-pressed": "false",
      title: i < KEYS ? `${name} (${i + 1})` : name,
      onclick: () => editor.setLabel(now() === id ? null : id),
    },
    dot,
    name,
    i < KEYS && h("kbd", { "aria-hidden": "true" }, String(i + 1)),
  );
}
