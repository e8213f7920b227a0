/** Above the image: the options of the tool in use, and the predicted masks to choose from. */
import { counted, decimal, t } from "../language.js";
import { nearTies } from "../inference/hypotheses.js";
import { fill, h } from "./dom.js";
import { cornerOptions, toleranceSlider } from "./editing-options.js";
import { icon } from "./icons.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../tools/everything.js").EverythingTool} EverythingTool */

const SIZES = [t("Large"), t("Medium"), t("Small")]; // the hypotheses are in this order

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function toolOptions(screen, signal) {
  const { editor } = screen;
  const bar = h("div", { class: "options", role: "group", "aria-label": t("Options of the tool") });
  let shown = new AbortController(); // until other options are shown
  const renew = () => {
    shown.abort();
    shown = new AbortController();
    return AbortSignal.any([shown.signal, signal]);
  };
  const draw = () => {
    const name = Object.entries(screen.tools).find(([, tool]) => tool === editor.tool)?.[0];
    if (name === "everything") fill(bar, ...everythingOptions(screen, signal));
    else if (name === "brush" || name === "eraser") fill(bar, brushSize(screen), inOut(screen, name));
    else if (name === "select") fill(bar, ...viewOptions(screen));
    else if (name === "wand") fill(bar, toleranceSlider(screen), inOut(screen, name));
    else if (name === "corners") fill(bar, ...cornerOptions(screen, renew()));
    else if (name === "cut")
      fill(bar, h("span", { class: "note" }, t("The line cuts the selected mask in two.")));
    else fill(bar, inOut(screen, name), parts(screen), previewSwitch(screen, name));
  };
  editor.addEventListener("tool", draw, { signal });
  for (const type of ["select", "answer"])
    editor.addEventListener(type, () => editor.tool !== screen.tools.select && draw(), { signal });
  editor.addEventListener(
    "view",
    (event) => {
      const some = /** @type {CustomEvent} */ (event).detail ?? {};
      if ("outside" in some || "preview" in some || "hideOthers" in some) draw();
      const slider = /** @type {HTMLInputElement | null} */ (bar.querySelector("#brush"));
      if ("tolerance" in some && document.activeElement?.id !== "tolerance") draw();
      if ("brush" in some && slider && slider !== document.activeElement) draw();
    },
    { signal },
  );
  return bar;
}

/**
 * What a click or a tap means: for fingers, which have no right button.
 * @param {EditorScreen} screen
 * @param {string} [name]
 */
function inOut({ editor }, name) {
  if (name === "eraser") return null;
  const button = (/** @type {boolean} */ outside, /** @type {string} */ text, /** @type {string} */ symbol) =>
    h(
      "button",
      {
        "aria-pressed": String(editor.settings.outside === outside),
        title: `${text} (X)`,
        onclick: () => editor.set({ outside }),
      },
      icon(symbol),
      h("span", {}, text),
    );
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": t("A click means") },
    button(false, t("In"), "plus"),
    button(true, t("Out"), "minus"),
  );
}

/** Whether the masks of an answer are shown to choose from. @param {{hypotheses: unknown[]}} answers */
export const offersChoice = ({ hypotheses }) => hypotheses.length === SIZES.length;

/** The three masks that a click may mean. @param {EditorScreen} screen */
function parts({ editor }) {
  const { answers } = editor;
  if (!answers || !offersChoice(answers)) return null;
  const likely = nearTies(answers.hypotheses, answers.chosen);
  const title = (/** @type {number} */ i) =>
    likely.includes(i) ? t("About as likely as the mask shown") : null;
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": t("Alternatives (C)") },
    ...SIZES.map((text, i) =>
      h(
        "button",
        {
          "aria-pressed": String(answers.chosen === i),
          class: likely.includes(i) ? "likely" : null,
          title: title(i),
          onclick: () => editor.choose(i),
        },
        text,
      ),
    ),
  );
}

/** @param {EditorScreen} screen @param {string} [name] */
function previewSwitch({ editor }, name) {
  if (name !== "point") return null;
  return h(
    "label",
    { class: "switch wide-only" },
    h("input", {
      type: "checkbox",
      role: "switch",
      checked: editor.settings.preview,
      onchange: () => editor.set({ preview: !editor.settings.preview }),
    }),
    t("Preview"),
  );
}

/** @param {EditorScreen} screen */
function brushSize({ editor }) {
  const value = h("output", { for: "brush" }, `${editor.settings.brush} px`);
  const input = h("input", {
    type: "range",
    id: "brush",
    min: 1,
    max: 200,
    value: editor.settings.brush,
    oninput: () => {
      editor.set({ brush: Number(input.value) });
      value.textContent = `${input.value} px`;
    },
  });
  return h("div", { class: "field" }, h("label", { for: "brush" }, t("Size")), input, value);
}

/** @param {EditorScreen} screen */
function viewOptions({ editor }) {
  return [
    h(
      "label",
      { class: "switch" },
      h("input", {
        type: "checkbox",
        role: "switch",
        checked: editor.settings.hideOthers,
        onchange: () => editor.set({ hideOthers: !editor.settings.hideOthers }),
      }),
      t("Only the selected mask"),
    ),
  ];
}

/** @param {EditorScreen} screen @param {AbortSignal} signal */
function everythingOptions({ editor, tools }, signal) {
  const tool = /** @type {EverythingTool} */ (tools.everything);
  const start = h("button", { class: "primary", onclick: () => (tool.running ? tool.stop() : tool.start()) });
  const keep = h("button", { onclick: () => tool.keepAll() });
  const progress = h("progress", { max: 1, "aria-label": t("Progress") });
  const left = h("span", { class: "note" });
  const density = h(
    "select",
    { id: "density", onchange: () => (tool.side = Number(density.value)) },
    ...[
      [12, t("Coarse")],
      [24, t("Normal")],
      [32, t("Fine")],
    ].map(([side, text]) => h("option", { value: side, selected: side === tool.side }, String(text))),
  );
  const [h0, w0] = editor.openImage.size;
  const sliders = h(
    "div",
    { class: "sliders" },
    slider(tool, "iou", t("Confidence"), () => tool.floors?.iou ?? 0, 1, 0.01),
    slider(tool, "stability", t("Stability"), () => tool.floors?.stability ?? 0, 1, 0.01),
    slider(tool, "overlap", t("Overlap"), () => 0.1, 0.95, 0.05),
    slider(tool, "area", t("Minimum area"), () => 0, Math.round(h0 * w0 * 0.02), 10),
  );
  const draw = () => {
    if (!start.isConnected) return;
    fill(
      start,
      icon(tool.running ? "stop" : "play"),
      tool.running ? t("Stop") : tool.candidates.length ? t("Find again") : t("Find all"),
    );
    keep.textContent = t("Keep {masks}", { masks: counted(tool.chosen.length, "mask") });
    keep.disabled = tool.chosen.length === 0;
    progress.value = tool.progress;
    progress.hidden = left.hidden = !tool.running;
    left.textContent = tool.left === null ? "" : t("about {seconds} s left", { seconds: tool.left });
    sliders.hidden = tool.candidates.length === 0;
    for (const one of sliders.querySelectorAll("input")) one.dispatchEvent(new Event("refresh"));
  };
  editor.addEventListener("candidates", draw, { signal });
  queueMicrotask(draw);
  return [
    h(
      "div",
      { class: "row" },
      start,
      h("div", { class: "field" }, h("label", { for: "density" }, t("Grid")), density),
      progress,
      left,
      keep,
    ),
    sliders,
  ];
}

/**
 * @param {EverythingTool} tool
 * @param {keyof EverythingTool["thresholds"]} name
 * @param {string} title
 * @param {() => number} min
 * @param {number} max
 * @param {number} step
 */
function slider(tool, name, title, min, max, step) {
  const value = h("output", { for: `threshold-${name}` });
  const show = () =>
    (value.textContent = step < 1 ? decimal(tool.thresholds[name], 2) : String(tool.thresholds[name]));
  const input = h("input", {
    type: "range",
    id: `threshold-${name}`,
    min: min(),
    max,
    step,
    value: tool.thresholds[name],
    oninput: () => {
      tool.choose({ [name]: Number(input.value) });
      show();
    },
    onrefresh: () => {
      input.min = String(min());
      input.value = String(tool.thresholds[name]);
      show();
    },
  });
  show();
  return h("div", { class: "field" }, h("label", { for: `threshold-${name}` }, title), input, value);
}
