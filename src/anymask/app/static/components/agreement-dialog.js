/** How far people agree on images that two of them have, and with what is known to be true; for reviewers. */
import { decimal, number, t } from "../language.js";
import { imageAddress } from "../state/routes.js";
import { reasonOf } from "../storage/errors.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";

/** @typedef {import("../types.js").Agreement} Agreement */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */

/** @param {ServerStorage} storage */
export async function agreementDialog(storage) {
  const body = h("div", { class: "stack" }, h("p", { role: "status" }, t("Reading …")));
  const dialog = openDialog(t("Agreement"), [body], { class: "wide" });
  try {
    fill(body, ...content(await storage.agreement(), () => dialog.close()));
  } catch (error) {
    const sentence = t("The comparison could not be loaded: {reason}.", { reason: reasonOf(error) });
    fill(body, h("p", { class: "problem", role: "alert" }, sentence));
  }
}

/** @param {Agreement} agreement @param {() => void} close */
function content({ comparisons, scores }, close) {
  if (!comparisons.length)
    return [
      h(
        "p",
        {},
        t("No image was given to two people yet. Open one, and under Image choose “Give a copy to”."),
      ),
    ];
  const link = (/** @type {string} */ id, /** @type {string} */ text) =>
    h("a", { href: imageAddress(id), onclick: close }, text);
  const rows = comparisons.map((one) => [
    link(one.image, one.known ? t("{name} (known truth)", { name: one.name }) : one.name),
    one.first ?? t("Nobody"),
    link(one.copy_id, one.second ?? t("Nobody")),
    number(one.matched),
    number(one.only_image),
    number(one.only_copy),
    number(one.same_label),
    share(one.mean_iou),
  ]);
  const heads = [
    t("Image"),
    t("First"),
    t("Second"),
    t("Matched"),
    t("Only first"),
    t("Only second"),
    t("Same label"),
    t("Mean IoU"),
  ];
  return [
    h("p", {}, t("Two masks match if their IoU is at least 0.5. The mean is that of the matched masks.")),
    table(heads, rows),
    ...(scores.length ? known(scores) : []),
  ];
}

/** @param {Agreement["scores"]} scores */
function known(scores) {
  const heads = [t("Person"), t("Images"), t("Found"), t("Missed"), t("Extra"), t("Mean IoU")];
  const rows = scores.map((one) => [
    one.name,
    number(one.images),
    number(one.found),
    number(one.missed),
    number(one.extra),
    share(one.mean_iou),
  ]);
  return [h("h3", {}, t("Against known truth")), table(heads, rows)];
}

/** @param {number | null} value */
const share = (value) => (value === null ? "–" : decimal(value, 2));

/** @param {string[]} heads @param {(Node | string)[][]} rows */
function table(heads, rows) {
  return h(
    "div",
    { class: "scrolls", tabindex: 0 },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))),
    ),
  );
}
