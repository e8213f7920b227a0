/** The keyboard shortcuts, from the table that the editor uses; each key can be changed. */
import { t } from "../language.js";
import { bind, hasOwnKeys, idOf, resetKeys, shortcuts, shownKey } from "../state/key-bindings.js";
import { ON_IMAGE, keyOf } from "../state/shortcuts.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";

/** @typedef {import("../state/shortcuts.js").Shortcut} Shortcut */

export function showShortcuts() {
  const groups = h("div", { class: "shortcuts" });
  const told = h("p", { class: "note", role: "status" }, t("Choose a shortcut to give it another key."));
  const reset = h(
    "button",
    { class: "small", onclick: () => (resetKeys(), draw(t("The usual keys are back."))) },
    t("Usual keys"),
  );
  const draw = (/** @type {string} */ sentence) => {
    told.textContent = sentence;
    reset.hidden = !hasOwnKeys();
    fill(groups, ...sections((shortcut, key) => draw(change(shortcut, key))));
  };
  draw(told.textContent ?? "");
  openDialog(
    t("Keyboard shortcuts"),
    [h("div", { class: "row" }, told, h("span", { class: "spacer" }), reset), groups],
    {
      class: "wide",
    },
  );
}

/** @param {Shortcut} shortcut @param {string} key @returns {string} what came of it */
function change(shortcut, key) {
  const result = bind(idOf(shortcut), key);
  if ("error" in result) return result.error;
  const { lost } = result;
  if (!lost)
    return t("“{title}” now has the key {shownKey}.", { title: shortcut.title, shownKey: shownKey(key) });
  return t("“{title}” now has the key {shownKey}, and “{title2}” lost it.", {
    title: shortcut.title,
    shownKey: shownKey(key),
    title2: lost.title,
  });
}

/** @param {(shortcut: Shortcut, key: string) => void} choose */
function sections(choose) {
  const all = shortcuts();
  const groups = [...new Set(all.map(({ group }) => group))].map((group) =>
    h(
      "section",
      {},
      h("h3", {}, group),
      h("dl", {}, ...all.filter((one) => one.group === group).map((one) => row(one, choose))),
    ),
  );
  const fixed = ON_IMAGE.map(([key, title]) =>
    h("div", { class: "shortcut" }, h("dt", {}, h("kbd", {}, key)), h("dd", {}, title)),
  );
  return [...groups, h("section", {}, h("h3", {}, t("On the image")), h("dl", {}, ...fixed))];
}

/** @param {Shortcut} shortcut @param {(shortcut: Shortcut, key: string) => void} choose */
function row(shortcut, choose) {
  const { keys, title, act } = shortcut;
  const shown = () => (keys.length ? keys.map((key) => h("kbd", {}, spaced(key))) : [h("kbd", {}, "–")]);
  if (act === "label") return h("div", { class: "shortcut" }, h("dt", {}, ...shown()), h("dd", {}, title));
  const button = h(
    "button",
    {
      class: "quiet keys",
      "aria-label": t("{title}: {keys}. Change", { title, keys: keys.map(spaced).join(", ") || t("no key") }),
      onclick: () => fill(button, h("kbd", {}, t("Press a key"))),
      onblur: () => fill(button, ...shown()),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const waits = button.textContent === t("Press a key");
        if (!waits || ["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
        event.preventDefault();
        if (event.key === "Escape") return fill(button, ...shown());
        choose(shortcut, keyOf(event));
      },
    },
    ...shown(),
  );
  return h("div", { class: "shortcut" }, h("dt", {}, button), h("dd", {}, title));
}

/** @param {string} key */
const spaced = (key) => (key === "+" ? key : shownKey(key).replaceAll("+", " + "));
