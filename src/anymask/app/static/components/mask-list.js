/** The list of the masks of an image: thumbnails, selection, hiding, locking, a filter. */
import { counted, number, t } from "../language.js";
import { ink } from "../canvas/draw-mask.js";
import { around, drawThumbnail } from "../canvas/thumbnail.js";
import { suggestionsOf } from "../state/suggestions.js";
import { wordsOf } from "../state/words.js";
import { toRgb } from "../masks/colours.js";
import { fill, h, set } from "./dom.js";
import { icon } from "./icons.js";
import { RowGroups } from "./row-groups.js";

/** @typedef {import("./editor-screen.js").EditorScreen} EditorScreen */
/** @typedef {import("../state/open-image.js").Item} Item */

const THUMBNAIL = 72; // pixels, shown at half of that
const FILTERED = 6; // masks from which the filter is worth its place
const SUGGESTIONS = "suggestions";

/** @param {EditorScreen} screen @param {AbortSignal} signal */
export function maskList(screen, signal) {
  const list = new MaskList(screen, signal);
  return h("section", { class: "grow" }, list.title, list.filter, list.list);
}

class MaskList {
  /** @param {EditorScreen} screen @param {AbortSignal} signal */
  constructor(screen, signal) {
    this.screen = screen;
    this.title = h("h2", {});
    this.list = h("div", { class: "masks", role: "list", "aria-label": t("Masks") });
    this.filter = h("select", {
      class: "filter",
      "aria-label": t("Show masks"),
      onchange: () => this.filterRows(),
    });
    this.rows = new RowGroups(this.list, (id) => this.makeRow(id), signal);
    /** Rows in sight have their thumbnails. */
    this.seen = new IntersectionObserver((entries) => this.drawSeen(entries), { root: this.list });
    signal.addEventListener("abort", () => this.seen.disconnect());
    this.listen(signal);
    queueMicrotask(() => {
      this.reset();
      screen.panel.addEventListener("labels", () => this.reset(), { signal });
      screen.imageCanvas.addEventListener("shown", () => this.reset(), { signal });
    });
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const { editor, openImage } = this.screen;
    const on = (
      /** @type {EventTarget} */ target,
      /** @type {string} */ type,
      /** @type {(detail: any) => void} */ act,
    ) => target.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    on(openImage, "masks", (changes) => {
      for (const { id } of changes) this.put(id);
      this.describe();
    });
    on(editor.visibility, "change", (ids) => ids.forEach((/** @type {string} */ id) => this.mark(id)));
    on(editor, "select", ({ before, now }) => {
      this.press(before, false);
      this.press(now, true);
      const row = now && this.rows.make(now);
      if (row) requestAnimationFrame(() => bringIntoSight(this.list, row)); // with the layout of that frame
    });
  }

  reset() {
    for (const id of this.screen.openImage.items.keys()) this.put(id);
    this.describe();
  }

  describe() {
    const open = suggestionsOf(this.screen.editor).length;
    const masks = this.screen.openImage.items.size - open;
    const also = open ? `, ${counted(open, "suggestion")}` : "";
    this.title.textContent = masks || open ? `${counted(masks, "mask")}${also}` : t("No masks yet");
    this.fillFilter();
    this.filterRows();
  }

  /** Offer what there is to choose from: labels, masks without one, suggestions. */
  fillFilter() {
    const { openImage, app } = this.screen;
    const items = [...openImage.items.values()];
    const used = new Set(items.map(({ label }) => label));
    const labels = app.project.labels.filter(({ id }) => used.has(id));
    const choices = [
      ["", t("All masks")],
      ...labels.map(({ id, name }) => [`label ${id}`, name]),
      ...(labels.length ? [["label ", t("Without a label")]] : []),
      ...(items.some(({ suggestedBy }) => suggestedBy) ? [[SUGGESTIONS, t("Suggestions")]] : []),
    ];
    const before = this.filter.value;
    const key = JSON.stringify(choices);
    if (this.filter.dataset.key !== key)
      fill(this.filter, ...choices.map(([value, text]) => h("option", { value }, text)));
    this.filter.dataset.key = key;
    this.filter.value = choices.some(([value]) => value === before) ? before : "";
    this.filter.hidden = choices.length < 2 || items.length < FILTERED;
  }

  filterRows() {
    const { value } = this.filter;
    this.rows.filter((id) => {
      const item = this.screen.openImage.items.get(id);
      const wanted = value === SUGGESTIONS ? item?.suggestedBy : value === `label ${item?.label ?? ""}`;
      return item !== undefined && (value === "" || Boolean(wanted));
    });
  }

  /** Bring the row of a mask up to date. @param {string} id */
  put(id) {
    const row = this.rows.get(id);
    if (row) this.seen.unobserve(row);
    if (!this.screen.openImage.items.has(id)) this.rows.remove(id);
    else if (row) this.fillRow(row, id);
    else this.rows.add(id);
  }

  /** @param {string} id */
  makeRow(id) {
    const row = h("div", {
      role: "listitem",
      "data-id": id,
      onmouseenter: () => this.screen.editor.visibility.hover(id),
      onmouseleave: () => this.screen.editor.visibility.hover(null),
    });
    this.fillRow(row, id);
    return row;
  }

  /** @param {HTMLElement} row @param {string} id */
  fillRow(row, id) {
    const item = this.screen.openImage.items.get(id);
    if (!item) return;
    fill(row, ...this.content(item));
    this.mark(id, row);
    this.seen.observe(row);
  }

  /** @param {Item} item */
  content(item) {
    const { editor, app, imageCanvas } = this.screen;
    const canvas = h("canvas", { class: "thumbnail", width: 1, height: 1, "aria-hidden": "true" });
    canvas.style.borderColor = imageCanvas.colourOf(item.id);
    const label =
      app.project.labels.find(({ id }) => id === item.label)?.name ??
      wordsOf(item.suggestedBy ?? "") ??
      t("Mask");
    const name = item.suggestedBy ? `${label}?` : label;
    const toggle = (
      /** @type {"hidden" | "locked"} */ what,
      /** @type {string} */ symbol,
      /** @type {string} */ text,
    ) =>
      h(
        "button",
        {
          class: `icon-button ${what}`,
          "aria-label": `${text} ${name}`,
          title: text,
          onclick: () => editor.visibility.toggle(what, item.id),
        },
        icon(symbol),
      );
    return [
      h(
        "button",
        {
          class: "mask",
          "aria-pressed": String(item.id === editor.selected),
          onclick: (/** @type {MouseEvent} */ event) =>
            event.shiftKey || event.ctrlKey ? editor.visibility.toggle("marked", item.id) : this.pick(item),
        },
        canvas,
        h("span", { class: "name" }, name),
        h("span", { class: "facts" }, `${number(item.area)} px`),
      ),
      toggle("hidden", "eye", t("Hide")),
      toggle("locked", "lock", t("Lock")),
    ];
  }

  /** Select a mask and bring it into sight; a second time deselects it. @param {Item} item */
  pick({ id, box }) {
    const { editor, imageCanvas } = this.screen;
    editor.select(id === editor.selected ? null : id);
    if (editor.selected) imageCanvas.reveal(box);
  }

  /** Show whether a mask is hidden, locked or pointed at. @param {string} id @param {HTMLElement} [row] */
  mark(id, row = this.rows.get(id)) {
    const { hidden, locked, marked, hovered } = this.screen.editor.visibility;
    if (!row) return;
    row.classList.toggle("hovered", hovered === id);
    row.classList.toggle("marked", marked.has(id));
    const name = row.querySelector(".name");
    if (name) set(name, { "aria-description": marked.has(id) ? t("marked") : null });
    for (const [name, ids] of /** @type {[string, Set<string>][]} */ ([
      ["hidden", hidden],
      ["locked", locked],
    ])) {
      const toggle = row.querySelector(`.${name}`);
      if (toggle) set(toggle, { "aria-pressed": String(ids.has(id)) });
    }
  }

  /** @param {string | null} id @param {boolean} pressed */
  press(id, pressed) {
    const button = id && this.rows.get(id)?.firstElementChild;
    if (button) set(button, { "aria-pressed": String(pressed) });
  }

  /** @param {IntersectionObserverEntry[]} entries */
  drawSeen(entries) {
    const { openImage, imageCanvas } = this.screen;
    for (const { target, isIntersecting } of entries) {
      const item = openImage.items.get(/** @type {HTMLElement} */ (target).dataset.id ?? "");
      const canvas = target.querySelector("canvas");
      if (!isIntersecting || !item || !canvas || !imageCanvas.image) continue;
      this.seen.unobserve(target);
      const mask = { shape: item, ink: { ...ink(toRgb(imageCanvas.colourOf(item.id))), fill: 0 } };
      const region = around(item.box, openImage.size);
      drawThumbnail(canvas, imageCanvas.image, openImage.size, [mask], { side: THUMBNAIL, region });
    }
  }
}

/** Scroll a list to one of its rows, and nothing around the list. @param {HTMLElement} list @param {HTMLElement} row */
function bringIntoSight(list, row) {
  const [around, at] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  if (at.top < around.top) list.scrollTop -= around.top - at.top;
  else if (at.bottom > around.bottom) list.scrollTop += at.bottom - around.bottom;
}
