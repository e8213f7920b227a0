/** The tools of the open image and the buttons that choose one. */
import { t } from "../language.js";
import { BoxTool } from "../tools/box.js";
import { BrushTool } from "../tools/brush.js";
import { CornersTool } from "../tools/corners.js";
import { CutTool } from "../tools/cut.js";
import { EverythingTool } from "../tools/everything.js";
import { LassoTool } from "../tools/lasso.js";
import { PointTool } from "../tools/point.js";
import { PolygonTool } from "../tools/polygon.js";
import { SelectTool } from "../tools/select.js";
import { WandTool } from "../tools/wand.js";
import { keyFor, withKey } from "../state/key-bindings.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../state/editor.js").Editor} Editor */
/** @typedef {import("../tools/tool.js").Tool} Tool */

/** @type {[string, string, (editor: Editor) => Tool][]} name, title, how it is made */
const TOOLS = [
  ["select", t("Select"), (editor) => new SelectTool(editor)],
  ["point", t("Point"), (editor) => new PointTool(editor)],
  ["box", t("Box"), (editor) => new BoxTool(editor)],
  ["everything", t("Everything"), (editor) => new EverythingTool(editor)],
  ["brush", t("Brush"), (editor) => new BrushTool(editor, false)],
  ["eraser", t("Eraser"), (editor) => new BrushTool(editor, true)],
  ["lasso", t("Lasso"), (editor) => new LassoTool(editor)],
  ["polygon", t("Polygon"), (editor) => new PolygonTool(editor)],
  ["wand", t("Wand"), (editor) => new WandTool(editor)],
  ["corners", t("Corners"), (editor) => new CornersTool(editor)],
  ["cut", t("Cut"), (editor) => new CutTool(editor)],
];

/** @param {Editor} editor @returns {Record<string, Tool>} */
export const toolsFor = (editor) => Object.fromEntries(TOOLS.map(([name, , make]) => [name, make(editor)]));

/**
 * A button for each tool; the one in use is pressed.
 * @param {import("./editor-screen.js").EditorScreen} screen @param {AbortSignal} signal
 */
export function toolbar(screen, signal) {
  const { editor, tools } = screen;
  const button = (/** @type {string} */ name, /** @type {string} */ title) =>
    h(
      "button",
      {
        class: "tool",
        "aria-pressed": "false",
        "aria-keyshortcuts": keyFor("tool", name) || null,
        title: withKey(title, "tool", name),
        onclick: () => screen.act("tool", name),
      },
      icon(name),
      h("span", {}, title),
    );
  const buttons = TOOLS.map(([name, title]) => ({ name, element: button(name, title) }));
  const mark = () => {
    for (const { name, element } of buttons)
      element.setAttribute("aria-pressed", String(editor.tool === tools[name]));
  };
  editor.addEventListener("tool", mark, { signal });
  return h(
    "div",
    { class: "tools", role: "toolbar", "aria-label": t("Tools"), "aria-orientation": "vertical" },
    ...buttons.map(({ element }) => element),
  );
}
