/** The whole image, small, while only a part of it is in sight: shows which part, and moves it. */
import { h } from "./dom.js";

/** @typedef {import("./image-canvas.js").ImageCanvas} ImageCanvas */

const SIDE = 150; // CSS pixels of the longest side
const BEYOND = 1.05; // shown where the image is larger than the screen by this

/** @param {ImageCanvas} imageCanvas @returns {HTMLCanvasElement} */
export function minimap(imageCanvas) {
  const { view } = imageCanvas.editor;
  const [height, width] = view.size;
  const scale = SIDE / Math.max(height, width);
  const canvas = h("canvas", {
    class: "minimap",
    "aria-hidden": "true", // the keyboard moves the image by its cursor
    hidden: true,
    width: Math.max(2, Math.round(width * scale * devicePixelRatio)),
    height: Math.max(2, Math.round(height * scale * devicePixelRatio)),
  });
  canvas.style.width = `${Math.max(1, width * scale)}px`;
  canvas.style.height = `${Math.max(1, height * scale)}px`;
  /** @type {OffscreenCanvas | null} */
  let small = null;
  const draw = () => {
    const [h0, w0] = view.screen;
    canvas.hidden = height * view.scale < h0 * BEYOND && width * view.scale < w0 * BEYOND;
    if (!canvas.hidden) paint(canvas, (small ??= shrunk(imageCanvas.image, canvas)), view, scale);
  };
  imageCanvas.addEventListener("moved", draw);
  imageCanvas.addEventListener("shown", () => {
    small = null;
    draw();
  });
  const move = (/** @type {PointerEvent} */ event) => {
    if (!event.buttons) return;
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = view.toScreen((event.clientX - left) / scale, (event.clientY - top) / scale);
    imageCanvas.pan(view.screen[1] / 2 - x, view.screen[0] / 2 - y);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener("pointermove", move);
  return canvas;
}

/** The image at the size of the canvas. @param {ImageBitmap | null} image @param {HTMLCanvasElement} canvas */
function shrunk(image, { width, height }) {
  if (!image) return null;
  const small = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (small.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return small;
}

/**
 * @param {HTMLCanvasElement} canvas @param {OffscreenCanvas | null} small
 * @param {import("../geometry/viewport.js").Viewport} view @param {number} scale
 */
function paint(canvas, small, view, scale) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const ratio = scale * devicePixelRatio;
  const [x0, y0] = view.toImage(0, 0).map((value) => value * ratio);
  const [x1, y1] = view.toImage(view.screen[1], view.screen[0]).map((value) => value * ratio);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (small) context.drawImage(small, 0, 0);
  context.fillStyle = "rgb(0 0 0 / 45%)";
  context.beginPath();
  context.rect(0, 0, canvas.width, canvas.height);
  context.rect(x0, y0, x1 - x0, y1 - y0);
  context.fill("evenodd");
  context.lineWidth = 2;
  context.strokeStyle = "#fff";
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
}
