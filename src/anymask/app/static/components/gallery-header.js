/** The bar above the gallery. */
import { t } from "../language.js";
import { GALLERY } from "../state/routes.js";
import { isAnnotator } from "../state/permissions.js";
import { ServerStorage } from "../storage/on-server.js";
import { agreementDialog } from "./agreement-dialog.js";
import { accountButton } from "./account-dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { modelDialog } from "./model-dialog.js";
import { importExportDialog } from "./import-export-dialog.js";
import { saveStatus } from "./save-status.js";
import { showShortcuts } from "./shortcuts-dialog.js";
import { nextTheme } from "./theme.js";
import { notify } from "./toast.js";

/** @param {import("./app.js").App} app */
export function galleryHeader(app) {
  const theme = h(
    "button",
    {
      class: "icon-button",
      "aria-label": t("Switch the theme"),
      title: t("Switch the theme"),
      onclick: () => notify(nextTheme()),
    },
    icon("theme"),
  );
  return h(
    "header",
    { class: "bar" },
    h(
      "a",
      { class: "brand", href: GALLERY, "aria-label": "anymask" },
      h("img", { src: new URL("../icon.svg", import.meta.url).href, alt: "", width: 28, height: 28 }),
      h("span", {}, "anymask"),
    ),
    isOneOfMany() && h("a", { class: "quiet", href: "../../" }, t("All projects")),
    h("span", { class: "spacer" }),
    saveStatus(app),
    h(
      "button",
      {
        class: "quiet",
        "aria-label": t("Export and import"),
        onclick: () => importExportDialog(app),
      },
      icon("export"),
      h("span", { class: "wide-only" }, t("Export and import")),
    ),
    agreementButton(app),
    modelButton(app),
    theme,
    h(
      "button",
      {
        class: "icon-button",
        "aria-label": t("Keyboard shortcuts"),
        title: t("Keyboard shortcuts (?)"),
        onclick: showShortcuts,
      },
      icon("keys"),
    ),
    accountButton(app),
  );
}

/** Whether this project is one of several of its server, which are at /p/NAME/. */
const isOneOfMany = () => /\/p\/[^/]+\/$/.test(new URL(document.baseURI).pathname);

/** Retraining and versions, on a server. @param {import("./app.js").App} app */
function modelButton({ storage, project }) {
  if (!(storage instanceof ServerStorage)) return null;
  const title = t("Model");
  const act = () => modelDialog(storage, project);
  return h("button", { class: "icon-button", "aria-label": title, title, onclick: act }, icon("wand"));
}

/** For reviewers, where there are people to compare. @param {import("./app.js").App} app */
function agreementButton({ storage, project }) {
  const { assignees = [] } = project;
  if (!(storage instanceof ServerStorage) || isAnnotator(project) || !assignees.length) return null;
  const title = t("Agreement");
  const act = () => agreementDialog(storage);
  return h("button", { class: "icon-button", "aria-label": title, title, onclick: act }, icon("merge"));
}
