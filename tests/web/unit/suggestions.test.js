/** Suggestions in the open image, and what a person hides and locks. */
import assert from "node:assert/strict";
import test from "node:test";
import { INFO, opened, row } from "./opened.js";
import { nearTies } from "../../../src/anymask/app/static/inference/hypotheses.js";
import { ownColour, PALETTE, shadeOf } from "../../../src/anymask/app/static/masks/colours.js";
import { encode, fromString } from "../../../src/anymask/app/static/masks/rle.js";
import { Chosen } from "../../../src/anymask/app/static/state/chosen.js";
import { labelProblem } from "../../../src/anymask/app/static/state/label-problem.js";
import { closedBecause, isAnnotator, isFinal } from "../../../src/anymask/app/static/state/permissions.js";
import { CornersTool } from "../../../src/anymask/app/static/tools/corners.js";
import { dropClick, keepClick, takeClick } from "../../../src/anymask/app/static/state/pending-click.js";
import { decide, decideAll, suggestionsOf } from "../../../src/anymask/app/static/state/suggestions.js";
import { RefusedError, imageReason, reasonOf } from "../../../src/anymask/app/static/storage/errors.js";
import { fromCoco, toCoco } from "../../../src/anymask/app/static/storage/coco.js";

const three = () =>
  opened([row("a", 0, { suggested_by: "x" }), row("b", 1), row("c", 2, { suggested_by: "x" })]);

test("a click in the box of a selected suggestion corrects it, one elsewhere starts a new object", async () => {
  const asked = [];
  const predict = async (image, file, clicks) => {
    asked.push(clicks.points);
    return { hypotheses: [{ runs: fromString("57"), box: [0, 0, 4, 3], area: 7, score: 1 }], chosen: 0 };
  };
  const { editor, openImage } = opened([row("a", 0, { suggested_by: "x" })], { predict, model: "m" });
  editor.select("a");
  await editor.addPoint([1, 2], 1);
  assert.notEqual(editor.selected, "a");
  assert.deepEqual([openImage.items.size, suggestionsOf(editor).length], [2, 1]);
  editor.select("a");
  await editor.addPoint([1, 0], 1);
  assert.deepEqual([openImage.items.size, suggestionsOf(editor).length], [2, 0]);
  assert.deepEqual(asked, [[[1, 2]], [[1, 0]]]);
});

test("the next image goes on with the label and the tool that were chosen", () => {
  const tools = () =>
    Object.fromEntries(["point", "brush"].map((name) => [name, { enter() {}, leave() {} }]));
  const [chosen, first, next] = [new Chosen(), tools(), tools()];
  const { editor } = opened([]);
  chosen.goOn(editor, first, [{ id: "cat" }]);
  assert.deepEqual([editor.label, editor.tool], [null, first.point]);
  editor.setLabel("cat");
  editor.use(first.brush);
  chosen.note(editor, first);
  const another = opened([], model());
  chosen.goOn(another.editor, next, [{ id: "cat" }]);
  assert.deepEqual([another.editor.label, another.editor.tool], ["cat", next.brush]);
  another.editor.add([{ runs: fromString("013"), box: [0, 0, 1, 1], area: 1 }]);
  assert.equal(another.sent[0].label_id, "cat");
  chosen.goOn(another.editor, next, []);
  assert.equal(another.editor.label, null, "a label that was removed is not chosen");
});

test("a suggestion is accepted or rejected by one key, then the next is selected", () => {
  const { editor, sent } = three();
  editor.select("a");
  assert.equal(decide(editor, true), 1);
  assert.equal(editor.selected, "c");
  assert.equal(decide(editor, false), 0);
  assert.deepEqual(
    sent.map(({ id, deleted, suggested_by }) => [id, deleted, suggested_by]),
    [
      ["a", false, null],
      ["c", true, "x"],
    ],
  );
});

test("nothing here is one step, which undo takes back", () => {
  const { editor, openImage } = three();
  decideAll(editor, false);
  assert.deepEqual([...openImage.items.keys()], ["b"]);
  editor.travel("undo");
  assert.equal(suggestionsOf(editor).length, 2);
});

test("who corrects a suggestion accepts it", () => {
  const { editor, sent } = three();
  editor.select("a");
  editor.setLabel("cat");
  assert.deepEqual([sent[0].suggested_by, sent[0].label_id], [null, "cat"]);
});

test("a locked mask is neither changed nor deleted, and that is said", () => {
  const { editor, sent, told } = three();
  editor.visibility.toggle("locked", "b");
  editor.select("b");
  editor.remove();
  editor.setLabel("cat");
  editor.addPoint([1, 1], 1);
  assert.deepEqual([sent.length, told.length], [0, 3]);
  editor.visibility.toggle("locked", "b");
  editor.remove("b");
  assert.equal(sent.length, 1);
});

test("what another tab stored is taken, what is not stored yet stays", () => {
  const { editor, openImage } = opened([row("a", 0), row("b", 1)]);
  editor.add([{ runs: openImage.items.get("a").runs, box: [0, 0, 4, 1], area: 4 }]);
  const mine = [...openImage.items.keys()].at(-1);
  openImage.merge([row("a", 2, { revision: 2 }), row("d", 1)], openImage.stored());
  assert.deepEqual([...openImage.items.keys()].sort(), ["a", "d", mine].sort());
  assert.deepEqual(openImage.items.get("a").box, [0, 2, 4, 3]);
});

test("a mask stored while the list was on its way is not taken for a deleted one", () => {
  const { openImage } = opened([row("a", 0)]);
  const before = openImage.stored();
  openImage.show(row("b", 1));
  openImage.sync.know("cat", row("b", 1));
  openImage.merge([row("a", 0)], before);
  assert.ok(openImage.items.has("b"));
});

test("a click waits over a reload until its mask is stored", () => {
  const base = encode(new Uint8Array(12).fill(1), [3, 4]);
  const draft = { id: "m", clicks: { points: [[1, 2]], labels: [1], box: null }, base };
  keepClick("cat", draft, "label", "ann");
  assert.equal(takeClick("dog", "ann"), null);
  assert.equal(takeClick("cat", "rob"), null, "it is never asked for another person");
  assert.deepEqual(takeClick("cat", "ann"), { ...draft, label: "label" });
  assert.equal(takeClick("cat", "ann"), null, "it is asked again once");
  const next = { ...draft };
  keepClick("cat", next, null, "ann");
  dropClick(draft); // an earlier click is stored now
  assert.equal(takeClick("cat", "ann").id, "m");
});

/** A model that gives the first row of the image, after what `meanwhile` does. */
const model = (meanwhile = () => {}) => ({
  model: "m",
  async predict() {
    meanwhile();
    meanwhile = () => {};
    const runs = fromString(row("a", 0).counts);
    return { model: "m", chosen: 0, hypotheses: [{ runs, box: [0, 0, 4, 1], area: 4, score: 1 }] };
  },
});

test("a refused click is forgotten everywhere, also where the image was done before the answer", async () => {
  const early = opened([], model());
  early.openImage.closed = () => true;
  await early.editor.addPoint([1, 0], 1);
  const late = opened(
    [],
    model(() => (late.openImage.closed = () => true)),
  );
  await late.editor.addPoint([1, 0], 1);
  for (const { editor, openImage, sent } of [early, late]) {
    assert.equal(takeClick("cat", "ann"), null);
    assert.deepEqual(
      [editor.draft, editor.answers, editor.refined, openImage.items.size],
      [null, null, null, 0],
    );
    openImage.closed = () => false;
    await editor.addPoint([2, 0], 1);
    assert.deepEqual(sent[0].prompts.points, [[2, 0]], "the next click begins anew");
  }
});

test("a mask of an image that was done meanwhile is not refined", () => {
  const { openImage, sent } = opened([row("a", 0)]);
  openImage.closed = () => true;
  assert.equal(openImage.refine("a", openImage.items.get("a").runs, { area: 8 }), false);
  assert.equal(sent.length, 0);
});

test("masks that are about as likely as the chosen one are a choice", () => {
  const found = (...some) =>
    some.map(([quality, y]) => ({ quality, area: 4, runs: fromString(row("a", y).counts) }));
  assert.deepEqual(nearTies(found([0.9, 0], [0.89, 1], [0.5, 2]), 0), [1]);
  assert.deepEqual(nearTies(found([0.9, 0], [0.8, 1], [0.5, 2]), 0), []);
  assert.deepEqual(nearTies(found([0.9, 0], [0.89, 0], [0.5, 2]), 0), [], "the same mask is no choice");
});

test("a mask without a label never has the colour of a label", () => {
  const ids = Array.from({ length: 300 }, (_, i) => `mask ${i}`);
  for (const labels of [[PALETTE[0]], PALETTE.slice(0, 8), PALETTE, ["#e5e7eb", ...PALETTE]])
    for (const id of ids) assert.ok(!labels.includes(ownColour(id, labels)));
});

test("a new label changes the colours of few masks", () => {
  const ids = Array.from({ length: 300 }, (_, i) => `mask ${i}`);
  const changed = ids.filter((id) => ownColour(id) !== ownColour(id, [PALETTE[3]]));
  assert.ok(changed.length < 100, `${changed.length} of 300`);
});

test("masks of one label have shades of its colour", () => {
  const shades = new Set(Array.from({ length: 50 }, (_, i) => shadeOf("#0ea5e9", `mask ${i}`)));
  assert.equal(shades.size, 5);
  assert.ok(shades.has("#0ea5e9"));
  for (const shade of shades) assert.match(shade, /^#[0-9a-f]{6}$/);
  assert.equal(shadeOf("#0ea5e9", "mask 7"), shadeOf("#0ea5e9", "mask 7"));
});

test("alternatives of a click are forgotten when the mask is drawn on", async () => {
  const one = { runs: fromString("57"), box: [0, 0, 4, 3], area: 7, score: 1 };
  const predict = async () => ({ hypotheses: [one, one, one], chosen: 0, model: "m" });
  const { editor } = opened([], { predict, model: "m" });
  await editor.addPoint([1, 2], 1);
  assert.equal(editor.answers.hypotheses.length, 3);
  let told = 0;
  editor.addEventListener("answer", () => told++);
  editor.draw("Paint", new Uint8Array(12).fill(1), [0, 0, 4, 3], editor.selected);
  assert.deepEqual([editor.answers, told], [null, 1]);
});

test("errors are said in the words of people", () => {
  const exact = "image must be one of this project, got 'doesnotexist'. List them first.";
  assert.equal(reasonOf(new RefusedError(exact, 404)), "it is no longer in this project");
  const missing = "image must be a file in the project's folder, got a.jpg, which is missing. Put it back.";
  assert.match(reasonOf(new RefusedError(missing, 404)), /^its file is missing; put it back/);
  const broken = "image must be a complete image file, got /srv/a.jpg, which is corrupt. Get the file again.";
  assert.equal(
    reasonOf(new RefusedError(broken, 400)),
    "image must be a complete image file. Get the file again",
  );
  assert.equal(reasonOf(new Error("the server does not respond")), "the server does not respond");
});

test("a file that is no image, or too large a one, is refused with its reason", () => {
  const large = "image must have at most 100000000 pixels, got 20000 x 10000. Make it smaller first.";
  assert.equal(imageReason(new RefusedError(large, 400)), "it has more than 100 megapixels");
  assert.equal(imageReason(new RefusedError("no image", 422)), "it cannot be read as an image");
  assert.equal(imageReason(new RefusedError("x", 413)), "it is too large");
});

test("a COCO file of the app without a server comes back", () => {
  const images = [
    INFO,
    { ...INFO, id: "dog", name: "dog.jpg", done: true },
    { ...INFO, id: "new", name: "new.jpg" },
  ];
  const labels = [{ id: "l", name: "face", color: "#ff0000" }];
  const masks = [
    { ...row("a", 0, { label_id: "l" }), image: "cat" },
    { ...row("b", 1), image: "gone" },
  ];
  const coco = JSON.parse(JSON.stringify(toCoco(images, labels, masks)));
  assert.deepEqual(
    coco.images.map(({ file_name }) => file_name),
    ["cat.jpg", "dog.jpg"],
    "those with masks, and those that are done",
  );
  assert.deepEqual(fromCoco(coco, images), [
    { image: "cat", category: "face", size: [3, 4], counts: masks[0].counts },
  ]);
});

test("labels that say nothing are not saved", () => {
  const asks = (name, kind, ...choices) => [
    { id: "a", name: "eye", color: "#ff0000", attributes: [{ name, kind, choices }] },
  ];
  assert.equal(labelProblem(asks("occluded", "choice", "no", "partly")), null);
  assert.equal(labelProblem(asks("note", "text")), null);
  assert.match(labelProblem(asks("occluded", "choice")), /“occluded” of “eye” has no choices/);
  assert.match(labelProblem(asks("", "text")), /of “eye” has no name/);
  assert.match(labelProblem([...asks("note", "text"), { id: "b", name: "eye" }]), /Two labels .*“eye”/);
});

test("an annotator is told what can be done about a finished image", () => {
  const as = (role) => ({ person: { name: "p", role } });
  const [done, accepted] = [
    { done: true, review: null },
    { done: true, review: "accepted" },
  ];
  assert.match(closedBecause(done, as("annotator")), /Mark it as not done/);
  assert.match(closedBecause(accepted, as("annotator")), /Ask a reviewer to return it/);
  assert.deepEqual(
    [done, accepted].map((image) => isFinal(image, as("annotator"))),
    [false, true],
  );
  for (const project of [as("reviewer"), as("admin"), {}]) {
    assert.deepEqual([closedBecause(accepted, project), isFinal(accepted, project)], [null, false]);
    assert.ok(!isAnnotator(project));
  }
  assert.equal(closedBecause({ done: false }, as("annotator")), null);
});

test("Delete among corners never takes the whole mask for a corner", () => {
  const { editor, openImage, told } = opened([row("a", 0)]);
  const tool = new CornersTool(editor);
  assert.equal(tool.erase(), false, "without a mask there is nothing to keep");
  editor.select("a");
  assert.equal(tool.erase(), true);
  assert.equal(openImage.items.size, 1);
  assert.match(told[0], /Click a corner first/);
});
