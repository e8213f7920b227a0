/** The keyboard shortcuts, from the table that the editor uses. */
import { ON_IMAGE, SHORTCUTS } from "../state/shortcuts.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";

export function showShortcuts() {
  const groups = [...new Set(SHORTCUTS.map(({ group }) => group))];
  const row = (/** @type {string[]} */ keys, /** @type {string} */ title) =>
    h(
      "div",
      { class: "shortcut" },
      h("dt", {}, ...keys.map((key) => h("kbd", {}, shown(key)))),
      h("dd", {}, title),
    );
  openDialog(
    "Keyboard shortcuts",
    [
      h(
        "div",
        { class: "shortcuts" },
        ...groups.map((group) =>
          h(
            "section",
            {},
            h("h3", {}, group),
            h(
              "dl",
              {},
              ...SHORTCUTS.filter((one) => one.group === group).map(({ keys, title }) => row(keys, title)),
            ),
          ),
        ),
        h(
          "section",
          {},
          h("h3", {}, "On the image"),
          h("dl", {}, ...ON_IMAGE.map(([key, title]) => row([key], title))),
        ),
      ),
    ],
    { class: "wide" },
  );
}

/** @param {string} key */
const shown = (key) =>
  key
    .replace(/(^|\+)([A-Z])$/, "$1Shift+$2")
    .replace(/(^|\+)([a-z])$/, (_, plus, letter) => plus + letter.toUpperCase())
    .replaceAll("+", " + ")
    .replace(/^ \+ $/, "+");
