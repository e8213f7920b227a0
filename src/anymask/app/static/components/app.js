/** The whole app: opens the project, keeps what all screens share, shows the gallery or an image. */
import { t } from "../language.js";
import { IMAGES_AT_ONCE } from "../constants.js";
import { ServerStorage } from "../storage/on-server.js";
import { BrowserStorage } from "../storage/in-browser.js";
import { RefusedError, reasonOf } from "../storage/errors.js";
import { Outbox } from "../storage/outbox.js";
import { Sync } from "../storage/sync.js";
import { KeptLayers } from "../canvas/mask-layer.js";
import { Predictor } from "../inference/predictor.js";
import { ModelClient } from "../inference/worker-client.js";
import { Chosen } from "../state/chosen.js";
import { Histories } from "../state/undo-history.js";
import { ImageFiles } from "../state/image-files.js";
import { ANYBODY } from "../state/permissions.js";
import { GALLERY, imageAddress, imageIdIn } from "../state/routes.js";
import { fill } from "./dom.js";
import { EditorScreen } from "./editor-screen.js";
import { GalleryScreen } from "./gallery-screen.js";
import { conflictDialog } from "./conflict-dialog.js";
import { signInDialog } from "./sign-in-dialog.js";
import { endOffers, notify } from "./toast.js";
import { applyTheme } from "./theme.js";

/** @typedef {ServerStorage | BrowserStorage} MaskStorage */
/** @typedef {import("../types.js").Project} Project */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */

export class App extends HTMLElement {
  /** @type {MaskStorage} */ storage;
  /** @type {Predictor} */ predictor;
  /** @type {ImageFiles} */ files;
  /** @type {Sync} */ sync;
  /** @type {Project} */ project;
  /** The images in the order of the gallery, once requested. @type {Promise<ImageInfo[]> | null} */ order =
    null;
  /** @type {"name" | "queue"} */ sort = "name";
  /** @type {HTMLElement} */ screen;
  chosen = new Chosen();
  histories = new Histories();
  layers = new KeptLayers();
  /** While a token is asked for. @type {Promise<void> | null} */ signing = null;
  /** The other tabs of this browser. @type {BroadcastChannel | undefined} */ tabs;

  async connectedCallback() {
    applyTheme();
    this.storage =
      document.documentElement.dataset.store === "local" ? new BrowserStorage() : new ServerStorage();
    this.predictor = new Predictor(new ModelClient(), this.storage);
    this.files = new ImageFiles(this.storage);
    const outbox = new Outbox(() => this.author);
    this.sync = new Sync(outbox, this.storage);
    this.sync.addEventListener("conflict", (event) =>
      this.conflict(/** @type {CustomEvent} */ (event).detail),
    );
    this.tabs = globalThis.BroadcastChannel && new BroadcastChannel("anymask");
    this.tabs?.addEventListener("message", ({ data }) => this.heard(data.image));
    this.sync.addEventListener("saved", (event) =>
      this.changed(/** @type {CustomEvent} */ (event).detail.image),
    );
    this.sync.addEventListener("trouble", (event) =>
      notify(t("Not saved yet: {reason}", { reason: /** @type {CustomEvent} */ (event).detail })),
    );
    this.sync.addEventListener("signed-out", () => this.signIn());
    this.sync.addEventListener("unsafe", (event) =>
      notify(
        t(
          "This browser cannot store unsaved changes ({message}). Keep this page open until everything is saved.",
          { message: /** @type {CustomEvent} */ (event).detail.message },
        ),
      ),
    );
    addEventListener(
      "beforeunload",
      (event) => this.sync.unsafe && this.sync.counts.waiting && event.preventDefault(),
    );
    await this.openProject(); // what waits belongs to a person
    await outbox.open().catch((error) => this.sync.doubt(error));
    this.predictor.model = this.project.models[0];
    this.predictor
      .load()
      .catch((error) => notify(t("The model could not be loaded: {reason}.", { reason: reasonOf(error) })));
    this.sync.soon(0);
    addEventListener("hashchange", () => this.route());
    addEventListener("unhandledrejection", (event) =>
      notify(t("Something went wrong: {reason}.", { reason: reasonOf(event.reason) })),
    );
    await this.route();
  }

  /** Who makes masks here; null where the server asks nobody for a token. @returns {string | null} */
  get author() {
    const { name = ANYBODY } = this.project?.person ?? {};
    return name === ANYBODY ? null : name;
  }

  /** Ask for a token under an open page, once, and go on as the person that it belongs to. */
  signIn() {
    this.signing ??= this.goOnAs().finally(() => (this.signing = null));
  }

  async goOnAs() {
    if (this.storage instanceof ServerStorage) await signInDialog(this.storage);
    await this.openProject();
    await this.sync.outbox.adopt();
    this.changed(); // other tabs have the same person now
    this.sync.soon(0);
  }

  /** @returns {Promise<void>} */
  async openProject() {
    try {
      this.project = await this.storage.project();
    } catch (error) {
      if (error instanceof RefusedError && error.status === 401 && this.storage instanceof ServerStorage) {
        await signInDialog(this.storage);
        this.changed(); // other tabs have the same person now
        return this.openProject();
      }
      notify(t("The project could not be opened: {reason}.", { reason: reasonOf(error) }));
      await new Promise((resolve) => setTimeout(resolve, 2000));
      return this.openProject();
    }
  }

  /** Show what the address says; a screen that comes after the next address was chosen is dropped. */
  async route() {
    const { hash } = location;
    const id = imageIdIn(hash);
    if (!id) return this.show(GalleryScreen.of(this), "anymask");
    try {
      const screen = await EditorScreen.of(this, id);
      if (location.hash === hash) this.show(screen, `${screen.openImage.info.name} – anymask`);
    } catch (error) {
      if (location.hash !== hash) return;
      const gone = error instanceof RefusedError && error.status === 404;
      notify(
        gone
          ? t("This image is no longer in the project.")
          : t("The image could not be opened: {reason}.", { reason: reasonOf(error) }),
      );
      location.hash = GALLERY;
    }
  }

  /** @param {HTMLElement} screen @param {string} title */
  show(screen, title) {
    document.title = title;
    endOffers();
    this.screen = screen; // it asks about conflicts as soon as it is there
    fill(this, screen);
  }

  /** Someone else saved another version. @param {import("../storage/outbox.js").Entry} entry */
  async conflict(entry) {
    const open =
      this.screen instanceof EditorScreen && this.screen.openImage.info.id === entry.image
        ? this.screen
        : null;
    if (open) await conflictDialog(this, open, entry);
    else
      notify(t("Someone else changed a mask that you also changed."), {
        actions: [[t("Review"), () => (location.hash = imageAddress(entry.image))]],
      });
  }

  /** Tell this page's gallery and all other tabs that something is stored. @param {string | null} [image] */
  changed(image = null) {
    if (!image) this.order = null;
    this.tabs?.postMessage({ image });
  }

  /** Another tab stored something. @param {string | null} image null for anything but masks */
  async heard(image) {
    if (!image) {
      this.order = null;
      this.project = await this.storage.project().catch(() => this.project);
    }
    if (this.screen instanceof GalleryScreen) {
      if (image) this.screen.update(image);
      else this.screen.refresh();
    } else if (this.screen instanceof EditorScreen && (!image || this.screen.openImage.info.id === image))
      this.screen.refresh();
  }

  /** Open the first image with suggestions. */
  async reviewNext() {
    const { images } = await this.storage.images(null, 1, { show: "suggestions" });
    if (images.length) location.hash = imageAddress(images[0].id);
    else notify(t("There are no suggestions to review."));
  }

  /**
   * Save all labels; where they are refused they stay as they are.
   * @param {import("../types.js").Label[]} labels
   * @returns {Promise<string | null>} why they were not saved
   */
  async saveLabels(labels) {
    try {
      await this.storage.saveLabels(labels);
    } catch (error) {
      const used = error instanceof RefusedError && error.message.includes("masks use");
      const reason = used ? t("masks still have a label that you removed") : reasonOf(error);
      return t("The labels could not be saved: {reason}.", { reason });
    }
    this.project.labels = labels;
    this.changed();
    return null;
  }

  /** Order the images by name or by the queue. @param {"name" | "queue"} sort */
  sortBy(sort) {
    this.sort = sort;
    this.order = null;
  }

  /**
   * All images in order, for "next image"; requested once, and again after uploads.
   * @returns {Promise<ImageInfo[]>}
   */
  allImages() {
    this.order ??= this.listAll().catch((error) => {
      this.order = null;
      throw error;
    });
    return this.order;
  }

  async listAll() {
    /** @type {ImageInfo[]} */
    const all = [];
    let after = null;
    do {
      /** @type {{images: ImageInfo[], next: string | null}} */
      const { images, next } = await this.storage.images(after, IMAGES_AT_ONCE, { sort: this.sort });
      all.push(...images);
      after = next;
    } while (after);
    return all;
  }
}

customElements.define("am-app", App);
