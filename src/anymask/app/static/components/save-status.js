/** What is not saved yet, always in sight. */
import { counted, t } from "../language.js";
import { imageAddress } from "../state/routes.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./app.js").App} App */

/** @param {App} app */
export function saveStatus(app) {
  const chip = h("button", { class: "chip", onclick: () => showUnsaved(app) });
  const draw = () => {
    if (!chip.isConnected && chip.dataset.state) return app.sync.removeEventListener("change", draw);
    const { state, symbol, text } = stateOf(app);
    chip.dataset.state = state;
    fill(chip, icon(symbol), h("span", {}, text));
    chip.setAttribute("aria-label", text);
  };
  app.sync.addEventListener("change", draw);
  draw();
  return chip;
}

/** @param {App} app */
function stateOf({ sync }) {
  const { waiting, conflict, refused, others } = sync.counts;
  if (conflict) return { state: "conflict", symbol: "conflict", text: counted(conflict, "conflict") };
  if (refused) return { state: "conflict", symbol: "conflict", text: t("{refused} rejected", { refused }) };
  const waits = t("{waiting} not saved yet", { waiting });
  if (sync.offline)
    return {
      state: "offline",
      symbol: "offline",
      text: sync.trouble ? waits : t("Offline: {waits}", { waits }),
    };
  if (waiting) return { state: "waiting", symbol: "waiting", text: t("Saving {waiting}", { waiting }) };
  if (others) return { state: "waiting", symbol: "waiting", text: t("{others} of someone else", { others }) };
  return { state: "saved", symbol: "saved", text: t("All saved") };
}

/** @param {App} app */
function showUnsaved(app) {
  const { sync } = app;
  const entries = [...sync.outbox.entries.values()];
  const own = (/** @type {import("../storage/outbox.js").Entry} */ entry) => sync.outbox.isOwn(entry);
  const names = {
    waiting: t("is waiting to be saved"),
    conflict: t("was also changed by someone else"),
    refused: t("was rejected by the server"),
  };
  openDialog(t("Not saved yet"), [
    h(
      "p",
      {},
      entries.length
        ? sync.unsafe
          ? t("This browser cannot store these masks. Keep this page open until they are saved.")
          : entries.some((entry) => own(entry) && entry.state === "waiting")
            ? t(
                "These masks are stored in this browser until they are saved. You can close the page: they are sent when you open it again.",
              )
            : t("These masks are stored in this browser only.")
        : t("Everything is saved."),
    ),
    sync.trouble && h("p", {}, t("The server says: {trouble}", { trouble: sync.trouble })),
    h(
      "ul",
      { class: "plain" },
      ...entries.map((entry) =>
        h(
          "li",
          { class: "queue-entry" },
          h(
            "a",
            { href: imageAddress(entry.image), onclick: () => document.querySelector("dialog")?.close() },
            t("Mask {id}", { id: entry.mask.id.slice(0, 8) }),
          ),
          own(entry)
            ? ` ${names[entry.state]}${entry.reason ? `: ${entry.reason}` : "."}`
            : ` ${t("is the work of {author} and is saved when they sign in here.", {
                author: entry.author ?? t("someone without a token"),
              })}`,
          own(entry) &&
            entry.state === "conflict" &&
            h(
              "button",
              {
                class: "quiet",
                onclick: () => {
                  document.querySelector("dialog")?.close();
                  app.conflict(entry);
                },
              },
              t("Resolve"),
            ),
          own(entry) &&
            entry.state === "refused" &&
            h(
              "button",
              {
                class: "quiet",
                onclick: () => {
                  document.querySelector("dialog")?.close();
                  sync.again(entry);
                },
              },
              t("Try again"),
            ),
          own(entry) &&
            entry.state === "refused" &&
            h(
              "button",
              {
                class: "quiet",
                onclick: async () => {
                  document.querySelector("dialog")?.close();
                  await sync.discard(entry);
                  await app.route(); // what is stored is on show again
                },
              },
              t("Discard"),
            ),
        ),
      ),
    ),
    entries.some((entry) => own(entry) && entry.state === "waiting") &&
      h("button", { class: "primary", onclick: () => sync.soon(0) }, t("Save now")),
  ]);
}
