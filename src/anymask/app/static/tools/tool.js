/** What a tool does with the pointer: a tool overrides what it needs. Points are in image pixels. */

/** @typedef {[number, number]} Point */
/** @typedef {import("../state/editor.js").Editor} Editor */
/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */
/**
 * @typedef {{label: 0 | 1, exact: boolean}} Intent label: 0 for the right button or Shift; exact: by mouse, pen or keys
 */

/** Whether a finger works here, or the page is as small as a phone: there is no right button, and no key. */
export const byFinger = () => matchMedia("(pointer: coarse), (max-width: 720px)").matches;

export class Tool {
  /** @param {Editor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** For the screen: what a person can do now. */
  get hint() {
    return "";
  }

  cursor = "crosshair";

  enter() {}

  leave() {}

  /** @param {Point} point @param {Intent} intent */
  down(point, intent) {}

  /** While a button is down. @param {Point} point */
  move(point) {}

  /** @param {Point} point */
  up(point) {}

  /** While no button is down; null when the pointer leaves. @param {Point | null} point */
  hover(point) {}

  /** Stop what was begun. @returns {boolean} whether there was something */
  cancel() {
    return false;
  }

  /** Finish what was begun. @returns {boolean} whether there was something */
  finish() {
    return false;
  }

  /** Take back the last part of what was begun. @returns {boolean} whether there was one */
  stepBack() {
    return false;
  }

  /** Delete what the tool holds, such as a corner. @returns {boolean} whether it held something */
  erase() {
    return false;
  }

  /**
   * Draw over the image, in screen pixels.
   * @param {CanvasRenderingContext2D} context
   * @param {Viewport} view
   */
  draw(context, view) {}
}
