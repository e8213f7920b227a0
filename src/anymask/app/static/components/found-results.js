/** The results of a search for similar objects: a threshold, a preview of each image, a choice. */
import { counted, decimal, t } from "../language.js";
import { dashed } from "../canvas/draw-mask.js";
import { drawThumbnail } from "../canvas/thumbnail.js";
import { PALETTE, toRgb } from "../masks/colours.js";
import { largeParts } from "../masks/parts.js";
import { fromString, toString } from "../masks/rle.js";
import { itemOf } from "../state/open-image.js";
import { h } from "./dom.js";

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../state/open-image.js").Item} Item */
/** @typedef {import("../storage/on-server.js").Found} Found */
/** @typedef {import("../storage/on-server.js").ImageFound} ImageFound */
/** @typedef {{image: ImageInfo, masks: (Found & {item: Item})[], left: boolean, card: HTMLElement}} Row */

const SIDE = 220; // pixels of a preview
const THRESHOLD = 0.85; // mean confidence below which a found object is rather another one
const INK = dashed(toRgb(PALETTE[0]));

export class FoundResults {
  /** @param {import("./app.js").App} app @param {ImageInfo[]} images @param {ImageFound[]} found */
  constructor(app, images, found) {
    this.app = app;
    this.threshold = THRESHOLD;
    const byId = new Map(images.map((image) => [image.id, image]));
    /** @type {ImageInfo[]} */
    this.failed = found.flatMap(({ image, error }) => (error ? (byId.get(image) ?? []) : []));
    /** @type {Row[]} */
    this.rows = found
      .flatMap(({ image: id, masks }) => {
        const image = byId.get(id);
        return image && masks.length ? [this.row(image, masks)] : [];
      })
      .sort((a, b) => best(b) - best(a));
    this.empty = images.length - this.rows.length - this.failed.length;
    this.summary = h("p", { role: "status" });
    this.add = h("button", { class: "primary" });
    this.seen = new IntersectionObserver((entries) => this.drawSeen(entries));
  }

  /** @param {ImageInfo} image @param {Found[]} masks @returns {Row} */
  row(image, masks) {
    const items = masks.flatMap(apart).map((mask) => ({
      ...mask,
      item: itemOf({ ...mask, id: "", revision: 0, prompts: null, model: null, seconds: 0 }),
    }));
    const card = h(
      "button",
      { type: "button", class: "found", onclick: () => this.leave(row) },
      h("canvas", { width: SIDE, height: Math.round((SIDE * 3) / 4) }),
      h("span", { class: "name" }, image.name),
      h("span", { class: "facts" }),
    );
    /** @type {Row} */
    const row = { image, masks: items, left: false, card };
    return row;
  }

  /** @param {() => void} cancel @param {() => void} suggest */
  element(cancel, suggest) {
    const value = h("output", { for: "found-threshold" }, decimal(this.threshold, 2));
    const slider = h("input", {
      type: "range",
      id: "found-threshold",
      min: 0,
      max: 1,
      step: 0.01,
      value: this.threshold,
      oninput: () => {
        this.threshold = Number(slider.value);
        value.textContent = decimal(this.threshold, 2);
        this.draw();
      },
    });
    this.add.addEventListener("click", suggest);
    this.draw();
    for (const { card } of this.rows) this.seen.observe(card);
    return h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "field" },
        h("label", { for: "found-threshold" }, t("Confidence at least")),
        slider,
        value,
      ),
      this.summary,
      h("div", { class: "found-grid" }, ...this.rows.map(({ card }) => card)),
      this.failed.length > 0 &&
        h(
          "p",
          { class: "problem" },
          t("Could not be searched: {failed}. Check that these files are whole.", {
            failed: this.failed.map(({ name }) => name).join(", "),
          }),
        ),
      h("div", { class: "row end" }, h("button", { onclick: cancel }, t("Cancel")), this.add),
    );
  }

  /** The masks of a row that the threshold and the person leave. @param {Row} row */
  chosen({ masks, left }) {
    return left ? [] : masks.filter(({ score }) => score >= this.threshold);
  }

  /** What to suggest. @returns {import("../storage/on-server.js").SuggestedMasks[]} */
  kept() {
    return this.rows
      .map((row) => ({
        image: row.image.id,
        masks: this.chosen(row).map(({ size, counts, score }) => ({
          size,
          counts,
          score: Math.min(score, 1),
        })),
      }))
      .filter(({ masks }) => masks.length);
  }

  /** Say that nothing is in an image, or take that back. @param {Row} row */
  leave(row) {
    row.left = !row.left;
    this.draw();
  }

  draw() {
    for (const row of this.rows) {
      const chosen = this.chosen(row);
      row.card.setAttribute("aria-pressed", String(chosen.length > 0));
      const facts = /** @type {HTMLElement} */ (row.card.querySelector(".facts"));
      facts.textContent = chosen.length
        ? `${counted(chosen.length, "region")}, ${decimal(best(row), 2)}`
        : t("nothing here");
    }
    const kept = this.kept();
    const masks = kept.reduce((sum, one) => sum + one.masks.length, 0);
    const none = this.rows.length - kept.length + this.empty;
    this.summary.textContent = t(
      "{objects} in {images}; nothing in {images2}. Click an image to leave it out.",
      {
        objects: counted(masks, "region"),
        images: counted(kept.length, "image"),
        images2: counted(none, "image"),
      },
    );
    this.add.textContent = t("Suggest {masks}", { masks: counted(masks, "mask") });
    this.add.disabled = masks === 0;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  drawSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.rows.find(({ card }) => card === target);
      if (!row || !isIntersecting) continue;
      this.seen.unobserve(target);
      this.preview(row);
    }
  }

  /** @param {Row} row */
  async preview({ image, masks, card }) {
    const source = await this.app.storage.thumb(image).catch(() => "");
    const photo = new Image();
    photo.src = source;
    await photo.decode().catch(() => {});
    const canvas = /** @type {HTMLCanvasElement} */ (card.querySelector("canvas"));
    const shapes = masks.map(({ item }) => ({ shape: item, ink: INK }));
    drawThumbnail(
      canvas,
      photo.complete && photo.naturalWidth ? photo : null,
      [image.height, image.width],
      shapes,
      { side: SIDE },
    );
  }
}

/** The regions of a found mask: the model paints all objects of a kind as one. @param {Found} found @returns {Found[]} */
const apart = (found) =>
  largeParts(fromString(found.counts), found.size).map((runs) => ({ ...found, counts: toString(runs) }));

/** @param {Row} row */
const best = ({ masks }) => Math.max(...masks.map(({ score }) => score));
