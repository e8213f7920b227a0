/** The comments on the open image and its masks: read, write, resolve. */
import { t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { fill, h } from "./dom.js";
import { notify } from "./toast.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../types.js").Comment} Comment */
/** @typedef {import("../storage/on-server.js").ServerStorage} ServerStorage */

const LONGEST = 4000; // letters

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function commentList(screen, signal) {
  const list = new CommentList(screen);
  screen.editor.addEventListener("select", () => list.describe(), { signal });
  list.load();
  return list.element;
}

class CommentList {
  /** @param {EditorScreen} screen */
  constructor(screen) {
    this.screen = screen;
    this.storage = /** @type {ServerStorage} */ (screen.app.storage);
    this.list = h("ul", { class: "plain stack comments", "aria-label": t("Comments") });
    this.text = h("textarea", { id: "new-comment", rows: 2, maxlength: LONGEST });
    this.about = h("span", { class: "note" });
    const send = h("button", { class: "small" }, t("Comment"));
    const form = h(
      "form",
      {
        class: "stack",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.send();
        },
      },
      h("label", { class: "note", for: "new-comment" }, t("New comment")),
      this.text,
      h("div", { class: "row" }, this.about, h("span", { class: "spacer" }), send),
    );
    this.element = h("div", { class: "stack" }, this.list, form);
    this.describe();
  }

  get image() {
    return this.screen.openImage.info.id;
  }

  describe() {
    this.about.textContent = this.screen.editor.selected ? t("About this mask") : t("About the image");
  }

  async load() {
    const comments = await this.storage.comments(this.image).catch(() => null);
    if (!comments) return fill(this.list, h("li", { class: "note" }, t("The comments could not be loaded.")));
    fill(this.list, ...comments.map((one) => this.row(one)));
    const { info } = this.screen.openImage;
    info.comments = comments.filter(({ resolved }) => !resolved).length;
    this.screen.openImage.dispatchEvent(new Event("info"));
  }

  /** @param {Comment} comment */
  row(comment) {
    const { id, mask_id: mask, text, author, time, resolved } = comment;
    const when = new Date(time * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
    const show = () => {
      const item = mask && this.screen.openImage.items.get(mask);
      if (!item) return notify(t("The mask of this comment was deleted."));
      this.screen.editor.select(item.id);
      this.screen.imageCanvas.reveal(item.box);
    };
    return h(
      "li",
      { class: resolved ? "comment resolved" : "comment" },
      h("p", { class: "facts" }, `${author}, ${when}${resolved ? `, ${t("resolved")}` : ""}`),
      h("p", { class: "text" }, text),
      h(
        "div",
        { class: "row" },
        mask && h("button", { class: "quiet small", onclick: show }, t("Show the mask")),
        h(
          "button",
          {
            class: "quiet small",
            onclick: () => this.change(() => this.storage.resolveComment(this.image, id, !resolved)),
          },
          resolved ? t("Open again") : t("Resolve"),
        ),
      ),
    );
  }

  async send() {
    const text = this.text.value.trim();
    if (!text) return;
    const { selected } = this.screen.editor;
    const done = await this.change(() =>
      this.storage.saveComment(this.image, crypto.randomUUID(), { text, mask_id: selected }),
    );
    if (done) this.text.value = ""; // what could not be saved stays in the field
  }

  /** @param {() => Promise<unknown>} act */
  async change(act) {
    try {
      await act();
    } catch (error) {
      notify(t("The comment could not be saved: {reason}.", { reason: reasonOf(error) }));
      return false;
    }
    await this.load();
    this.screen.app.changed();
    return true;
  }
}
