/** Translates pointer, wheel and keys on the image into tool actions, zoom and pan. */

/** @typedef {import("./image-canvas.js").ImageCanvas} ImageCanvas */
/** @typedef {import("../state/editor.js").Editor} Editor */
/** @typedef {[number, number]} Point */

const WHEEL = 0.0016;
const STEP = 10; // zoom per wheel unit; screen pixels per arrow key
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Gestures {
  /** @param {ImageCanvas} imageCanvas @param {HTMLCanvasElement} canvas @param {Editor} editor */
  constructor(imageCanvas, canvas, editor) {
    this.imageCanvas = imageCanvas;
    this.canvas = canvas;
    this.editor = editor;
    /** Pointers that are down, where they are on the screen. @type {Map<number, Point>} */
    this.down = new Map();
    /** @type {"tool" | "pan" | "pinch" | null} */
    this.doing = null;
    this.space = false;
    this.keyed = false;
    const on = (/** @type {string} */ type, /** @type {(event: any) => void} */ act) =>
      canvas.addEventListener(type, act, { passive: false });
    on("pointerdown", (event) => this.pointerDown(event));
    on("pointermove", (event) => this.pointerMove(event));
    on("pointerup", (event) => this.pointerUp(event));
    on("pointercancel", (event) => this.pointerCancel(event));
    on("pointerleave", () => this.editor.tool?.hover(null));
    on("contextmenu", (event) => event.preventDefault());
    on("wheel", (event) => this.wheel(event));
    on("keydown", (event) => this.key(event));
    on("keyup", (event) => this.keyUp(event));
    on("blur", () => this.setCursor(null));
  }

  /** @param {{clientX: number, clientY: number}} event @returns {Point} */
  place({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  /** @param {Point} place on the screen @returns {Point} in the image, kept inside */
  inside(place) {
    const [x, y] = this.imageCanvas.view.toImage(...place);
    const [h, w] = this.imageCanvas.view.size;
    return [Math.min(Math.max(x, 0), w - 0.01), Math.min(Math.max(y, 0), h - 0.01)];
  }

  /** @param {PointerEvent} event */
  pointerDown(event) {
    this.canvas.dataset.pointer = ""; // no ring round the image for a click
    this.canvas.focus({ preventScroll: true });
    this.setCursor(null);
    const place = this.place(event);
    this.canvas.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, place);
    if (this.down.size === 2) return this.pinch();
    if (this.down.size > 2) return;
    if (event.button === 1 || this.space) this.doing = "pan";
    else if (this.editor.view.holds(...this.imageCanvas.view.toImage(...place))) this.start(event, place);
    else this.doing = "pan";
    event.preventDefault();
  }

  /** @param {PointerEvent} event @param {Point} place */
  start(event, place) {
    const out = event.button === 2 || event.shiftKey || event.ctrlKey || this.editor.settings.outside;
    this.doing = "tool";
    const point = this.inside(place);
    // a finger that turns out to be one of two must not have clicked: wait for a move or its end
    if (event.pointerType === "touch")
      this.pending = () => this.editor.tool?.down(point, { label: out ? 0 : 1, exact: false });
    else this.editor.tool?.down(point, { label: out ? 0 : 1, exact: true });
  }

  /** Two fingers move the image; what one of them began is dropped. */
  pinch() {
    this.pending = undefined;
    if (this.doing === "tool") this.editor.tool?.cancel();
    this.doing = "pinch";
  }

  /** @param {PointerEvent} event */
  pointerMove(event) {
    const place = this.place(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      const point = this.imageCanvas.view.toImage(...place);
      this.editor.tool?.hover(this.imageCanvas.view.holds(...point) ? point : null);
      return;
    }
    if (this.doing === "pinch") this.pinchMove(event.pointerId, place);
    this.down.set(event.pointerId, place);
    if (this.doing === "pan" || (this.doing === "tool" && this.editor.tool?.cursor === "default"))
      this.imageCanvas.pan(place[0] - before[0], place[1] - before[1]);
    else if (this.doing === "tool") this.toolMove(event, before);
  }

  /** @param {PointerEvent} event @param {Point} before */
  toolMove(event, before) {
    if (this.pending && Math.hypot(...minus(this.place(event), before)) < 1) return;
    this.pending?.();
    this.pending = undefined;
    for (const one of event.getCoalescedEvents?.() ?? [event])
      this.editor.tool?.move(this.inside(this.place(one)));
  }

  /** @param {number} id @param {Point} place */
  pinchMove(id, place) {
    const [a, b] = [...this.down.entries()];
    const [moved, other] = a[0] === id ? [a[1], b[1]] : [b[1], a[1]];
    const middle = (/** @type {Point} */ p) =>
      /** @type {Point} */ ([(p[0] + other[0]) / 2, (p[1] + other[1]) / 2]);
    const [from, to] = [middle(moved), middle(place)];
    this.imageCanvas.pan(to[0] - from[0], to[1] - from[1]);
    this.imageCanvas.zoom(
      Math.hypot(...minus(place, other)) / Math.max(Math.hypot(...minus(moved, other)), 1),
      to,
    );
  }

  /** @param {PointerEvent} event */
  pointerUp(event) {
    const place = this.place(event);
    if (!this.down.delete(event.pointerId)) return;
    if (this.doing === "tool") {
      this.pending?.();
      this.pending = undefined;
      this.editor.tool?.up(this.inside(place));
    }
    if (this.down.size === 0) this.doing = null;
  }

  /** @param {PointerEvent} event */
  pointerCancel(event) {
    this.down.delete(event.pointerId);
    this.pending = undefined;
    this.editor.tool?.cancel();
    if (this.down.size === 0) this.doing = null;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 20 : 1;
    if (event.shiftKey) this.imageCanvas.pan(-(event.deltaY || event.deltaX) * unit, 0);
    else
      this.imageCanvas.zoom(
        Math.exp(-event.deltaY * unit * WHEEL * (event.ctrlKey ? 5 : 1)),
        this.place(event),
      );
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    delete this.canvas.dataset.pointer;
    if (event.key in ARROWS && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      return this.moveCursor(ARROWS[event.key], event.shiftKey);
    }
    if (event.key !== " ") return;
    event.preventDefault();
    const cursor = this.imageCanvas.overlay.cursor;
    if (!cursor)
      this.space = true; // with the mouse: hold to pan
    else if (!event.repeat) this.press(cursor, event.shiftKey || this.editor.settings.outside);
  }

  /** The space bar is the button of the key cursor. @param {Point} cursor @param {boolean} out */
  press(cursor, out) {
    const { tool } = this.editor;
    if (this.keyed) return this.release(cursor);
    if (tool && "slow" in tool)
      tool.slow = true; // corner by corner
    else this.keyed = tool?.cursor !== "default";
    tool?.down(cursor, { label: out ? 0 : 1, exact: true });
    if (tool && "slow" in tool) tool.up(cursor);
  }

  /** @param {Point} cursor */
  release(cursor) {
    this.keyed = false;
    this.editor.tool?.up(cursor);
  }

  /** @param {KeyboardEvent} event */
  keyUp(event) {
    if (event.key !== " ") return;
    this.space = false;
    const { cursor } = this.imageCanvas.overlay;
    const { tool } = this.editor;
    // a box stays open until the second press; a stroke ends with the key
    if (this.keyed && cursor && !(tool && "from" in tool)) this.release(cursor);
  }

  /** @param {Point} step @param {boolean} fine one pixel of the image */
  moveCursor(step, fine) {
    const { view, overlay } = this.imageCanvas;
    const [h, w] = view.size;
    const from = overlay.cursor ?? this.inside([view.screen[1] / 2, view.screen[0] / 2]);
    const by = fine ? 1 : STEP / view.scale;
    const to = /** @type {Point} */ ([
      Math.min(Math.max(from[0] + step[0] * by, 0), w - 0.5),
      Math.min(Math.max(from[1] + step[1] * by, 0), h - 0.5),
    ]);
    this.setCursor(to);
    this.imageCanvas.reveal([...to, ...to]);
    if (this.keyed) this.editor.tool?.move(to);
    else this.editor.tool?.hover(to);
  }

  /** @param {Point | null} cursor */
  setCursor(cursor) {
    if (!cursor && this.keyed) {
      this.keyed = false;
      this.editor.tool?.cancel();
    }
    this.imageCanvas.overlay.cursor = cursor;
    this.imageCanvas.draw("over");
  }
}

/** @param {Point} a @param {Point} b @returns {Point} */
const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
