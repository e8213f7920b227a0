/** What a person does with the open image: the selected mask, the tool, and the model's answers. */
import { t } from "../language.js";
import { reasonOf } from "../storage/errors.js";
import { Viewport } from "../geometry/viewport.js";
import { decode, encode } from "../masks/rle.js";
import { corrected, draftOf, newDraft } from "./draft.js";
import { reshape } from "./editing.js";
import { dropClick, keepClick } from "./pending-click.js";
import { defaultSettings } from "./settings.js";
import { LogitsCache } from "./logits-cache.js";
import { Visibility } from "./visibility.js";

/** @typedef {import("../types.js").Clicks} Clicks */
/** @typedef {import("../types.js").Runs} Runs */
/** @typedef {import("../types.js").Hypothesis} Hypothesis */
/** @typedef {import("./open-image.js").Item} Item */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {import("./draft.js").Draft} Draft */

const LONGEST_THOUGHT = 60; // seconds that count as work between two steps at most

/** Emits "select", "tool", "answer", "view", "busy", "refining", and "notice" with a sentence as detail. */
export class Editor extends EventTarget {
  /**
   * @param {import("./open-image.js").OpenImage} openImage
   * @param {import("../inference/predictor.js").Predictor} predictor
   * @param {Promise<Blob>} file of the image
   */
  constructor(openImage, predictor, file) {
    super();
    this.openImage = openImage;
    this.predictor = predictor;
    this.file = file;
    /** @type {string | null} */
    this.selected = null;
    /** Label of new masks. @type {string | null} */
    this.label = null;
    /** @type {Draft | null} */
    this.draft = null;
    /**
     * Predicted masks to choose from for the selected one.
     * @type {{id: string, model: string, hypotheses: Hypothesis[], chosen: number} | null}
     */
    this.answers = null;
    /** @type {Tool | null} */
    this.tool = null;
    /** Where a preview is wanted. @type {[number, number] | null} */
    this.wished = null;
    this.settings = defaultSettings();
    this.visibility = new Visibility();
    /** The mask that is refined now: it may still change. @type {string | null} */
    this.refined = null;
    this.view = new Viewport(openImage.size);
    this.asking = 0;
    /** Questions under way whose answers are still wanted. @type {Set<Draft>} */
    this.open = new Set();
    openImage.addEventListener("masks", (event) => this.forget(/** @type {CustomEvent} */ (event).detail));
    this.logits = new LogitsCache();
    /** Stops the refinement under way. */
    this.stopping = new AbortController();
    this.since = performance.now();
  }

  /** The selected mask. @returns {Item | null} */
  get item() {
    return (this.selected && this.openImage.items.get(this.selected)) || null;
  }

  /** @param {string | null} id */
  select(id) {
    if (id !== this.draft?.id) this.draft = null;
    if (id !== this.answers?.id) this.answers = null;
    const before = this.selected;
    this.selected = id;
    this.since = performance.now();
    this.emit("select", { before, now: id });
  }

  /** @param {Tool} tool */
  use(tool) {
    this.tool?.leave();
    this.tool = tool;
    tool.enter();
    this.emit("tool");
  }

  /** @param {Partial<Editor["settings"]>} some */
  set(some) {
    Object.assign(this.settings, some);
    this.emit("view", some);
  }

  /**
   * A new click for the selected mask, or for a new one.
   * @param {[number, number]} point
   * @param {0 | 1} label
   */
  addPoint(point, label) {
    const item = corrected(this.item, point);
    if (item && this.isLocked(item.id)) return;
    const draft = this.draft ?? (item ? draftOf(item) : null);
    if (!draft && label === 0) return this.notice(t("Click an object first, then the parts to exclude."));
    const { id, clicks, base } = draft ?? newDraft();
    return this.predict({
      id,
      base,
      clicks: { ...clicks, points: [...clicks.points, point], labels: [...clicks.labels, label] },
      logits: item && this.logitsOf(item),
    });
  }

  /** Those of the answer that a mask is, for the next click to go on from. @param {Item} item */
  logitsOf({ runs, model }) {
    return model === this.predictor.model ? this.logits.of(runs) : null;
  }

  /** Show what a click would give; null for nothing. @param {[number, number] | null} point */
  preview(point) {
    this.wished = point;
    if (!point || !this.settings.preview || this.item || this.draft || this.asking)
      return this.emit("preview", null);
    this.predictor.preview(async () => {
      if (this.wished !== point) return;
      const clicks = { points: [point], labels: [1], box: null };
      const { hypotheses, chosen } = await this.predictor.predict(this.openImage.info, this.file, clicks);
      if (this.wished === point) this.emit("preview", hypotheses[chosen]);
    });
  }

  /** Ask again about a click whose mask a reload of the page cut off. @param {import("./pending-click.js").Pending} pending */
  resume({ id, clicks, base, label }) {
    this.label = label;
    if (this.openImage.items.has(id)) this.select(id);
    return this.predict({ id, clicks, base, logits: null });
  }

  /** @param {import("../types.js").Box} rectangle */
  addBox(rectangle) {
    return this.predict(newDraft(rectangle));
  }

  /** @param {Draft} draft */
  async predict(draft) {
    if (this.openImage.refuses()) return;
    this.draft = draft;
    this.open.add(draft);
    keepClick(this.openImage.info.id, draft, this.label, this.openImage.sync.outbox.author());
    this.busy(1);
    /** @type {Hypothesis | null} */
    let shown = null;
    const show = (/** @type {import("../inference/worker-client.js").Answer} */ answer) => {
      if (this.open.has(draft)) shown = this.answer(draft, answer, shown);
    };
    const first = (/** @type {import("../inference/worker-client.js").Answer} */ answer) => {
      show(answer);
      if (shown) this.refining(draft.id);
    };
    try {
      show(await this.predictRefined(draft.clicks, draft.logits ?? draft.base, first));
    } catch (error) {
      if (this.draft === draft) this.draft = null;
      this.notice(t("The model failed: {reason}.", { reason: reasonOf(error) }));
    } finally {
      this.open.delete(draft);
      if (!shown) dropClick(draft);
      this.refining(null, draft.id);
      this.busy(-1);
    }
  }

  /**
   * Say that a mask is shown before its refinement, or that it is not refined any more.
   * @param {string | null} id
   * @param {string} [only] where this one is refined
   */
  refining(id, only) {
    if (only && this.refined !== only) return;
    this.refined = id;
    this.emit("refining");
  }

  /**
   * A mask that was deleted does not come back with an answer that was under way.
   * @param {import("./undo-history.js").Change[]} changes
   */
  forget(changes) {
    const gone = new Set(changes.filter(({ after }) => !after).map(({ id }) => id));
    for (const draft of this.open) if (gone.has(draft.id) && this.open.delete(draft)) dropClick(draft);
  }

  /**
   * @param {Clicks} clicks
   * @param {Runs | Float32Array | null} base
   * @param {(answer: import("../inference/worker-client.js").Answer) => void} [first] gets the answer before refinement
   */
  predictRefined(clicks, base, first = () => {}) {
    this.stopping.abort();
    this.stopping = new AbortController();
    return this.predictor.predict(this.openImage.info, this.file, clicks, base, {
      first,
      signal: this.stopping.signal,
    });
  }

  /**
   * Show an answer: as a step of work, or in the place of the first pass if that is still there.
   * @param {Draft} draft
   * @param {import("../inference/worker-client.js").Answer} answer
   * @param {Hypothesis | null} shown
   */
  answer(draft, { hypotheses, chosen, model }, shown) {
    const best = hypotheses[chosen];
    const { runs, box: at, area: pixels, score } = best;
    if (shown) {
      const same = this.answers?.id === draft.id && this.draft === draft && pixels > 0;
      if (!same || !this.openImage.refine(draft.id, shown.runs, { runs, box: at, area: pixels, score }))
        return shown;
    } else if (pixels === 0) return this.empty();
    this.answers = { id: draft.id, model, hypotheses, chosen };
    this.logits.remember(best);
    if (shown) this.emit("answer");
    else if (!this.take("Predict a mask", draft, model, best)) return this.refused(draft);
    return best;
  }

  /** An answer whose mask takes no changes any more: its question is forgotten. @param {Draft} draft */
  refused(draft) {
    this.open.delete(draft);
    this.answers = null;
    if (this.draft === draft) this.draft = null;
    return null;
  }

  /** Forget the question and its answers: the masks were changed by something else. */
  settle() {
    this.draft = this.answers = null;
    this.emit("answer");
  }

  empty() {
    this.notice(t("The model found nothing there. Try a box or the brush."));
    return null;
  }

  /** Go through the large, the medium and the small mask. @param {number} step */
  async cycle(step) {
    const item = this.item;
    if (!item || this.isLocked(item.id)) return;
    if (!this.answers) {
      if (!item.clicks)
        return this.notice(t("This mask was drawn by hand, so there are no alternatives to choose from."));
      const { model, hypotheses } = await this.predictRefined(item.clicks, null);
      if (this.item !== item) return; // another mask is selected now, or this one changed
      const chosen = hypotheses.findIndex(({ area }) => area === item.area);
      this.answers = { id: item.id, model, hypotheses, chosen: Math.max(chosen, 0) };
    }
    const { hypotheses, chosen } = this.answers;
    const count = hypotheses.length;
    this.choose((chosen + step + count) % count);
  }

  /** @param {number} chosen */
  choose(chosen) {
    if (!this.answers || !this.item) return;
    this.answers.chosen = chosen;
    const { model, hypotheses } = this.answers;
    const best = hypotheses[chosen];
    this.logits.remember(best);
    this.take("Choose another mask", this.draft ?? draftOf(this.item), model, best);
  }

  /**
   * Make a mask of an answer.
   * @param {string} name
   * @param {Draft} draft
   * @param {string} model
   * @param {Hypothesis} hypothesis
   * @returns {boolean} whether the mask takes changes
   */
  take(name, draft, model, { runs, box: at, area: pixels, score }) {
    const clicks = draft.base ? null : draft.clicks;
    const safe = this.change(name, draft.id, { runs, box: at, area: pixels, score, clicks, model });
    safe?.then(() => dropClick(draft));
    this.emit("answer");
    return safe !== undefined;
  }

  /**
   * Change a mask by hand.
   * @param {string} name
   * @param {Uint8Array} bits
   * @param {import("../types.js").Box} within
   * @param {string | null} id
   */
  draw(name, bits, within, id) {
    reshape(this, name, id, encode(bits, this.openImage.size, within));
  }

  /**
   * One step of work on one mask, which is selected then.
   * @param {string} name
   * @param {string} id
   * @param {Partial<Item>} some
   */
  change(name, id, some) {
    if (this.isLocked(id)) return;
    const before = this.openImage.items.get(id) ?? null;
    const spent = Math.min((performance.now() - this.since) / 1000, LONGEST_THOUGHT);
    const blank = {
      id,
      runs: new Uint32Array(),
      box: /** @type {import("../types.js").Box} */ ([0, 0, 0, 0]),
      area: 0,
      label: this.label,
      clicks: null,
      score: null,
      model: null,
      seconds: 0,
    };
    const old = before ?? blank;
    const seconds = Math.round((old.seconds + spent) * 10) / 10;
    const after = { ...old, ...some, suggestedBy: null, seconds }; // who corrects a suggestion accepts it
    const safe = this.openImage.step(name, [{ id, before, after }]);
    if (this.selected !== id) this.select(id);
    this.since = performance.now();
    return safe;
  }

  /** Many new masks in one step. @param {Partial<Item>[]} many @param {string} [name] of the step */
  add(many, name = `Keep ${many.length} masks`) {
    const changes = many.map((some) => {
      const { id = crypto.randomUUID() } = some;
      const blank = { id, label: this.label, clicks: null, score: null, model: null, seconds: 0 };
      return { id, before: null, after: /** @type {Item} */ ({ ...blank, ...some }) };
    });
    this.openImage.step(name, changes);
  }

  /** @param {string} [id] */
  remove(id = this.selected ?? "") {
    const before = this.openImage.items.get(id);
    if (!before || this.isLocked(id)) return;
    if (id === this.selected) this.select(null);
    this.openImage.step("Delete a mask", [{ id, before, after: null }]);
  }

  /** Whether a mask is locked, or the image closed, which is said then. @param {string} id */
  isLocked(id) {
    if (this.openImage.refuses()) return true;
    const locked = this.visibility.locked.has(id);
    if (locked) this.notice(t("This mask is locked. Unlock it in the list of masks to change it."));
    return locked;
  }

  /** Give the selected mask, and those made after it, a label. @param {string | null} label */
  setLabel(label) {
    this.label = label;
    if (this.item && this.item.label !== label) this.change("Label a mask", this.item.id, { label });
    this.emit("view", { label });
  }

  /** @param {"undo" | "redo"} way */
  travel(way) {
    const entry = this.openImage[way]();
    if (!entry) return;
    this.settle();
    const last = entry.changes.length === 1 ? entry.changes[0] : null;
    if (last?.after && last.before && last.before.label !== last.after.label) this.label = last.after.label;
    this.select(last?.after ? last.id : null);
  }

  /** The bits of the mask that the next stroke changes. */
  bits() {
    const item = this.item;
    return {
      id: item?.id ?? null,
      bits: item
        ? decode(item.runs, this.openImage.size)
        : new Uint8Array(this.openImage.size[0] * this.openImage.size[1]),
      box: item?.box ?? null,
    };
  }

  /** @param {number} by */
  busy(by) {
    this.asking += by;
    this.emit("busy");
  }

  /** @param {string} sentence */
  notice(sentence) {
    this.emit("notice", sentence);
  }

  /** @param {string} type @param {unknown} [detail] */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
