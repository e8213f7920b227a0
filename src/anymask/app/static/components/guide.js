/** The guided minute: a small card that leads through a click, a correction, a label and an export. */
import { t } from "../language.js";
import { imageAddress, GALLERY } from "../state/routes.js";
import { EditorScreen } from "./editor-screen.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { importExportDialog } from "./import-export-dialog.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {{title: string, text: string, done: (open: EditorScreen) => boolean}} Step done: the card goes on by itself */

const KEY = "anymask guide";

/** @param {EditorScreen} screen */
const itemsOf = ({ openImage }) => [...openImage.items.values()];
const never = () => false;

/** @returns {Step[]} */
const steps = () => [
  {
    title: t("Click"),
    text: t("Click an object in the photo. Its mask appears at once."),
    done: (screen) => itemsOf(screen).length > 0,
  },
  {
    title: t("Refine"),
    text: t("Click a part that is missing, or right-click one that does not belong. Then press Enter."),
    done: (screen) => itemsOf(screen).some(({ clicks }) => (clicks?.points.length ?? 0) > 1),
  },
  {
    title: t("Label"),
    text: t("Under Labels, press Edit and name one. Select your mask and choose the label, or press 1."),
    done: (screen) => itemsOf(screen).some(({ label }) => label !== null),
  },
  {
    title: t("Export"),
    text: t("Everything is saved as you go. Take the masks away in any format."),
    done: never,
  },
];

/** Whether this browser has seen the guided minute, or did not want it. */
export const knowsGuide = () => localStorage.getItem(KEY) !== null;

/** Not to be offered any more. */
export const forgetGuide = () => localStorage.setItem(KEY, "seen");

/** Open an image and lead through it. @param {App} app @param {string} image its id */
export function startGuide(app, image) {
  forgetGuide();
  document.querySelector(".guide")?.remove();
  const card = h("aside", { class: "guide", "aria-label": t("First steps"), "aria-live": "polite" });
  const all = steps();
  let at = 0;
  const close = () => {
    card.remove();
    app.sync.removeEventListener("change", follow);
  };
  const show = () => fill(card, ...content(app, all, at, next, close));
  const next = () => {
    at++;
    show();
  };
  const follow = () => {
    const { screen } = app;
    if (screen instanceof EditorScreen && all[at].done(screen)) next();
  };
  app.sync.addEventListener("change", follow);
  document.body.append(card);
  show();
  location.hash = imageAddress(image);
}

/** @param {App} app @param {Step[]} all @param {number} at @param {() => void} next @param {() => void} close */
function content(app, all, at, next, close) {
  const { title, text } = all[at];
  const last = at === all.length - 1;
  const toExport = () => {
    close();
    location.hash = GALLERY;
    importExportDialog(app);
  };
  return [
    h(
      "header",
      { class: "row" },
      h("h2", {}, `${at + 1} / ${all.length} ${title}`),
      h("span", { class: "spacer" }),
      h(
        "button",
        { class: "icon-button", "aria-label": t("Close the guide"), onclick: close },
        icon("close"),
      ),
    ),
    h("p", {}, text),
    h(
      "div",
      { class: "row end" },
      last
        ? h("button", { class: "primary", onclick: toExport }, t("Export"))
        : h("button", { class: "quiet", onclick: next }, t("Skip this step")),
    ),
  ];
}
