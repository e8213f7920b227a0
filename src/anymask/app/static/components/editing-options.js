/** Options of the tools that edit a mask by hand, and the commands for the selected mask. */
import { decimal, t } from "../language.js";
import { dropAllIslands, fillAllHoles, layer, mark, merge, separateParts } from "../state/editing.js";
import { fill, h, set } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../tools/corners.js").CornersTool} CornersTool */

/** How alike the colours are that the magic wand takes. @param {EditorScreen} screen */
export function toleranceSlider({ editor }) {
  return slider(
    "tolerance",
    t("Tolerance"),
    { min: 0, max: 255, step: 1 },
    editor.settings.tolerance,
    String,
    (value) => editor.set({ tolerance: value }),
  );
}

/** Corners against IoU, live; and the mask of straight lines between them. @param {EditorScreen} screen @param {AbortSignal} signal */
export function cornerOptions({ editor, tools }, signal) {
  const tool = /** @type {CornersTool} */ (tools.corners);
  const facts = h("span", { class: "facts", role: "status" });
  const describe = () => {
    const found = tool.facts;
    simplify.disabled = !found;
    facts.textContent = found
      ? t("{corners} corners, IoU {iou} with straight lines", {
          corners: found.corners,
          iou: decimal(found.iou, 4),
        })
      : t("No mask is selected.");
  };
  const precision = slider(
    "precision",
    t("Precision"),
    { min: 0, max: 1, step: 0.02 },
    editor.settings.precision,
    (value) => decimal(value, 2),
    (value) => {
      editor.set({ precision: value });
      describe();
    },
  );
  const simplify = h(
    "button",
    {
      title: t("Make the mask what straight lines between the corners enclose"),
      onclick: () => tool.simplify(),
    },
    t("Simplify"),
  );
  editor.openImage.addEventListener("masks", describe, { signal });
  describe();
  return [precision, facts, simplify];
}

/**
 * A labelled slider with its value.
 * @param {string} id @param {string} title @param {{min: number, max: number, step: number}} range
 * @param {number} start @param {(value: number) => string} shown @param {(value: number) => void} act
 */
export function slider(id, title, range, start, shown, act) {
  const value = h("output", { for: id }, shown(start));
  const input = h("input", {
    type: "range",
    id,
    ...range,
    value: start,
    oninput: () => {
      value.textContent = shown(Number(input.value));
      act(Number(input.value));
    },
  });
  return h("div", { class: "field" }, h("label", { for: id }, title), input, value);
}

/** What can be done with the selected mask and the marked ones. @param {EditorScreen} screen @param {AbortSignal} signal */
export function maskCommands(screen, signal) {
  const { editor } = screen;
  const command = (
    /** @type {string} */ symbol,
    /** @type {string} */ text,
    /** @type {string} */ title,
    /** @type {() => void} */ act,
  ) => h("button", { class: "small", title, onclick: act }, icon(symbol), text);
  const join = command("merge", t("Merge"), t("Merge the marked masks (Q)"), () => merge(editor));
  const tag = command("plus", t("Mark"), t("Mark this mask for merging and copying (I)"), () => mark(editor));
  const copy = command("copy", t("Copy to next"), t("Copy to the next image (Shift+K)"), () =>
    screen.act("copy"),
  );
  let named = "";
  const draw = () => {
    const { marked } = editor.visibility;
    const text = marked.size
      ? t("Merge {size}", { size: marked.size + Number(!marked.has(editor.selected ?? "")) })
      : t("Merge");
    if (text !== named) fill(join, icon("merge"), text); // not for every mask that is pointed at
    named = text;
    set(tag, { "aria-pressed": String(marked.has(editor.selected ?? "")) });
  };
  editor.addEventListener("select", draw, { signal });
  editor.visibility.addEventListener("change", draw, { signal });
  draw();
  return h(
    "div",
    { class: "row wrap commands", role: "group", "aria-label": t("Edit the mask") },
    command("holes", t("Fill holes"), t("Fill all holes"), () => fillAllHoles(editor)),
    command("islands", t("Drop islands"), t("Keep the largest part only"), () => dropAllIslands(editor)),
    command("split", t("Split parts"), t("Make a mask of each part"), () => separateParts(editor)),
    command("front", t("To front"), t("Lay it on top of all masks"), () => layer(editor, true)),
    command("back-most", t("To back"), t("Lay it under all masks"), () => layer(editor, false)),
    tag,
    join,
    copy,
  );
}
