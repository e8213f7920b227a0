/** Undo and redo. */
import assert from "node:assert/strict";
import test from "node:test";
import { UndoHistory } from "../../../src/anymask/app/static/state/undo-history.js";

const item = (id, area) => ({ id, area });
const step = (name, before, after) => ({ name, changes: [{ id: "a", before, after }] });

test("undo turns the last step round, redo takes it again", () => {
  const history = new UndoHistory();
  const [one, two] = [item("a", 1), item("a", 2)];
  history.push(step("make", null, one));
  history.push(step("grow", one, two));
  assert.deepEqual(history.undo(), step("grow", two, one));
  assert.deepEqual(history.undo(), step("make", one, null));
  assert.equal(history.undo(), null);
  assert.deepEqual(history.redo(), step("make", null, one));
  assert.deepEqual(history.redo(), step("grow", one, two));
  assert.equal(history.redo(), null);
});

test("a new step ends what could be taken again", () => {
  const history = new UndoHistory();
  history.push(step("make", null, item("a", 1)));
  history.undo();
  history.push(step("other", null, item("a", 3)));
  assert.equal(history.redo(), null);
  assert.equal(history.done.length, 1);
});

test("a refined mask takes the place of the first one in every step, done or undone", () => {
  const history = new UndoHistory();
  const [first, better, later] = [item("a", 1), item("a", 9), item("a", 2)];
  history.push(step("make", null, first));
  history.push(step("grow", first, later));
  history.undo();
  history.rewrite((one) => (one === first ? better : one));
  assert.equal(history.redo().changes[0].before, better);
  history.undo();
  assert.equal(history.undo().changes[0].before, better);
});
