/** The first screen: the images of the project. */
import { GALLERY, imageAddress } from "../state/routes.js";
import { reasonOf } from "../storage/errors.js";
import { counted, download, fill, h } from "./dom.js";
import { showShortcuts } from "./shortcuts-dialog.js";
import { icon } from "./icons.js";
import { saveStatus } from "./save-status.js";
import { nextTheme } from "./theme.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

const AGAIN = 1500; // ms, while the server still scans its folder

export class GalleryScreen extends HTMLElement {
  /** @type {App} */ app;
  /** @type {HTMLInputElement} */ picker;
  /** @type {HTMLUListElement} */ grid;
  /** @type {HTMLButtonElement} */ more;
  /** @type {HTMLElement} */ summary;
  /** @type {AbortController} */ leaving;
  /** The list on show and where its next images begin; a newer one takes its place.
   * @type {{from: string | null}} */ list;

  /** @param {App} app */
  static of(app) {
    const screen = /** @type {GalleryScreen} */ (document.createElement("am-gallery"));
    screen.app = app;
    return screen;
  }

  connectedCallback() {
    const { app } = this;
    if (!app) return;
    this.picker = h("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      hidden: true,
      onchange: () => this.add([...(this.picker.files ?? [])]),
    });
    this.grid = h("ul", { class: "grid", "aria-label": "Images", "aria-busy": "true" });
    this.more = h(
      "button",
      { class: "quiet more", hidden: true, onclick: () => this.load(this.list) },
      "More images",
    );
    this.summary = h("p", { class: "summary" });
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    fill(this, this.header(), h("main", {}, this.lead(), this.grid, this.more), this.picker);
    addEventListener("paste", (event) => this.add([...(event.clipboardData?.files ?? [])]), { signal });
    addEventListener(
      "dragover",
      (event) => {
        event.preventDefault();
        this.classList.add("dropping");
      },
      { signal },
    );
    addEventListener("dragleave", (event) => !event.relatedTarget && this.classList.remove("dropping"), {
      signal,
    });
    addEventListener(
      "drop",
      (event) => {
        event.preventDefault();
        this.drop(event);
      },
      { signal },
    );
    addEventListener("keydown", (event) => event.key === "?" && showShortcuts(), { signal });
    this.reload();
  }

  disconnectedCallback() {
    this.leaving?.abort();
  }

  header() {
    const theme = h(
      "button",
      {
        class: "icon-button",
        "aria-label": "Switch the theme",
        title: "Switch the theme",
        onclick: () => notify(`Theme: ${nextTheme()}`),
      },
      icon("theme"),
    );
    return h(
      "header",
      { class: "bar" },
      h(
        "a",
        { class: "brand", href: GALLERY },
        h("img", { src: new URL("../icon.svg", import.meta.url).href, alt: "", width: 28, height: 28 }),
        h("span", {}, "anymask"),
      ),
      h("span", { class: "spacer" }),
      saveStatus(this.app),
      h(
        "button",
        {
          class: "icon-button",
          "aria-label": "Export all masks",
          title: "Export all masks",
          onclick: () => this.exportAll(),
        },
        icon("export"),
      ),
      theme,
      h(
        "button",
        {
          class: "icon-button",
          "aria-label": "Keyboard shortcuts",
          title: "Keyboard shortcuts (?)",
          onclick: showShortcuts,
        },
        icon("keys"),
      ),
    );
  }

  lead() {
    const upload = h(
      "button",
      { class: "primary", onclick: () => this.picker.click() },
      icon("upload"),
      "Add images",
    );
    return h(
      "div",
      { class: "lead" },
      h("div", {}, h("h1", {}, this.app.project.name), this.summary),
      h(
        "div",
        { class: "lead-side" },
        h("span", { class: "note wide-only" }, "Drop or paste images anywhere."),
        upload,
      ),
    );
  }

  /** The list from its beginning, in the place of what is shown and of what is still on its way. */
  reload() {
    this.list = { from: null };
    return this.load(this.list);
  }

  /** What comes for a list that is no longer on show is dropped. @param {{from: string | null}} list */
  async load(list) {
    const first = list.from === null;
    this.more.disabled = true;
    try {
      // before the images: while the server scans its folder, the list is requested again
      const project = first ? await this.app.storage.project() : null;
      const { images, next } = await this.app.storage.images(list.from);
      const cards = await Promise.all(images.map((image, i) => this.card(image, first && i < 6)));
      if (list !== this.list) return;
      if (project) {
        this.app.order = null;
        this.grid.replaceChildren();
        this.describe(project, images);
      }
      this.grid.append(...cards);
      list.from = next;
      this.more.hidden = !next;
    } catch (error) {
      if (list !== this.list) return;
      notify(`The images could not be loaded: ${reasonOf(error)}.`, {
        action: "Try again",
        act: () => list === this.list && this.load(list),
      });
    }
    this.more.disabled = false;
    this.grid.setAttribute("aria-busy", "false");
  }

  /** @param {import("../types.js").Project} project @param {ImageInfo[]} images */
  describe(project, images) {
    const { list } = this;
    const { images: count = images.length, masks = images.reduce((sum, one) => sum + one.masks, 0) } =
      project.counts ?? {};
    this.summary.textContent = count
      ? `${counted(count, "image")}, ${counted(masks, "mask")}. Open one and click an object.`
      : "No images yet.";
    if (project.scanning) setTimeout(() => list === this.list && this.isConnected && this.reload(), AGAIN);
  }

  /** @param {ImageInfo} image @param {boolean} soon */
  async card(image, soon) {
    const { id, name, width, height, masks } = image;
    const img = h("img", {
      alt: "",
      width,
      height,
      loading: soon ? "eager" : "lazy",
      decoding: "async",
      src: await this.app.storage.thumb(image).catch(() => ""),
    });
    return h(
      "li",
      {},
      h(
        "a",
        { class: "card", href: imageAddress(id) },
        h("span", { class: "photo" }, img),
        h(
          "span",
          { class: "card-text" },
          h("span", { class: "name" }, name),
          h(
            "span",
            { class: "facts" },
            `${width} × ${height}`,
            masks > 0 && h("span", { class: "badge" }, counted(masks, "mask")),
          ),
        ),
      ),
    );
  }

  /** @param {DragEvent} event */
  drop(event) {
    this.classList.remove("dropping");
    this.add([...(event.dataTransfer?.files ?? [])]);
  }

  /** @param {File[]} files */
  async add(files) {
    if (!files.length) return;
    let added = 0;
    for (const file of files) {
      try {
        await this.app.storage.addImage(file);
        added++;
      } catch (error) {
        notify(error instanceof Error ? error.message : String(error));
      }
    }
    if (added) {
      notify(`${counted(added, "image")} added.`);
      this.reload();
    }
  }

  async exportAll() {
    try {
      download(await this.app.storage.exported());
    } catch (error) {
      notify(`The export failed: ${reasonOf(error)}.`);
    }
  }
}

customElements.define("am-gallery", GalleryScreen);
