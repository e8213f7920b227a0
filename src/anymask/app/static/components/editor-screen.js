/** The screen of one image: tools, image, options, masks. */
import { LOCAL_MODEL } from "../constants.js";
import { t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { OpenImage } from "../state/open-image.js";
import { Editor } from "../state/editor.js";
import { mark, merge } from "../state/editing.js";
import { closedBecause, isFinal } from "../state/permissions.js";
import { suggestionsOf } from "../state/suggestions.js";
import { takeClick } from "../state/pending-click.js";
import { GALLERY, imageAddress } from "../state/routes.js";
import { pixelsOf } from "../state/image-files.js";
import { shortcuts, withKey } from "../state/key-bindings.js";
import { prefetch, quietly } from "../state/prefetch.js";
import { actionOf } from "../state/shortcuts.js";
import { byFinger } from "../tools/tool.js";
import { nearTies } from "../inference/hypotheses.js";
import { imageKey } from "../inference/predictor.js";
import { fill, h, say } from "./dom.js";
import { showShortcuts } from "./shortcuts-dialog.js";
import { icon } from "./icons.js";
import { toolbar, toolsFor } from "./toolbar.js";
import { offersChoice, toolOptions } from "./tool-options.js";
import { sidePanel } from "./side-panel.js";
import { saveStatus } from "./save-status.js";
import { minimap } from "./minimap.js";
import { ImageCanvas } from "./image-canvas.js";
import { nextTheme } from "./theme.js";
import { copyToNext, putDown } from "./copy-masks.js";
import { markImage, stateOf } from "./image-section.js";
import { review } from "./suggestion-bar.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../tools/tool.js").Tool} Tool */

const MOST_BRUSH = 400;
const AHEAD = 2; // images that are prepared before they are opened
const SLOW = 2000; // ms for a model after which it is rather exported than loaded
const PAUSE = 1500; // ms without a key or a pointer, so that no click waits for it

export class EditorScreen extends HTMLElement {
  /** @type {App} */ app;
  /** @type {OpenImage} */ openImage;
  /** @type {Editor} */ editor;
  /** @type {Record<string, Tool>} */ tools;
  /** @type {ImageCanvas} */ imageCanvas;
  /** @type {HTMLElement} */ panel;
  /** @type {HTMLElement} */ status;
  /** @type {HTMLButtonElement} */ undoButton;
  /** @type {HTMLButtonElement} */ redoButton;
  /** @type {HTMLButtonElement} */ doneButton;
  /** @type {AbortController} */ leaving;

  /** @param {App} app @param {string} id of the image @returns {Promise<EditorScreen>} */
  static async of(app, id) {
    const waited = app.sync.outbox.of(id);
    const masks = app.storage.masks(id);
    masks.catch(() => {}); // reported where they are needed
    const image = await app.storage.image(id);
    const screen = /** @type {EditorScreen} */ (document.createElement("am-editor"));
    screen.app = app;
    screen.openImage = new OpenImage(image, app.sync);
    const file = app.files.file(image);
    app.predictor.prepare(image, file).catch((error) => screen.tellUnread(error));
    screen.openImage.history = app.histories.of(image.id, app.author);
    screen.openImage.closed = () => closedBecause(image, app.project) !== null;
    screen.openImage.load(await masks, waited);
    screen.editor = new Editor(screen.openImage, app.predictor, file);
    return screen;
  }

  /** Say why the model cannot work here, except on an image that cannot be shown either. @param {unknown} error */
  async tellUnread(error) {
    const { bitmap, tile } = pixelsOf(this.app, this.openImage.info);
    const shown = tile !== null || (await bitmap().catch(() => null));
    if (shown) notify(t("The model could not read this image: {reason}.", { reason: reasonOf(error) }));
  }

  connectedCallback() {
    const { editor, app } = this;
    if (!editor || !app) return;
    this.tools = toolsFor(editor);
    const { info, size } = this.openImage;
    const layer = app.layers.of(imageKey(info), size);
    this.imageCanvas = ImageCanvas.of(editor, () => app.project.labels, pixelsOf(app, info), layer);
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.status = h("p", { class: "hint", id: "hint", role: "status", "aria-live": "polite" });
    this.panel = sidePanel(this, signal);
    fill(
      this,
      this.header(),
      h(
        "main",
        { class: "workspace" },
        toolbar(this, signal),
        h(
          "div",
          { class: "center" },
          toolOptions(this, signal),
          h(
            "div",
            { class: "view" },
            this.imageCanvas,
            minimap(this.imageCanvas),
            this.zoomBar(),
            this.status,
          ),
        ),
        this.panel,
      ),
    );
    for (const type of ["select", "tool", "busy", "answer", "candidates", "refining", "hint"])
      editor.addEventListener(type, () => this.describe(), { signal });
    editor.addEventListener("notice", (event) => notify(/** @type {CustomEvent} */ (event).detail), {
      signal,
    });
    const { openImage } = this;
    openImage.addEventListener("info", () => this.showDone(), { signal });
    openImage.addEventListener("refused", () => notify(closedBecause(openImage.info, app.project) ?? ""), {
      signal,
    });
    addEventListener("keydown", (event) => this.key(event), { signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.refresh(), { signal });
    this.imageCanvas.addEventListener("broken", () => this.describe(), { signal });
    app.chosen.goOn(editor, this.tools, app.project.labels);
    this.ready();
    this.imageCanvas.focus(); // all keys work at once
    const [suggestion] = suggestionsOf(editor);
    if (suggestion) editor.select(suggestion.id);
    const cutOff = takeClick(this.openImage.info.id, app.author);
    if (cutOff) editor.resume(cutOff);
    putDown(this);
    const conflict = app.sync.outbox.of(this.openImage.info.id).find(({ state }) => state === "conflict");
    if (conflict) app.conflict(conflict);
  }

  disconnectedCallback() {
    if (this.editor && this.tools) this.app.chosen.note(this.editor, this.tools);
    this.editor?.tool?.leave();
    this.leaving?.abort();
  }

  /** Report when the model is ready for the image. */
  async ready() {
    const { predictor, openImage, file } = this.editor;
    this.dataset.ready = "no";
    this.describe();
    const slow = setTimeout(() => {
      if (predictor.model === LOCAL_MODEL) return;
      this.dataset.ready = "model";
      this.describe();
    }, SLOW);
    predictor
      .load()
      .then(() => this.dataset.ready === "model" && (this.dataset.ready = "no"))
      .catch(() => {}) // reported by the app
      .finally(() => {
        clearTimeout(slow);
        this.describe();
      });
    try {
      await predictor.prepare(openImage.info, file);
      this.dataset.ready = "yes";
      this.prefetchNext();
    } catch {
      this.dataset.ready = "failed";
    }
    this.describe();
  }

  /** The next images, while the person pauses. */
  async prefetchNext() {
    const { app, openImage } = this;
    const { signal } = this.leaving;
    const images = await app.allImages().catch(() => []);
    const at = images.findIndex(({ id }) => id === openImage.info.id);
    const means = {
      quiet: () => quietly(globalThis, PAUSE, signal),
      prepare: async (/** @type {ImageInfo} */ image) => {
        const { bitmap, tile } = pixelsOf(app, image);
        if (!tile) await bitmap();
        await app.predictor.prepare(image, app.files.file(image));
      },
    };
    if (at >= 0) await prefetch(images.slice(at + 1, at + 1 + AHEAD), means, signal);
  }

  header() {
    const { app, openImage } = this;
    const { models } = app.project;
    const choice = h(
      "select",
      { "aria-label": t("Model"), class: "model", onchange: () => this.useModel(choice.value) },
      ...models.map((name) => h("option", { value: name, selected: name === app.predictor.model }, name)),
    );
    const button = (
      /** @type {string} */ name,
      /** @type {string} */ title,
      /** @type {() => void} */ act,
      kind = "",
    ) => h("button", { class: `icon-button ${kind}`, "aria-label": title, title, onclick: act }, icon(name));
    this.doneButton = h("button", { class: "done wide-only", title: "W", onclick: () => this.act("done") });
    this.showDone();
    this.undoButton = button("undo", withKey(t("Undo"), "undo"), () => this.act("undo"));
    this.redoButton = button("redo", withKey(t("Redo"), "redo"), () => this.act("redo"));
    return h(
      "header",
      { class: "bar" },
      h(
        "a",
        {
          class: "icon-button",
          href: GALLERY,
          "aria-label": t("All images"),
          title: withKey(t("All images"), "gallery"),
        },
        icon("back"),
      ),
      h("h1", { class: "title" }, openImage.info.name),
      button("back", withKey(t("Previous image"), "image", "-1"), () => this.act("image", "-1"), "wide-only"),
      button("next", withKey(t("Next image"), "image", "1"), () => this.act("image", "1"), "wide-only"),
      h("span", { class: "spacer" }),
      this.undoButton,
      this.redoButton,
      this.doneButton,
      saveStatus(app),
      models.length > 1 && choice,
      button("theme", t("Switch the theme"), () => notify(nextTheme()), "wide-only"),
      button("keys", t("Keyboard shortcuts (?)"), showShortcuts, "wide-only"),
      button("list", t("Masks and labels"), () => this.togglePanel(), "narrow-only"),
    );
  }

  /** Show whether the image is done. */
  showDone() {
    const { done, review } = this.openImage.info;
    fill(
      this.doneButton,
      icon("done"),
      done || review === "returned" ? stateOf(this.openImage.info) : t("Mark as done"),
    );
    this.doneButton.setAttribute("aria-pressed", String(Boolean(done)));
  }

  /** @param {import("../types.js").Marks} marks */
  mark(marks) {
    return markImage(this, marks);
  }

  togglePanel() {
    this.classList.toggle("panel-open");
  }

  zoomBar() {
    const level = h("span", { class: "level" });
    this.imageCanvas.addEventListener(
      "moved",
      () => (level.textContent = `${Math.round(this.editor.view.scale * 100)}%`),
    );
    const button = (/** @type {string} */ name, /** @type {string} */ title, /** @type {() => void} */ act) =>
      h("button", { class: "icon-button", "aria-label": title, title, onclick: act }, icon(name));
    return h(
      "div",
      { class: "zoom", role: "group", "aria-label": t("Zoom") },
      button("minus", t("Zoom out (−)"), () => this.imageCanvas.zoom(0.8)),
      level,
      button("plus", t("Zoom in (+)"), () => this.imageCanvas.zoom(1.25)),
      button("fit", withKey(t("Whole image"), "fit"), () => this.imageCanvas.fit()),
    );
  }

  describe() {
    const { history } = this.openImage;
    this.undoButton.disabled = history.done.length === 0;
    this.redoButton.disabled = history.undone.length === 0;
    const sentences = {
      model: t("Preparing the model {model}: 1 to 2 minutes, once. Your clicks are answered then.", {
        model: this.app.predictor.model,
      }),
      no: t("Preparing the image … you can already click."),
      failed: t("The model cannot be used on this image; the brush and the lasso still work."),
      yes: "",
    };
    const state = sentences[/** @type {keyof sentences} */ (this.dataset.ready ?? "yes")];
    const refined = this.editor.refined && t("Refining the mask …");
    const hint = state || refined || this.tie() || this.editor.tool?.hint || "";
    say(this.status, this.imageCanvas.broken ? "" : hint);
    this.classList.toggle("busy", this.editor.asking > 0);
  }

  /** Says that another mask is about as likely as the one shown. */
  tie() {
    const { answers, item } = this.editor;
    if (!answers || !item || !offersChoice(answers) || !nearTies(answers.hypotheses, answers.chosen).length)
      return "";
    return byFinger()
      ? t("Another mask is about as likely. Compare it by the buttons above.")
      : t("Another mask is about as likely. Press C to compare.");
  }

  /** Take what others stored since. */
  async refresh() {
    const { app, openImage } = this;
    const before = openImage.stored();
    const masks = await app.storage.masks(openImage.info.id).catch(() => null);
    if (masks) openImage.merge(masks, before);
  }

  /** @param {string} model */
  async useModel(model) {
    this.app.predictor.model = model;
    this.editor.answers = this.editor.draft = null;
    this.ready();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input:not([type=range]), textarea, select") || document.querySelector("dialog[open]"))
      return;
    const wanted = actionOf(event, shortcuts());
    if (!wanted || (event.key === "Enter" && target.matches("button, a, summary"))) return;
    event.preventDefault();
    this.act(wanted.act, wanted.with);
  }

  /** Do what a key or a button asks for. @param {string} name @param {string} [detail] */
  act(name, detail = "") {
    const { editor, imageCanvas, openImage } = this;
    const { settings } = editor;
    const number = Number(detail);
    /** @type {Record<string, () => unknown>} */
    const acts = {
      tool: () => editor.use(this.tools[detail]),
      next: () => editor.tool?.finish() || editor.select(null),
      cancel: () => editor.tool?.cancel() || editor.select(null),
      cycle: () => editor.cycle(number),
      outside: () => editor.set({ outside: !settings.outside }),
      walk: () => this.walk(number),
      label: () => editor.setLabel(this.app.project.labels[number - 1]?.id ?? null),
      remove: () => editor.tool?.erase() || editor.remove(),
      mark: () => mark(editor),
      merge: () => merge(editor),
      copy: () => copyToNext(this),
      accept: () => review(this, true, false),
      reject: () => review(this, false, false),
      "accept-all": () => review(this, true, true),
      "reject-all": () => review(this, false, true),
      done: () =>
        isFinal(openImage.info, this.app.project)
          ? openImage.refuses()
          : this.mark({ done: !openImage.info.done }),
      undo: () => editor.tool?.stepBack() || editor.travel("undo"),
      redo: () => editor.travel("redo"),
      zoom: () => imageCanvas.zoom(number),
      fit: () => imageCanvas.fit(),
      show: () => (editor.item ? imageCanvas.show(editor.item.box) : imageCanvas.fit()),
      outline: () => editor.set({ outlineOnly: !settings.outlineOnly }),
      hide: () => editor.set({ hideOthers: !settings.hideOthers }),
      opacity: () => editor.set({ opacity: Math.min(Math.max(settings.opacity + number, 0), 1) }),
      brush: () =>
        editor.set({ brush: Math.min(Math.max(Math.round(settings.brush * number), 1), MOST_BRUSH) }),
      preview: () => editor.set({ preview: !settings.preview }),
      image: () => this.neighbour(number),
      gallery: () => (location.hash = GALLERY),
      help: showShortcuts,
    };
    acts[name]?.();
    this.describe();
    return openImage;
  }

  /** Select the mask after or before. @param {number} step */
  walk(step) {
    const ids = [...this.openImage.items.keys()];
    const at = ids.indexOf(this.editor.selected ?? "");
    if (ids.length)
      this.editor.select(ids[(at + step + ids.length + (at < 0 && step < 0 ? 1 : 0)) % ids.length]);
    if (this.editor.item) this.imageCanvas.reveal(this.editor.item.box);
  }

  /** @param {number} step */
  async neighbour(step) {
    const images = await this.app.allImages();
    const at = images.findIndex(({ id }) => id === this.openImage.info.id);
    const next = images[at + step];
    if (next) location.hash = imageAddress(next.id);
    else notify(step > 0 ? t("This is the last image.") : t("This is the first image."));
  }
}

customElements.define("am-editor", EditorScreen);
