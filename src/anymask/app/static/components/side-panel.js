/** Beside the image: labels, the selected mask, all masks. */
import { counted, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { BY_WORDS, findWordsSection } from "./find-words.js";
import { labelsDialog } from "./labels-dialog.js";
import { findSimilarDialog } from "./find-similar-dialog.js";
import { maskList } from "./mask-list.js";
import { suggestionSection } from "./suggestion-bar.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function sidePanel(screen, signal) {
  const close = h(
    "button",
    { class: "icon-button narrow-only", "aria-label": "Close", onclick: () => screen.togglePanel() },
    icon("close"),
  );
  return h(
    "aside",
    { class: "panel", "aria-label": "Masks and labels" },
    close,
    screen.app.storage.findsWords && findWordsSection(screen),
    suggestionSection(screen, signal),
    labelSection(screen, signal),
    maskSection(screen, signal),
    maskList(screen, signal),
  );
}

/** @param {EditorScreen} screen @param {AbortSignal} signal */
function labelSection(screen, signal) {
  const { editor, app } = screen;
  const chips = h("div", { class: "labels", role: "group", "aria-label": "Labels" });
  const draw = () => {
    const now = editor.item ? editor.item.label : editor.label;
    fill(
      chips,
      ...app.project.labels.map(({ id, name, color }, i) => {
        const dot = h("span", { class: "dot" });
        dot.style.background = color;
        return h(
          "button",
          {
            class: "label",
            "aria-pressed": String(now === id),
            title: i < 9 ? `${name} (${i + 1})` : name,
            onclick: () => editor.setLabel(now === id ? null : id),
          },
          dot,
          name,
          i < 9 && h("kbd", { "aria-hidden": "true" }, String(i + 1)),
        );
      }),
    );
    if (!app.project.labels.length)
      fill(chips, h("p", { class: "note" }, "No labels yet. Labels are optional."));
  };
  const edit = () =>
    labelsDialog(app, () => {
      draw();
      screen.imageCanvas.recolour();
      screen.panel.dispatchEvent(new Event("labels"));
    });
  for (const type of ["select", "view", "answer"]) editor.addEventListener(type, draw, { signal });
  draw();
  return h(
    "section",
    {},
    h(
      "div",
      { class: "row" },
      h("h2", {}, "Labels"),
      h("span", { class: "spacer" }),
      h("button", { class: "quiet", onclick: edit }, "Edit"),
    ),
    chips,
  );
}

/** @param {string} search */
const foundBy = (search) => (search.startsWith(BY_WORDS) ? "found by words" : "found by example");

/** @param {EditorScreen} screen @param {AbortSignal} signal */
function maskSection(screen, signal) {
  const { editor, app } = screen;
  const facts = h("p", { class: "facts" });
  const find = h(
    "button",
    { onclick: () => findSimilarDialog(screen) },
    icon("similar"),
    "Find similar objects",
  );
  const remove = h("button", { onclick: () => editor.remove(), title: "Delete" }, icon("trash"), "Delete");
  const done = h(
    "button",
    { class: "primary", onclick: () => screen.act("next"), title: "Enter" },
    icon("done"),
    "Done",
  );
  const section = h(
    "section",
    { class: "selected", hidden: true },
    h("h2", {}, "Selected mask"),
    facts,
    h("div", { class: "row wrap" }, done, remove, app.storage.findsSimilar && find),
  );
  const opacity = h("input", {
    type: "range",
    id: "opacity",
    min: 0,
    max: 1,
    step: 0.05,
    value: editor.settings.opacity,
    oninput: () => editor.set({ opacity: Number(opacity.value) }),
  });
  const hide = h("input", {
    type: "checkbox",
    role: "switch",
    onchange: () => editor.set({ hideOthers: hide.checked }),
  });
  const view = h(
    "section",
    {},
    h("h2", {}, "Viewport"),
    h("div", { class: "field" }, h("label", { for: "opacity" }, "Opacity"), opacity),
    h("label", { class: "switch" }, hide, "Hide other masks"),
  );
  const draw = () => {
    const { item } = editor;
    section.hidden = !item;
    if (item)
      facts.textContent = [
        counted(item.area, "pixel"),
        item.score === null ? null : `score ${item.score.toFixed(2)}`,
        item.suggestedBy ? foundBy(item.suggestedBy) : (item.model ?? "drawn by hand"),
        item.author,
        item.suggestedBy ? "accept (Y) or reject (R)" : null,
      ]
        .filter(Boolean)
        .join(" · ");
  };
  for (const type of ["select", "answer"]) editor.addEventListener(type, draw, { signal });
  screen.openImage.addEventListener("masks", draw, { signal });
  editor.addEventListener(
    "view",
    () => {
      hide.checked = editor.settings.hideOthers;
      if (document.activeElement !== opacity) opacity.value = String(editor.settings.opacity);
    },
    { signal },
  );
  return h("div", { class: "sections" }, section, view);
}
