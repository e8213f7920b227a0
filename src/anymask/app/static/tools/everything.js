/** Find everything: candidates are made once, and thresholds choose among them at once. */
import { t } from "../language.js";
import { NMS_IOU } from "../constants.js";
import { OfflineError, reasonOf } from "../storage/errors.js";
import { select, unlike } from "../masks/candidates.js";
import { area, box, contains, fromString } from "../masks/rle.js";
import { Tool } from "./tool.js";
import { imageKey } from "../inference/predictor.js";

/** @typedef {import("../types.js").Candidate} Candidate */
/** @typedef {import("./tool.js").Point} Point */
/** @typedef {{iou: number, stability: number, overlap: number, area: number}} Thresholds */

const TELLING = 0.05; // share of the work after which the rest can be estimated
const USUAL_SIDE = 24; // points along each side
const MOST_OVERLAP = 0.95; // IoU of boxes; the server has removed masks that are alike already
const FLOOR = 0.2; // candidates are kept down to this far below the model's own thresholds

/**
 * @param {number} share that is done, from 0 to 1 @param {number} spent seconds
 * @returns {number | null} null while too little is done to tell
 */
export const secondsLeft = (share, spent) =>
  share < TELLING ? null : Math.ceil((spent / share) * (1 - share));

/** Emits through the editor: "candidates". */
export class EverythingTool extends Tool {
  cursor = "pointer";
  /** @type {Candidate[]} */
  candidates = [];
  /** Those above the thresholds. @type {Candidate[]} */
  chosen = [];
  /** @type {Thresholds} */
  thresholds = { iou: 0, stability: 0, overlap: NMS_IOU, area: 0 };
  /** @type {{iou: number, stability: number} | null} */
  floors = null;
  /** What made the candidates. @type {string | null} */
  model = null;
  side = USUAL_SIDE;
  began = 0;
  progress = 0;
  /** Seconds that finding takes still, by those it took so far; null while that says nothing. @type {number | null} */
  left = null;
  /** @type {AbortController | null} */
  running = null;

  get hint() {
    if (this.running) return t("Finding masks. Click a mask to keep it.");
    return this.candidates.length
      ? t("Adjust the sliders, then click a mask to keep it, or keep all.")
      : t("Find all masks in the image, then filter them with the sliders.");
  }

  enter() {
    this.changed();
  }

  leave() {
    this.stop();
    this.editor.emit("candidates", []);
  }

  /** Run the model on a grid of points over the whole image. */
  async start() {
    this.stop();
    const running = (this.running = new AbortController());
    this.candidates = [];
    this.progress = 0;
    this.left = null;
    this.changed();
    try {
      await this.generate(running.signal);
    } catch (error) {
      if (!running.signal.aborted)
        this.editor.notice(t("The model failed: {reason}.", { reason: reasonOf(error) }));
    }
    if (this.running === running) this.running = null;
    this.changed();
  }

  /** By the server where there is one that responds, else in the page. @param {AbortSignal} signal */
  async generate(signal) {
    const { storage } = this.editor.predictor;
    this.began = performance.now();
    try {
      if (storage.everything) return await this.generateThere(signal);
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error;
      this.model = null; // its thresholds are others
    }
    await this.generateHere(signal);
  }

  /** @param {number} share that is done */
  tick(share) {
    this.progress = share;
    this.left = secondsLeft(share, (performance.now() - this.began) / 1000);
    this.changed();
  }

  /** Masks above the server's own thresholds, which the sliders raise. @param {AbortSignal} signal */
  async generateThere(signal) {
    const { predictor, openImage } = this.editor;
    const { model, storage } = predictor;
    const { info, size } = openImage;
    if (model !== this.model) Object.assign(this.thresholds, { iou: 0, stability: 0, overlap: MOST_OVERLAP });
    this.model = model;
    this.floors = { iou: 0, stability: 0 };
    const side = this.side === USUAL_SIDE ? null : this.side;
    const tick = (/** @type {number} */ share) => signal.aborted || this.tick(share);
    const found = (await storage.everything?.(info.id, { model, side }, tick, signal)) ?? [];
    if (signal.aborted) return;
    this.candidates = found.map(({ counts, score, stability }) => {
      const runs = fromString(counts);
      return { runs, box: box(runs, size), area: area(runs), iou: score, stability: stability ?? 1 };
    });
  }

  /** @param {AbortSignal} signal */
  async generateHere(signal) {
    const { predictor, openImage, file } = this.editor;
    const image = imageKey(openImage.info);
    const { model } = predictor;
    const { thresholds } = await predictor.load();
    if (model !== this.model)
      this.thresholds = { ...this.thresholds, iou: thresholds.min_iou, stability: thresholds.min_stability };
    this.model = model;
    const floors = (this.floors = {
      iou: Math.max(thresholds.min_iou - FLOOR, 0),
      stability: Math.max(thresholds.min_stability - FLOOR, 0),
    });
    await predictor.prepare(openImage.info, file);
    await predictor.client.generateMasks(
      { model, image, side: this.side, floors },
      ({ found, done, total }) => {
        if (signal.aborted) return;
        this.candidates.push(...found);
        this.tick(done / total);
      },
      signal,
    );
  }

  stop() {
    this.running?.abort();
    this.running = null;
    this.changed();
  }

  /** @param {Partial<Thresholds>} some */
  choose(some) {
    Object.assign(this.thresholds, some);
    this.changed();
  }

  changed() {
    const made = [...this.editor.openImage.items.values()];
    this.chosen = unlike(select(this.candidates, this.thresholds), made);
    this.editor.emit("candidates", this.chosen);
  }

  /** Make masks of candidates. @param {Candidate[]} some */
  keep(some) {
    if (!some.length) return;
    this.editor.add(
      some.map(({ runs, iou, point, ...shape }) => ({
        runs,
        box: shape.box,
        area: shape.area,
        model: this.model,
        score: Math.min(1, Math.max(0, iou)),
        clicks: point ? { points: [point], labels: [1], box: null } : null,
      })),
    );
    this.changed();
  }

  keepAll() {
    const all = this.chosen;
    this.stop();
    this.keep(all.toSorted((a, b) => b.area - a.area)); // parts lie on their wholes
  }

  /** @param {Point} point */
  down([x, y]) {
    const { openImage } = this.editor;
    const hit = this.chosen.filter((one) => contains(one.runs, openImage.size, x, y));
    if (hit.length) this.keep([hit.reduce((a, b) => (b.area < a.area ? b : a))]);
  }
}
