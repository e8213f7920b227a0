/** How the image and its masks are shown: opacity, outlines, brightness, contrast, gamma, channels. */
import { decimal, t } from "../language.js";
import { CHANNELS, UNCHANGED, isUnchanged } from "../canvas/adjustment.js";
import { RefusedError, reasonOf } from "../storage/errors.js";
import { notify } from "./toast.js";
import { slider } from "./editing-options.js";
import { fill, h } from "./dom.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../state/settings.js").Settings} Settings */

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function viewSection(screen, signal) {
  const { editor } = screen;
  const opacity = h("div", {});
  const outline = toggle(t("Outlines only"), () => editor.set({ outlineOnly: !editor.settings.outlineOnly }));
  const hide = toggle(t("Hide other masks"), () => editor.set({ hideOthers: !editor.settings.hideOthers }));
  const image = h("div", { class: "stack" });
  const summary = h("summary", {}, BRIGHTNESS);
  const draw = () => {
    const { settings } = editor;
    outline.input.checked = settings.outlineOnly;
    hide.input.checked = settings.hideOthers;
    summary.textContent = isUnchanged(settings.adjustment)
      ? BRIGHTNESS
      : t("Brightness, channels (adjusted)");
    if (!opacity.contains(document.activeElement))
      fill(
        opacity,
        slider("opacity", t("Opacity"), { min: 0, max: 1, step: 0.05 }, settings.opacity, percent, (value) =>
          editor.set({ opacity: value }),
        ),
      );
    if (!image.contains(document.activeElement)) fill(image, ...adjustments(editor, draw));
  };
  editor.addEventListener("view", draw, { signal });
  draw();
  return h(
    "section",
    { class: "viewing" },
    h("h2", {}, t("Viewport")),
    opacity,
    outline.element,
    hide.element,
    h("details", {}, summary, image, bandField(screen)),
  );
}

const BRIGHTNESS = t("Brightness, channels");
const USAGE = t("write one number, or three with commas");
const percent = (/** @type {number} */ value) => `${Math.round(value * 100)}%`;

/** @param {string} text @param {() => void} act */
function toggle(text, act) {
  const input = h("input", { type: "checkbox", role: "switch", onchange: act });
  return { input, element: h("label", { class: "switch" }, input, text) };
}

/** @param {import("../state/editor.js").Editor} editor @param {() => void} redraw */
function adjustments(editor, redraw) {
  const { adjustment } = editor.settings;
  const change = (/** @type {Partial<Settings["adjustment"]>} */ some) =>
    editor.set({ adjustment: { ...editor.settings.adjustment, ...some } });
  const signed = (/** @type {number} */ value) => `${value > 0 ? "+" : ""}${decimal(value, 2)}`;
  const channel = h(
    "select",
    { id: "channel", onchange: () => change({ channel: /** @type {any} */ (channel.value) }) },
    ...CHANNELS.map(([value, text]) => h("option", { value, selected: value === adjustment.channel }, text)),
  );
  const reset = () => {
    button.blur();
    editor.set({ adjustment: UNCHANGED });
    redraw();
  };
  const button = h("button", { class: "small", onclick: reset }, t("Reset"));
  return [
    slider(
      "brightness",
      t("Brightness"),
      { min: -0.5, max: 0.5, step: 0.02 },
      adjustment.brightness,
      signed,
      (value) => change({ brightness: value }),
    ),
    slider("contrast", t("Contrast"), { min: -1, max: 1, step: 0.05 }, adjustment.contrast, signed, (value) =>
      change({ contrast: value }),
    ),
    slider(
      "gamma",
      t("Gamma"),
      { min: 0.2, max: 4, step: 0.05 },
      adjustment.gamma,
      (value) => decimal(value, 2),
      (value) => change({ gamma: value }),
    ),
    h("div", { class: "field" }, h("label", { for: "channel" }, t("Channel")), channel),
    button,
  ];
}

/** Which bands of a satellite, microscope or other deep image are shown. @param {EditorScreen} screen */
function bandField({ app, openImage, imageCanvas }) {
  const storage = /** @type {import("../storage/on-server.js").ServerStorage} */ (app.storage);
  const { id } = openImage.info;
  const input = h("input", {
    type: "text",
    id: "bands",
    placeholder: "3,2,1",
    onchange: async () => {
      const bands = input.value.replaceAll(" ", "");
      try {
        const file = bands ? storage.fileInBands(id, bands) : app.files.file(openImage.info);
        await imageCanvas.replace(
          file.then((blob) => createImageBitmap(blob, { colorSpaceConversion: "none" })),
        );
      } catch (error) {
        const why = error instanceof RefusedError && error.status === 422 ? USAGE : reasonOf(error);
        notify(t("These bands cannot be shown: {why}.", { why }));
      }
    },
  });
  const field = h("div", { class: "field", hidden: true }, h("label", { for: "bands" }, t("Bands")), input);
  if (storage.tiles)
    storage.bands(id).then(
      (count) => {
        field.hidden = count === 0 || imageCanvas.tiles !== null;
        input.title = t("Numbers from 1 to {count}: three for red, green and blue, or one", { count });
      },
      () => {}, // the image is shown as it is
    );
  return field;
}
