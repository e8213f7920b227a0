/** Select a mask. */
import { Tool } from "./tool.js";

export class SelectTool extends Tool {
  cursor = "default";

  get hint() {
    return "Click a mask to select it. Drag to move the image.";
  }

  /** @param {import("./tool.js").Point} point */
  down([x, y]) {
    const { openImage, settings } = this.editor;
    const found = openImage.at(x, y, () => !settings.hideOthers);
    this.editor.select(found?.id ?? null);
  }
}
