/** Beside the image: labels, the selected mask, all masks. */
import { counted, decimal, t } from "../language.js";
import { TRACK } from "../constants.js";
import { keyFor } from "../state/key-bindings.js";
import { ANYBODY } from "../state/permissions.js";
import { isByWords } from "../state/words.js";
import { h, say } from "./dom.js";
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

const FINGERPRINT = /^[0-9a-f]{8,}$/; // of a model of the server, which says nothing to people

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
    maskSection(screen, signal),
    labelSection(screen, signal),
    editSection(screen, signal),
    viewSection(screen, signal),
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
  const title = h("h2", {});
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
  const next = h(
    "button",
    { class: "primary", onclick: () => screen.act("next"), title: "Enter" },
    icon("next"),
    t("Next object"),
  );
  const section = h(
    "section",
    { class: "selected", hidden: true },
    title,
    facts,
    h("div", { class: "row wrap" }, next, remove, ...(app.storage.findsSimilar ? [find, track] : [])),
  );
  const draw = () => {
    const { item } = editor;
    section.hidden = !item;
    if (!item) return;
    const open = Boolean(item.suggestedBy);
    say(title, open ? t("Selected suggestion") : t("Selected mask"));
    next.hidden = remove.hidden = open;
    say(facts, factsOf(item).join(" · "));
  };
  for (const type of ["select", "answer"]) editor.addEventListener(type, draw, { signal });
  screen.openImage.addEventListener("masks", draw, { signal });
  return section;
}

/** What is known about a mask. @param {import("../state/open-image.js").Item} item */
function factsOf({ area, score, suggestedBy, model, author }) {
  const named = model && (FINGERPRINT.test(model) ? t("by a model") : t("by the model {model}", { model }));
  return [
    counted(area, "pixel"),
    score === null ? null : t("score {score}", { score: decimal(score, 2) }),
    suggestedBy ? foundBy(suggestedBy) : named || t("drawn by hand"),
    author && author !== ANYBODY ? t("saved by {author}", { author }) : null,
  ].filter((one) => one !== null);
}

/** Attributes of the selected mask, and what can be done with it. @param {EditorScreen} screen @param {AbortSignal} signal */
function editSection(screen, signal) {
  const { editor, openImage } = screen;
  const section = h(
    "section",
    { class: "editing", hidden: true },
    attributeFields(screen, signal),
    maskCommands(screen, signal),
  );
  const draw = () => (section.hidden = !editor.item || Boolean(editor.item.suggestedBy));
  editor.addEventListener("select", draw, { signal });
  openImage.addEventListener("masks", draw, { signal });
  return section;
}
