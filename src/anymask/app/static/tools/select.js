/** Select a mask. */
import { Tool } from "./tool.js";

export class SelectTool extends Tool {
  cursor = "default";

  get hint() {
    return "Click a mask to select it. Drag to move the image.";
  }

  /** @param {import("./tool.js").Point} point */
  down([x, y]) {
    this.editor.select(this.at(x, y));
  }

  /** @param {import("./tool.js").Point | null} point */
  hover(point) {
    this.editor.visibility.hover(point && this.at(...point));
  }

  leave() {
    this.hover(null);
  }

  /** The mask at a pixel that can be seen and is not locked. @param {number} x @param {number} y */
  at(x, y) {
    const { openImage, settings, visibility } = this.editor;
    const able = (/** @type {string} */ id) =>
      !settings.hideOthers && !visibility.hidden.has(id) && !visibility.locked.has(id);
    return openImage.at(x, y, able)?.id ?? null;
  }
}
