/** Beside the image: labels, the selected mask, all masks. */
import { counted, t } from "../language.js";
import { TRACK } from "../constants.js";
import { keyFor } from "../state/key-bindings.js";
import { isByWords } from "../state/words.js";
import { h } from "./dom.js";
import { maskCommands } from "./editing-options.js";
import { icon } from "./icons.js";
import { findWordsSection } from "./find-words.js";
import { labelSection } from "./label-section.js";
import { findSimilarDialog } from "./find-similar-dialog.js";
import { maskList } from "./mask-list.js";
import { attributeFields } from "./attribute-fields.js";
import { imageSection } from "./image-section.js";
import { trackDialog } from "./track-dialog.js";
import { viewSection } from "./view-section.js";
import { suggestionSection } from "./suggestion-bar.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function sidePanel(screen, signal) {
  const close = h(
    "button",
    { class: "icon-button narrow-only", "aria-label": t("Close"), onclick: () => screen.togglePanel() },
    icon("close"),
  );
  return h(
    "aside",
    { class: "panel", "aria-label": t("Masks and labels") },
    close,
    findWordsSection(screen),
    suggestionSection(screen, signal),
    labelSection(screen, signal),
    maskSection(screen, signal),
    imageSection(screen, signal),
    maskList(screen, signal),
  );
}

/** @param {string} search */
const foundBy = (search) => {
  if (search.startsWith(TRACK)) return t("found by tracking");
  return isByWords(search) ? t("found by words") : t("found by example");
};

/** @param {EditorScreen} screen @param {AbortSignal} signal */
function maskSection(screen, signal) {
  const { editor, app } = screen;
  const facts = h("p", { class: "facts" });
  const find = h(
    "button",
    { onclick: () => findSimilarDialog(screen) },
    icon("similar"),
    t("Find similar objects"),
  );
  const track = h("button", { onclick: () => trackDialog(screen) }, icon("play"), t("Track"));
  const remove = h(
    "button",
    { onclick: () => editor.remove(), title: keyFor("remove") },
    icon("trash"),
    t("Delete"),
  );
  const done = h(
    "button",
    { class: "primary", onclick: () => screen.act("next"), title: "Enter" },
    icon("done"),
    t("Done"),
  );
  const section = h(
    "section",
    { class: "selected", hidden: true },
    h("h2", {}, t("Selected mask")),
    facts,
    attributeFields(screen, signal),
    h("div", { class: "row wrap" }, done, remove, ...(app.storage.findsSimilar ? [find, track] : [])),
    maskCommands(screen, signal),
  );
  const draw = () => {
    const { item } = editor;
    section.hidden = !item;
    if (item)
      facts.textContent = [
        counted(item.area, "pixel"),
        item.score === null ? null : t("score {score}", { score: item.score.toFixed(2) }),
        item.suggestedBy ? foundBy(item.suggestedBy) : (item.model ?? t("drawn by hand")),
        item.author,
        item.suggestedBy ? t("accept (Y) or reject (R)") : null,
      ]
        .filter(Boolean)
        .join(" · ");
  };
  for (const type of ["select", "answer"]) editor.addEventListener(type, draw, { signal });
  screen.openImage.addEventListener("masks", draw, { signal });
  return h("div", { class: "sections" }, section, viewSection(screen, signal));
}
