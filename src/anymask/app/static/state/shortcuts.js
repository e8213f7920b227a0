/** Every key, in one table: what it does, and what the help shows. */

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
  { group: "Tools", keys: ["v"], title: "Select masks", act: "tool", with: "select" },
  { group: "Tools", keys: ["p"], title: "Point: click on an object", act: "tool", with: "point" },
  { group: "Tools", keys: ["b"], title: "Box around an object", act: "tool", with: "box" },
  { group: "Tools", keys: ["a"], title: "Everything: find all", act: "tool", with: "everything" },
  { group: "Tools", keys: ["d"], title: "Brush: draw", act: "tool", with: "brush" },
  { group: "Tools", keys: ["e"], title: "Eraser", act: "tool", with: "eraser" },
  { group: "Tools", keys: ["l"], title: "Lasso", act: "tool", with: "lasso" },
  { group: "Masks", keys: ["Enter", "n"], title: "Done: begin the next object", act: "next" },
  { group: "Masks", keys: ["c"], title: "Whole, part, sub-part", act: "cycle", with: "1" },
  { group: "Masks", keys: ["C"], title: "The other way round", act: "cycle", with: "-1" },
  { group: "Masks", keys: ["x"], title: "Clicks mean: in or out", act: "outside" },
  { group: "Masks", keys: ["m"], title: "Select the next mask", act: "walk", with: "1" },
  { group: "Masks", keys: ["M"], title: "Select the mask before", act: "walk", with: "-1" },
  { group: "Masks", keys: ["1–9"], title: "Give the label of this number", act: "label" },
  { group: "Masks", keys: ["0"], title: "Take the label away", act: "label" },
  { group: "Masks", keys: ["Delete", "Backspace"], title: "Delete the mask", act: "remove" },
  { group: "Masks", keys: ["Escape"], title: "Cancel, or select nothing", act: "cancel" },
  { group: "Steps", keys: ["Ctrl+z"], title: "Undo", act: "undo" },
  { group: "Steps", keys: ["Ctrl+Z", "Ctrl+y"], title: "Redo", act: "redo" },
  { group: "Viewport", keys: ["+", "="], title: "Zoom in", act: "zoom", with: "1.25" },
  { group: "Viewport", keys: ["-"], title: "Zoom out", act: "zoom", with: "0.8" },
  { group: "Viewport", keys: ["f"], title: "Show the whole image", act: "fit" },
  { group: "Viewport", keys: ["h"], title: "Hide the other masks", act: "hide" },
  { group: "Viewport", keys: [","], title: "Masks fainter", act: "opacity", with: "-0.1" },
  { group: "Viewport", keys: ["."], title: "Masks stronger", act: "opacity", with: "0.1" },
  { group: "Viewport", keys: ["["], title: "Brush smaller", act: "brush", with: "0.8" },
  { group: "Viewport", keys: ["]"], title: "Brush larger", act: "brush", with: "1.25" },
  { group: "Viewport", keys: ["u"], title: "Preview under the pointer", act: "preview" },
  { group: "Images", keys: ["k", "PageDown"], title: "Next image", act: "image", with: "1" },
  { group: "Images", keys: ["j", "PageUp"], title: "Image before", act: "image", with: "-1" },
  { group: "Images", keys: ["g"], title: "All images", act: "gallery" },
  { group: "Images", keys: ["?"], title: "Show these keys", act: "help" },
];

/** Keys on the image itself, which only the help needs to know. */
export const ON_IMAGE = [
  ["← ↑ → ↓", "Move a cursor over the image; with Shift by one pixel"],
  ["Space", "Press the tool at the cursor; with Shift: out. With the mouse: hold to move the image"],
  ["Wheel, pinch", "Zoom; with Shift sideways. Middle button moves the image"],
];

/** Write a key event as the table does. @param {KeyboardEvent} event */
export function keyOf(event) {
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key;
}

/** @param {KeyboardEvent} event @returns {{act: string, with: string} | null} */
export function actionOf(event) {
  const key = keyOf(event);
  if (/^[0-9]$/.test(key)) return { act: "label", with: key };
  if (event.altKey) return null;
  const found = SHORTCUTS.find(({ keys }) => keys.includes(key));
  return found ? { act: found.act, with: found.with ?? "" } : null;
}
