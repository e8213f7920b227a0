/** The keyboard shortcuts in one table: what they do, and what the help shows. */

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
  { group: "Tools", keys: ["a"], title: "Everything: find all objects", act: "tool", with: "everything" },
  { group: "Tools", keys: ["d"], title: "Brush: draw", act: "tool", with: "brush" },
  { group: "Tools", keys: ["e"], title: "Eraser", act: "tool", with: "eraser" },
  { group: "Tools", keys: ["l"], title: "Lasso", act: "tool", with: "lasso" },
  { group: "Tools", keys: ["o"], title: "Polygon: corner by corner", act: "tool", with: "polygon" },
  { group: "Tools", keys: ["z"], title: "Magic wand: similar colours", act: "tool", with: "wand" },
  { group: "Tools", keys: ["t"], title: "Corners: move, insert, delete", act: "tool", with: "corners" },
  { group: "Tools", keys: ["s"], title: "Cut a mask in two", act: "tool", with: "cut" },
  { group: "Masks", keys: ["Enter", "n"], title: "Done: start the next object", act: "next" },
  { group: "Masks", keys: ["c"], title: "Next alternative: whole, part, subpart", act: "cycle", with: "1" },
  { group: "Masks", keys: ["C"], title: "Previous alternative", act: "cycle", with: "-1" },
  { group: "Masks", keys: ["x"], title: "Switch clicks between in and out", act: "outside" },
  { group: "Masks", keys: ["m"], title: "Select the next mask", act: "walk", with: "1" },
  { group: "Masks", keys: ["M"], title: "Select the previous mask", act: "walk", with: "-1" },
  { group: "Masks", keys: ["y"], title: "Accept the suggestion", act: "accept" },
  { group: "Masks", keys: ["r"], title: "Reject the suggestion", act: "reject" },
  { group: "Masks", keys: ["Y"], title: "Accept all suggestions of the image", act: "accept-all" },
  {
    group: "Masks",
    keys: ["R"],
    title: "Nothing here: reject all suggestions of the image",
    act: "reject-all",
  },
  { group: "Masks", keys: ["1–9"], title: "Set the label with this number", act: "label" },
  { group: "Masks", keys: ["0"], title: "Remove the label", act: "label" },
  { group: "Masks", keys: ["i"], title: "Mark the mask, for merging and copying", act: "mark" },
  { group: "Masks", keys: ["q"], title: "Merge the marked masks", act: "merge" },
  { group: "Masks", keys: ["K"], title: "Copy masks to the next image", act: "copy" },
  { group: "Masks", keys: ["Delete", "Backspace"], title: "Delete the mask, or the corner", act: "remove" },
  { group: "Masks", keys: ["Escape"], title: "Cancel, or deselect", act: "cancel" },
  { group: "Steps", keys: ["Ctrl+z"], title: "Undo", act: "undo" },
  { group: "Steps", keys: ["Ctrl+Z", "Ctrl+y"], title: "Redo", act: "redo" },
  { group: "Viewport", keys: ["+", "="], title: "Zoom in", act: "zoom", with: "1.25" },
  { group: "Viewport", keys: ["-"], title: "Zoom out", act: "zoom", with: "0.8" },
  { group: "Viewport", keys: ["f"], title: "Show the whole image", act: "fit" },
  { group: "Viewport", keys: ["F"], title: "Zoom to the selected mask", act: "show" },
  { group: "Viewport", keys: ["H"], title: "Masks as outlines only, or filled", act: "outline" },
  { group: "Viewport", keys: ["h"], title: "Hide the other masks", act: "hide" },
  { group: "Viewport", keys: [","], title: "More transparent masks", act: "opacity", with: "-0.1" },
  { group: "Viewport", keys: ["."], title: "Less transparent masks", act: "opacity", with: "0.1" },
  { group: "Viewport", keys: ["["], title: "Smaller brush", act: "brush", with: "0.8" },
  { group: "Viewport", keys: ["]"], title: "Larger brush", act: "brush", with: "1.25" },
  { group: "Viewport", keys: ["u"], title: "Switch the preview on or off", act: "preview" },
  { group: "Images", keys: ["k", "PageDown"], title: "Next image", act: "image", with: "1" },
  { group: "Images", keys: ["j", "PageUp"], title: "Previous image", act: "image", with: "-1" },
  { group: "Images", keys: ["w"], title: "Mark the image as done, or not", act: "done" },
  { group: "Images", keys: ["g"], title: "All images", act: "gallery" },
  { group: "Images", keys: ["?"], title: "Show the keyboard shortcuts", act: "help" },
];

/** Keys on the image itself, which only the help needs to know. */
export const ON_IMAGE = [
  ["← ↑ → ↓", "Move the keyboard cursor; with Shift by one pixel"],
  ["Space", "Use the tool at the cursor; with Shift to exclude. With the mouse: hold to move the image"],
  ["Wheel, pinch", "Zoom; with Shift scroll sideways. Drag with the middle button to move the image"],
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
