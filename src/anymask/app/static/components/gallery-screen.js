/** The first screen: the images of the project. */
import { counted, t } from "../language.js";
import { imageReason, reasonOf } from "../storage/errors.js";
import { ServerStorage } from "../storage/on-server.js";
import { fill, h } from "./dom.js";
import { emptyProject, guideOffer } from "./first-run.js";
import { confirmDialog } from "./dialog.js";
import { imageCard } from "./image-card.js";
import { showShortcuts } from "./shortcuts-dialog.js";
import { icon } from "./icons.js";
import { galleryHeader } from "./gallery-header.js";
import { languageField } from "./language-field.js";
import { notify } from "./toast.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

const AGAIN = 1500; // ms, while the server still scans its folder
const PAUSE = 200; // ms after a letter or a change
const AT_ONCE = 60; // images
/** @type {[string, string][]} */
const REVIEWS = [
  ["review", t("To review")],
  ["returned", t("Returned")],
  ["accepted", t("Accepted")],
  ["comments", t("With comments")],
];
/** @type {[string, string][]} */
const SHOWN = [
  ["all", t("All images")],
  ["todo", t("Not done")],
  ["done", t("Done")],
  ["empty", t("Without masks")],
  ["suggestions", t("With suggestions")],
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
    this.dataset.drop = t("Drop to add");
    this.picker = h("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      hidden: true,
      onchange: () => this.add([...(this.picker.files ?? [])]),
    });
    this.grid = h("ul", { class: "grid", "aria-label": t("Images"), "aria-busy": "true" });
    this.more = h(
      "button",
      { class: "quiet more", hidden: true, onclick: () => this.load(this.list) },
      t("More images"),
    );
    this.summary = h("p", { class: "summary" });
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.notes = h("div", { class: "notes" });
    fill(
      this,
      galleryHeader(this.app),
      h("main", {}, this.lead(), this.finder(), this.notes, this.grid, this.more),
      languageField(),
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

  lead() {
    const upload = h(
      "button",
      { class: "primary", onclick: () => this.picker.click() },
      icon("upload"),
      t("Add images"),
    );
    return h(
      "div",
      { class: "lead" },
      h("div", {}, h("h1", {}, this.app.project.name), this.summary),
      h(
        "div",
        { class: "lead-side" },
        h("span", { class: "note wide-only" }, t("Drop or paste images anywhere.")),
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
      placeholder: t("Search by name"),
      "aria-label": t("Search by name"),
      oninput: later,
    });
    const { project, storage } = this.app;
    const me = project.person?.name ?? "";
    const mine = project.assignees?.includes(me) ? [["mine", t("Assigned to me")]] : [];
    const options = [...SHOWN, ...(storage.reviews ? REVIEWS : []), ...mine];
    const show = h(
      "select",
      {
        "aria-label": t("Show"),
        onchange: () =>
          this.choose(
            show.value === "mine" ? { show: "all", assignee: me } : { show: show.value, assignee: "" },
          ),
      },
      ...options
        .filter(([value]) => value !== "suggestions" || storage.findsSimilar)
        .map(([value, text]) => h("option", { value }, text)),
    );
    this.tags = h("select", {
      "aria-label": t("Tag"),
      onchange: () => this.choose({ tag: this.tags.value }),
    });
    this.offerTags();
    return h("div", { class: "finder", role: "search" }, search, show, this.tags, this.orderField());
  }

  /** Whether images are in the order of their names or of the queue, where a server can keep one. */
  orderField() {
    const { app } = this;
    if (!(app.storage instanceof ServerStorage)) return null;
    const select = h(
      "select",
      {
        "aria-label": t("Order"),
        onchange: () => {
          app.sortBy(/** @type {"name" | "queue"} */ (select.value));
          this.reload();
        },
      },
      h("option", { value: "name", selected: app.sort === "name" }, t("By name")),
      h("option", { value: "queue", selected: app.sort === "queue" }, t("By the queue")),
    );
    return select;
  }

  /** The tags that images have, to choose one. */
  offerTags() {
    const { tags = [] } = this.app.project;
    const { tag: chosen = "" } = this.choice;
    const option = (/** @type {string} */ value, /** @type {string} */ text) =>
      h("option", { value, selected: value === chosen }, text);
    fill(this.tags, option("", t("Any tag")), ...tags.map((one) => option(one, one)));
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
      const { images, next } = await this.app.storage.images(list.from, AT_ONCE, {
        ...this.choice,
        sort: this.app.sort,
      });
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
      notify(t("The images could not be loaded: {reason}.", { reason: reasonOf(error) }), {
        actions: [[t("Try again"), () => list === this.list && this.load(list)]],
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
    if (!images.length) this.grid.append(count ? this.nothingFits() : emptyProject(this));
    this.note(project);
    this.notes.append(...[guideOffer(this, images, masks)].filter((one) => one !== null));
    if (project.scanning) setTimeout(() => list === this.list && this.isConnected && this.reload(), AGAIN);
  }

  nothingFits() {
    const all = h("button", { class: "quiet", onclick: () => this.app.route() }, t("Show all images"));
    return h("li", { class: "note" }, t("No image fits this search."), " ", all);
  }

  /** @param {number} images @param {number} masks */
  summarise(images, masks) {
    this.summary.textContent = images
      ? t("{images}, {masks}. Open one and click an object.", {
          images: counted(images, "image"),
          masks: counted(masks, "mask"),
        })
      : t("No images yet.");
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
          t("Withdraw all suggestions?"),
          t("They leave the project; masks stay. A new search may suggest them again."),
          t("Withdraw"),
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
          t("{suggestions} to review.", { suggestions: counted(waiting, "suggestion") }),
          h("button", { class: "quiet", onclick: () => app.reviewNext() }, t("Review")),
          h("button", { class: "quiet", onclick: withdraw }, t("Withdraw all")),
        ),
      unreadable.length > 0 &&
        h(
          "p",
          { class: "notice problem" },
          t("{files}: {names}", {
            files: counted(
              unreadable.length,
              "file in the folder cannot be read as an image",
              "files in the folder cannot be read as images",
            ),
            names: unreadable.slice(0, 5).join(", ") + (unreadable.length > 5 ? ", …" : "."),
          }),
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
        notify(t("{name} was not added: {reason}.", { name: file.name, reason: imageReason(error) }));
      }
    }
    if (added) {
      notify(t("{images} added.", { images: counted(added, "image") }));
      this.reload();
    }
  }
}

customElements.define("am-gallery", GalleryScreen);
