/** What a person chose in one image and goes on with in the next: the label of new masks, and the tool. */

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {Record<string, Tool>} Tools */

export class Chosen {
  /** @type {string | null} */ label = null;
  tool = "point";

  /** Note what an editor that is left has. @param {Pick<Editor, "label" | "tool">} editor @param {Tools} tools */
  note({ label, tool }, tools) {
    this.label = label;
    this.tool = Object.keys(tools).find((name) => tools[name] === tool) ?? this.tool;
  }

  /**
   * Go on with it in the editor of another image.
   * @param {Pick<Editor, "setLabel" | "use">} editor
   * @param {Tools} tools
   * @param {{id: string}[]} labels those there are: one that was removed is not chosen any more
   */
  goOn(editor, tools, labels) {
    editor.setLabel(labels.some(({ id }) => id === this.label) ? this.label : null);
    editor.use(tools[this.tool]);
  }
}
