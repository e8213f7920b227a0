/** The first screen: the images of the project. */
import { GALLERY } from "../state/routes.js";
import { RefusedError, reasonOf } from "../storage/errors.js";
import { counted, fill, h } from "./dom.js";
import { confirmDialog } from "./dialog.js";
import { imageCard } from "./image-card.js";
import { importExportDialog } from "./import-export-dialog.js";
import { showShortcuts } from "./shortcuts-dialog.js";
import { icon } from "./icons.js";
import { modelDialog } from "./model-dialog.js";
import { saveStatus } from "./save-status.js";
import { nextTheme } from "./theme.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

const AGAIN = 1500; // ms, while the server still scans its folder
const PAUSE = 200; // ms after a letter or a change
const AT_ONCE = 60; // images
/** @type {[string, string][]} */
const REVIEWS = [
  ["review", "To review"],
  ["returned", "Returned"],
  ["accepted", "Accepted"],
  ["comments", "With comments"],
];
/** @type {[string, string][]} */
const SHOWN = [
  ["all", "All images"],
  ["todo", "Not done"],
  ["done", "Done"],
  ["empty", "Without masks"],
  ["suggestions", "With suggestions"],
];

export class GalleryScreen extends HTMLElement {
  /** @type {App} */ app;
  /** @type {HTMLInputElement} */ picker;
  /** @type {HTMLUListElement} */ grid;
  /** @type {HTMLButtonElement} */ more;
  /** @type {HTMLElement} */ summary;
  /** Suggestions to review, files that cannot be read. @type {HTMLElement} */ notes;
  /** Which images are on show. @type {import("../storage/on-server.js").Choice} */ choice = {
    search: "",
    show: "all",
  };
  /** @type {HTMLSelectElement} */ tags;
  waiting = 0;
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
    this.notes = h("div", { class: "notes" });
    fill(
      this,
      this.header(),
      h("main", {}, this.lead(), this.finder(), this.notes, this.grid, this.more),
      this.picker,
    );
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
          "aria-label": "Export and import",
          title: "Export and import",
          onclick: () => importExportDialog(this.app),
        },
        icon("export"),
      ),
      this.app.storage.retrains &&
        h(
          "button",
          {
            class: "icon-button",
            "aria-label": "Model",
            title: "Model and its versions",
            onclick: () => modelDialog(this.app),
          },
          icon("wand"),
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

  /** Search by name, and by state. */
  finder() {
    const later = () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.choose({ search: search.value }), PAUSE);
    };
    const search = h("input", {
      type: "search",
      placeholder: "Search by name",
      "aria-label": "Search by name",
      oninput: later,
    });
    const { project, storage } = this.app;
    const me = project.person?.name ?? "";
    const mine = project.assignees?.includes(me) ? [["mine", "Assigned to me"]] : [];
    const options = [...SHOWN, ...(storage.reviews ? REVIEWS : []), ...mine];
    const show = h(
      "select",
      {
        "aria-label": "Show",
        onchange: () =>
          this.choose(
            show.value === "mine" ? { show: "all", assignee: me } : { show: show.value, assignee: "" },
          ),
      },
      ...options
        .filter(([value]) => value !== "suggestions" || storage.findsSimilar)
        .map(([value, text]) => h("option", { value }, text)),
    );
    this.tags = h("select", { "aria-label": "Tag", onchange: () => this.choose({ tag: this.tags.value }) });
    this.offerTags();
    return h("div", { class: "finder", role: "search" }, search, show, this.tags);
  }

  /** The tags that images have, to choose one. */
  offerTags() {
    const { tags = [] } = this.app.project;
    const { tag: chosen = "" } = this.choice;
    const option = (/** @type {string} */ value, /** @type {string} */ text) =>
      h("option", { value, selected: value === chosen }, text);
    fill(this.tags, option("", "Any tag"), ...tags.map((one) => option(one, one)));
    this.tags.hidden = !tags.length && !chosen;
  }

  /** @param {Partial<GalleryScreen["choice"]>} some */
  choose(some) {
    Object.assign(this.choice, some);
    return this.reload();
  }

  /** Something changed: show it, without a flicker, when no more changes come. */
  refresh() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.isConnected && this.reload(), PAUSE);
  }

  /** The list from its beginning, in the place of what is shown and of what is still on its way. */
  reload() {
    this.list = { from: null };
    return this.load(this.list);
  }

  /** An image was changed by its card: a list that was read before must not show it as it was. @param {Node} card */
  reread(card) {
    if (this.isConnected && (this.more.disabled || !card.isConnected)) this.reload();
  }

  /** What comes for a list that is no longer on show is dropped. @param {{from: string | null}} list */
  async load(list) {
    const first = list.from === null;
    this.more.disabled = true;
    try {
      // before the images: while the server scans its folder, the list is requested again
      const project = first ? await this.app.storage.project() : null;
      const { images, next } = await this.app.storage.images(list.from, AT_ONCE, this.choice);
      const cards = await Promise.all(images.map((image, i) => imageCard(this, image, first && i < 6)));
      if (list !== this.list) return;
      if (project) {
        this.app.project = project;
        this.app.order = null;
        this.offerTags();
        this.grid.replaceChildren();
        this.describe(project, images);
      }
      this.grid.append(...cards);
      list.from = next;
      this.more.hidden = !next;
    } catch (error) {
      if (list !== this.list) return;
      notify(`The images could not be loaded: ${reasonOf(error)}.`, {
        actions: [["Try again", () => list === this.list && this.load(list)]],
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
    this.summarise(count, masks);
    if (!images.length && count) this.grid.append(h("li", { class: "note" }, "No image fits this search."));
    this.note(project);
    if (project.scanning) setTimeout(() => list === this.list && this.isConnected && this.reload(), AGAIN);
  }

  /** @param {number} images @param {number} masks */
  summarise(images, masks) {
    this.summary.textContent = images
      ? `${counted(images, "image")}, ${counted(masks, "mask")}. Open one and click an object.`
      : "No images yet.";
  }

  /** Another tab changed the masks of an image: its card alone is made anew. @param {string} id */
  async update(id) {
    const old = [...this.grid.children].find((one) => /** @type {HTMLElement} */ (one).dataset.id === id);
    const { storage } = this.app;
    const [project, image] = await Promise.all([storage.project(), storage.image(id)]).catch(() => []);
    if (!project || !image) return;
    this.app.project = project;
    if (project.counts) this.summarise(project.counts.images, project.counts.masks);
    this.note(project);
    const card = old && (await imageCard(this, image, true));
    if (card && old.isConnected) old.replaceWith(card);
  }

  /** @param {import("../types.js").Project} project */
  note({ counts, unreadable = [] }) {
    const { app } = this;
    const waiting = counts?.suggestions ?? 0;
    const withdraw = async () => {
      if (
        !(await confirmDialog(
          "Withdraw all suggestions?",
          "They leave the project; masks stay. A new search may suggest them again.",
          "Withdraw",
        ))
      )
        return;
      await /** @type {import("../storage/on-server.js").ServerStorage} */ (
        app.storage
      ).withdrawSuggestions();
      app.changed();
      this.reload();
    };
    fill(
      this.notes,
      waiting > 0 &&
        h(
          "p",
          { class: "row wrap notice" },
          `${counted(waiting, "suggestion")} to review.`,
          h("button", { class: "quiet", onclick: () => app.reviewNext() }, "Review"),
          h("button", { class: "quiet", onclick: withdraw }, "Withdraw all"),
        ),
      unreadable.length > 0 &&
        h(
          "p",
          { class: "notice problem" },
          `${counted(unreadable.length, "file")} in the folder cannot be read as ${unreadable.length === 1 ? "an image" : "images"}: ${unreadable.slice(0, 5).join(", ")}${unreadable.length > 5 ? ", …" : "."}`,
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
        const unread = error instanceof RefusedError && [400, 422].includes(error.status);
        notify(`${file.name} was not added: ${unread ? "it cannot be read as an image" : reasonOf(error)}.`);
      }
    }
    if (added) {
      notify(`${counted(added, "image")} added.`);
      this.reload();
    }
  }
}

customElements.define("am-gallery", GalleryScreen);
