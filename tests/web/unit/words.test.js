/** What words found in the open image: suggestions, and the labels that accepting them makes. */
import assert from "node:assert/strict";
import test from "node:test";
import { opened, row } from "./opened.js";
import { labelAccepted } from "../../../src/anymask/app/static/state/accepted-labels.js";
import { decide, decideAll, suggestionsOf } from "../../../src/anymask/app/static/state/suggestions.js";
import { percents, phrasesIn, suggestFound, wordsOf } from "../../../src/anymask/app/static/state/words.js";

test("how near a search came is said in percent", () => {
  assert.deepEqual(percents({ best: [0.1, 0.2499], threshold: 0.25 }), { best: 24, least: 25 });
  assert.deepEqual(percents({ best: [], threshold: 0.4 }), { best: 0, least: 40 });
});

test("a list of words finds each of them; what is new is selected and named after its word", () => {
  assert.deepEqual(phrasesIn(" a cup, red car,, The cup, theatre "), ["cup", "red car", "theatre"]);
  const { editor, openImage } = opened([row("a", 0), row("b", 1, { suggested_by: "words-cup" })]);
  const found = { model: "m", masks: [0, 1, 2].map((y) => ({ ...row("", y), score: 0.5, prompt: 1 })) };
  const labels = [{ id: "car", name: "Red car" }];
  assert.equal(suggestFound(editor, ["cup", "red car"], found, labels), 1);
  assert.equal(editor.item, openImage.items.get(editor.selected));
  assert.deepEqual([editor.item.box, editor.item.label], [[0, 2, 4, 3], "car"]);
  assert.equal(wordsOf(editor.item.suggestedBy), "red car");
  assert.equal(suggestFound(editor, ["cup", "red car"], found, labels), 0);
  assert.deepEqual([wordsOf("a3f"), wordsOf("words--")], [null, null]);
});

/** An image where words found an animal, a spoon and a cup; the label animal is the current one. */
function foundByWords(role) {
  const { editor, openImage, sent } = opened([]);
  const labels = ["Animal", "Cup"].map((name) => ({ id: name, name, color: "#ff0000" }));
  const stored = { labels, person: { name: "p", role } };
  const app = {
    project: stored,
    saved: [],
    storage: { project: async () => ({ ...stored, labels: [...stored.labels] }) },
    async saveLabels(all) {
      app.saved.push(all.map(({ name }) => name));
      app.project.labels = stored.labels = all;
      return null;
    },
  };
  editor.setLabel("Animal");
  const masks = [0, 1, 2].map((y) => ({ ...row("", y), score: 0.5, prompt: y }));
  suggestFound(editor, ["animal", "tea-spoon", "tea spoon"], { model: "m", masks }, labels);
  const told = [];
  const tasks = [];
  openImage.addEventListener("step", ({ detail }) =>
    tasks.push(labelAccepted(app, openImage, detail, (text) => told.push(text))),
  );
  const kept = () => [...openImage.items.values()].map(({ box, label }) => [box[1], label]).sort();
  return { app, editor, openImage, sent, told, kept, labelled: () => Promise.all(tasks) };
}

test("words without a label of that name do not get the current label", () => {
  const { kept } = foundByWords("admin");
  assert.deepEqual(kept(), [
    [0, "Animal"],
    [1, null],
    [2, null],
  ]);
});

test("who accepts what words found makes the label of that name, once, and undo takes both back", async () => {
  const { app, editor, openImage, sent, told, kept, labelled } = foundByWords("admin");
  decide(editor, true);
  editor.select([...openImage.items.values()].find(({ box }) => box[1] === 1).id);
  decide(editor, true);
  decide(editor, true);
  await labelled();
  assert.deepEqual([app.saved, told], [[["Animal", "Cup", "tea spoon"]], ["New label: tea spoon"]]);
  const { id } = app.project.labels[2];
  const all = [
    [0, "Animal"],
    [1, id],
    [2, id],
  ];
  assert.deepEqual(kept(), all);
  assert.deepEqual([sent.at(-1).label_id, sent.at(-1).suggested_by], [id, null]);
  editor.travel("undo");
  assert.equal(suggestionsOf(editor).length, 1);
  editor.travel("redo");
  assert.deepEqual(kept(), all);
});

test("a correction of what words found keeps the word as its label", async () => {
  const { app, editor, openImage, kept, labelled } = foundByWords("admin");
  const [, spoon] = openImage.items.values();
  editor.draw("Paint", new Uint8Array(12).fill(1), [0, 0, 4, 3], spoon.id);
  await labelled();
  assert.ok(kept().some(([, label]) => label === app.project.labels[2].id));
});

test("an annotator, who makes no labels, is told that a mask has none", async () => {
  const { app, editor, told, labelled } = foundByWords("annotator");
  decideAll(editor, true);
  await labelled();
  assert.deepEqual(app.saved, []);
  assert.match(told.join(), /No label is called “tea spoon”: accepted without one/);
});
