/** The keyboard shortcuts in one table: what they do, and what the help shows. */
import { t } from "../language.js";

/**
 * @typedef {object} Shortcut
 * @property {string[]} keys as `keyOf` writes them
 * @property {string} title
 * @property {string} group
 * @property {string} act name of the action
 * @property {string} [with] what goes with the action
 */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { group: t("Tools"), keys: ["v"], title: t("Select masks"), act: "tool", with: "select" },
  { group: t("Tools"), keys: ["p"], title: t("Point: click on an object"), act: "tool", with: "point" },
  { group: t("Tools"), keys: ["b"], title: t("Box around an object"), act: "tool", with: "box" },
  {
    group: t("Tools"),
    keys: ["a"],
    title: t("Everything: find all objects"),
    act: "tool",
    with: "everything",
  },
  { group: t("Tools"), keys: ["d"], title: t("Brush: draw"), act: "tool", with: "brush" },
  { group: t("Tools"), keys: ["e"], title: t("Eraser"), act: "tool", with: "eraser" },
  { group: t("Tools"), keys: ["l"], title: t("Lasso"), act: "tool", with: "lasso" },
  { group: t("Tools"), keys: ["o"], title: t("Polygon: corner by corner"), act: "tool", with: "polygon" },
  { group: t("Tools"), keys: ["z"], title: t("Magic wand: similar colours"), act: "tool", with: "wand" },
  { group: t("Tools"), keys: ["t"], title: t("Corners: move, insert, delete"), act: "tool", with: "corners" },
  { group: t("Tools"), keys: ["s"], title: t("Cut a mask in two"), act: "tool", with: "cut" },
  { group: t("Masks"), keys: ["Enter", "n"], title: t("Start the next object"), act: "next" },
  {
    group: t("Masks"),
    keys: ["c"],
    title: t("Next alternative: large, medium, small"),
    act: "cycle",
    with: "1",
  },
  { group: t("Masks"), keys: ["C"], title: t("Previous alternative"), act: "cycle", with: "-1" },
  { group: t("Masks"), keys: ["x"], title: t("Switch clicks between in and out"), act: "outside" },
  { group: t("Masks"), keys: ["m"], title: t("Select the next mask"), act: "walk", with: "1" },
  { group: t("Masks"), keys: ["M"], title: t("Select the previous mask"), act: "walk", with: "-1" },
  { group: t("Masks"), keys: ["y"], title: t("Accept the suggestion"), act: "accept" },
  { group: t("Masks"), keys: ["r"], title: t("Reject the suggestion"), act: "reject" },
  { group: t("Masks"), keys: ["Y"], title: t("Accept all suggestions of the image"), act: "accept-all" },
  {
    group: t("Masks"),
    keys: ["R"],
    title: t("Nothing here: reject all suggestions of the image"),
    act: "reject-all",
  },
  { group: t("Masks"), keys: ["1–9"], title: t("Set the label with this number"), act: "label" },
  { group: t("Masks"), keys: ["0"], title: t("Remove the label"), act: "label" },
  { group: t("Masks"), keys: ["i"], title: t("Mark the mask, for merging and copying"), act: "mark" },
  { group: t("Masks"), keys: ["q"], title: t("Merge the marked masks"), act: "merge" },
  { group: t("Masks"), keys: ["K"], title: t("Copy masks to the next image"), act: "copy" },
  {
    group: t("Masks"),
    keys: ["Delete", "Backspace"],
    title: t("Delete the mask, or the corner"),
    act: "remove",
  },
  { group: t("Masks"), keys: ["Escape"], title: t("Cancel, or deselect"), act: "cancel" },
  { group: t("Steps"), keys: ["Ctrl+z"], title: t("Undo"), act: "undo" },
  { group: t("Steps"), keys: ["Ctrl+Z", "Ctrl+y"], title: t("Redo"), act: "redo" },
  { group: t("Viewport"), keys: ["+", "="], title: t("Zoom in"), act: "zoom", with: "1.25" },
  { group: t("Viewport"), keys: ["-"], title: t("Zoom out"), act: "zoom", with: "0.8" },
  { group: t("Viewport"), keys: ["f"], title: t("Show the whole image"), act: "fit" },
  { group: t("Viewport"), keys: ["F"], title: t("Zoom to the selected mask"), act: "show" },
  { group: t("Viewport"), keys: ["H"], title: t("Masks as outlines only, or filled"), act: "outline" },
  { group: t("Viewport"), keys: ["h"], title: t("Hide the other masks"), act: "hide" },
  { group: t("Viewport"), keys: [","], title: t("More transparent masks"), act: "opacity", with: "-0.1" },
  { group: t("Viewport"), keys: ["."], title: t("Less transparent masks"), act: "opacity", with: "0.1" },
  { group: t("Viewport"), keys: ["["], title: t("Smaller brush"), act: "brush", with: "0.8" },
  { group: t("Viewport"), keys: ["]"], title: t("Larger brush"), act: "brush", with: "1.25" },
  { group: t("Viewport"), keys: ["u"], title: t("Switch the preview on or off"), act: "preview" },
  { group: t("Images"), keys: ["k", "PageDown"], title: t("Next image"), act: "image", with: "1" },
  { group: t("Images"), keys: ["j", "PageUp"], title: t("Previous image"), act: "image", with: "-1" },
  { group: t("Images"), keys: ["w"], title: t("Mark the image as done, or not"), act: "done" },
  { group: t("Images"), keys: ["g"], title: t("All images"), act: "gallery" },
  { group: t("Images"), keys: ["?"], title: t("Show the keyboard shortcuts"), act: "help" },
];

/** Keys on the image itself, which only the help needs to know. */
export const ON_IMAGE = [
  ["← ↑ → ↓", t("Move the keyboard cursor; with Shift by one pixel")],
  ["Space", t("Use the tool at the cursor; with Shift to exclude. With the mouse: hold to move the image")],
  [t("Wheel, pinch"), t("Zoom; with Shift scroll sideways. Drag with the middle button to move the image")],
];

/** Write a key event as the table does. @param {KeyboardEvent} event */
export function keyOf(event) {
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key;
}

/**
 * @param {KeyboardEvent} event @param {Shortcut[]} shortcuts with the keys that hold now
 * @returns {{act: string, with: string} | null}
 */
export function actionOf(event, shortcuts) {
  const key = keyOf(event);
  if (/^[0-9]$/.test(key)) return { act: "label", with: key };
  if (event.altKey) return null;
  const found = shortcuts.find(({ keys }) => keys.includes(key));
  return found ? { act: found.act, with: found.with ?? "" } : null;
}
