/** A modal dialog that closes by Escape, by its cross and by a click beside it. */
import { t } from "../language.js";
import { icon } from "./icons.js";
import { h } from "./dom.js";

/**
 * @param {string} title
 * @param {import("./dom.js").Child[]} content
 * @param {{class?: string, must?: boolean}} [options] must: only by a choice
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, { class: kind = "", must = false } = {}) {
  const body = h("div", { class: "dialog-body" }, ...content);
  const dialog = h(
    "dialog",
    { class: `dialog ${kind}`, "aria-label": title },
    h(
      "header",
      {},
      h("h2", {}, title),
      !must &&
        h(
          "button",
          { class: "icon-button", "aria-label": t("Close"), onclick: () => dialog.close() },
          icon("close"),
        ),
    ),
    body,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    const canvas = document.querySelector("am-image-canvas");
    if (canvas instanceof HTMLElement) canvas.focus(); // keys go on there, not to the button that opened this
  });
  dialog.addEventListener("cancel", (event) => must && event.preventDefault());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && !must) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(dialog);
  dialog.showModal();
  if (body.scrollHeight > body.clientHeight) body.tabIndex = 0; // so that keys can scroll it
  return dialog;
}

/**
 * Ask before what cannot be undone.
 * @param {string} title @param {string} sentence @param {string} action
 * @returns {Promise<boolean>}
 */
export function confirmDialog(title, sentence, action) {
  return new Promise((resolve) => {
    let yes = false;
    const close = (/** @type {boolean} */ answer) => {
      yes = answer;
      dialog.close();
    };
    const dialog = openDialog(title, [
      h("p", {}, sentence),
      h(
        "div",
        { class: "row end" },
        h("button", { onclick: () => close(false) }, t("Cancel")),
        h("button", { class: "primary", onclick: () => close(true) }, action),
      ),
    ]);
    dialog.addEventListener("close", () => resolve(yes));
  });
}
