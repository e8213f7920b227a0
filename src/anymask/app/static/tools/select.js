/** Select a mask. */
import { t } from "../language.js";
import { byFinger, Tool } from "./tool.js";

export class SelectTool extends Tool {
  cursor = "default";

  get hint() {
    if (byFinger()) return t("Tap a mask to select it. Drag to move the image.");
    return t("Click a mask to select it, with Shift to mark several. Drag to move the image.");
  }

  /** @param {import("./tool.js").Point} point @param {import("./tool.js").Intent} intent */
  down([x, y], { label }) {
    const id = this.at(x, y);
    if (label) this.editor.select(id);
    else if (id) this.editor.visibility.toggle("marked", id);
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
    const able = (/** @type {string} */ id) => !settings.hideOthers && visibility.reachable(id);
    return openImage.at(x, y, able)?.id ?? null;
  }
}
