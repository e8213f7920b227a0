/** Changes of whole masks: shapes drawn by hand, holes, islands, cuts, merges, copies. */
import { t } from "../language.js";
import { area, box, subtract, union } from "../masks/rle.js";
import { cutAlong, dropIslands, fillHoles, partsOf, runsOf } from "../masks/parts.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./open-image.js").Item} Item */
/** @typedef {import("./undo-history.js").Change} Change */
/** @typedef {import("../types.js").Runs} Runs */

/** @param {Runs} runs @param {import("../types.js").Size} size */
export const shapeOf = (runs, size) => ({ runs, box: box(runs, size), area: area(runs) });

/**
 * Give a mask another shape, or make a new one; a mask without pixels is deleted.
 * @param {Editor} editor @param {string} name of the step @param {string | null} id @param {Runs} runs
 */
export function reshape(editor, name, id, runs) {
  const shape = shapeOf(runs, editor.openImage.size);
  if (shape.area === 0) return id ? editor.remove(id) : undefined;
  editor.settle();
  editor.change(name, id ?? crypto.randomUUID(), { ...shape, clicks: null });
}

/**
 * Add a region to the selected mask, or remove it; without a selected mask make a new one of it.
 * @param {Editor} editor @param {string} name of the step @param {Runs} runs @param {0 | 1} label 0 to remove
 */
export function addOrRemove(editor, name, runs, label) {
  const { item } = editor;
  if (!item && !label) return editor.notice(t("Select a mask to remove from first."));
  reshape(editor, name, item?.id ?? null, item ? (label ? union : subtract)(item.runs, runs) : runs);
}

/** @param {Editor} editor */
export function fillAllHoles(editor) {
  change(editor, "Fill holes", t("This mask has no holes."), (item) =>
    fillHoles(item.runs, editor.openImage.size, item.box),
  );
}

/** @param {Editor} editor */
export function dropAllIslands(editor) {
  change(editor, "Drop islands", t("This mask has one part only."), (item) =>
    dropIslands(item.runs, editor.openImage.size),
  );
}

/** @param {Editor} editor @param {string} name @param {string} nothing what to say if nothing changes @param {(item: Item) => Runs} rule */
function change(editor, name, nothing, rule) {
  const { item } = editor;
  if (!item) return editor.notice(t("Select a mask first."));
  const runs = rule(item);
  if (runs === item.runs) return editor.notice(nothing);
  reshape(editor, name, item.id, runs);
}

/** Make a mask of every part of the selected one. @param {Editor} editor */
export function separateParts(editor) {
  const { item, openImage } = editor;
  if (!item) return editor.notice(t("Select a mask first."));
  const parts = partsOf(item.runs, openImage.size);
  if (parts.length < 2) return editor.notice(t("This mask has one part only. Cut it with the Cut tool (S)."));
  divide(
    editor,
    item,
    parts.map(({ segments }) => runsOf(segments, openImage.size)),
  );
}

/** Cut the selected mask along a line. @param {Editor} editor @param {[number, number][]} line */
export function cut(editor, line) {
  const { item, openImage } = editor;
  if (!item) return editor.notice(t("Select a mask to cut first."));
  const pieces = cutAlong(item.runs, openImage.size, line);
  if (pieces.length < 2)
    return editor.notice(t("Draw the line across the whole mask, from outside to outside."));
  divide(editor, item, pieces);
}

/** The first piece stays the mask, the others are new masks with its label. @param {Editor} editor @param {Item} item @param {Runs[]} pieces */
function divide(editor, item, pieces) {
  if (editor.isLocked(item.id)) return;
  const { openImage } = editor;
  const made = pieces.map((runs, i) => ({
    ...drawnBy(item),
    ...shapeOf(runs, openImage.size),
    id: i ? crypto.randomUUID() : item.id,
    seconds: i ? 0 : item.seconds,
  }));
  const changes = made.map((after, i) => ({ id: after.id, before: i ? null : item, after }));
  step(editor, `Split into ${made.length}`, changes, item.id);
}

/** Masks that a command is about: the marked ones and the selected one. @param {Editor} editor @returns {Item[]} */
export function chosen({ openImage, visibility, selected }) {
  return [...openImage.items.values()].filter(({ id }) => visibility.marked.has(id) || id === selected);
}

/** Merge the marked masks into the selected one, or into the first of them. @param {Editor} editor */
export function merge(editor) {
  const some = chosen(editor);
  if (some.length < 2)
    return editor.notice(t("Mark two or more masks to merge: with I, or Shift and a click."));
  if (some.some(({ id }) => editor.isLocked(id))) return;
  const first = editor.item ?? some[0];
  const runs = some.map((one) => one.runs).reduce(union);
  const after = { ...drawnBy(first), ...shapeOf(runs, editor.openImage.size) };
  const changes = [
    { id: first.id, before: first, after },
    ...some.filter(({ id }) => id !== first.id).map((before) => ({ id: before.id, before, after: null })),
  ];
  editor.visibility.unmark();
  step(editor, `Merge ${some.length} masks`, changes, first.id);
}

/**
 * Lay the selected mask on top of all others, or under them.
 * @param {Editor} editor @param {boolean} front
 */
export function layer(editor, front) {
  const { item, openImage } = editor;
  if (!item) return editor.notice(t("Select a mask first."));
  const others = [...openImage.items.values()]
    .filter(({ id }) => id !== item.id)
    .map(({ depth = 0 }) => depth);
  if (!others.length) return;
  const depth = front ? Math.max(...others) + 1 : Math.min(...others) - 1;
  editor.change(front ? "Bring to the front" : "Send to the back", item.id, { depth });
}

/** Mark the selected mask, or take the mark off. @param {Editor} editor */
export function mark(editor) {
  if (!editor.selected) return editor.notice(t("Select a mask to mark first."));
  editor.visibility.toggle("marked", editor.selected);
}

/**
 * Copies of masks for another image of the same size, as they would be drawn there.
 * @param {Item[]} items @returns {Item[]}
 */
export const copiesOf = (items) =>
  items.map((item) => ({ ...drawnBy(item), id: crypto.randomUUID(), seconds: 0, author: undefined }));

/**
 * Put copied masks on the image in one step, without those that it has already; gives how many are new.
 * @param {Editor} editor @param {Item[]} items
 */
export function paste(editor, items) {
  const known = new Set([...editor.openImage.items.values()].map(keyOf));
  const fresh = items.filter((item) => !known.has(keyOf(item)));
  const changes = fresh.map((after) => ({ id: after.id, before: null, after }));
  if (changes.length) step(editor, "Copy masks from the image before", changes, null);
  return fresh.length;
}

/** @param {Item} item */
const keyOf = ({ runs, label }) => `${label} ${runs.join()}`;

/** A mask as one that a person drew. @param {Item} item @returns {Item} */
const drawnBy = (item) => ({ ...item, clicks: null, suggestedBy: null });

/** @param {Editor} editor @param {string} name @param {Change[]} changes @param {string | null} selected */
function step(editor, name, changes, selected) {
  editor.settle();
  editor.openImage.step(name, changes);
  editor.select(selected);
}
