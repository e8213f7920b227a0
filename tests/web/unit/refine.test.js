/** Crop refinement, with a model whose answers are set by the test. */
import assert from "node:assert/strict";
import test from "node:test";
import { Frame } from "../../../src/anymask/app/static/geometry/frame.js";
import { hypothesis } from "../../../src/anymask/app/static/inference/hypotheses.js";
import { needsRefinement, refine } from "../../../src/anymask/app/static/inference/refine.js";

const SIZE = /** @type {[number, number]} */ ([400, 600]);
const RULE = { size: 96, square: false, multiple: 32 };
const whole = Frame.fit(SIZE, RULE);
const click = { points: [[305, 205]], labels: [1], box: null };
const boxed = { points: [], labels: [], box: [290, 190, 320, 220] };

/** Logits of a frame: 6 in a box of image pixels, -6 elsewhere. */
function logitsOf(frame, box) {
  const { rows, columns } = frame.cellsWithin(box);
  const stride = frame.grid[1];
  return Float32Array.from({ length: frame.grid[0] * stride }, (_, i) =>
    rows[Math.floor(i / stride)] && columns[i % stride] ? 6 : -6,
  );
}

const answerOf = (box, iou = 0.5) => hypothesis(whole, logitsOf(whole, box), iou);

/** Notes what it is asked; every mask it predicts fills `found(size of the crop)`. */
function modelOf(found, iou = 0.9) {
  const encoded = [];
  const decoded = [];
  return {
    encoded,
    decoded,
    manifest: { zoom: 64, frame: RULE },
    pixels: async () => ({ size: SIZE }),
    async run({ size: [h, w] }, [x0, y0, x1, y1], rule) {
      assert.ok(x0 >= 0 && y0 >= 0 && x1 <= w && y1 <= h, "a crop lies in the image");
      const size = [y1 - y0, x1 - x0];
      encoded.push(size);
      return { frame: Frame.fit(size, rule), tensors: {} };
    },
    async decode({ frame }, prompts, mask = null) {
      const [x, y] = prompts[0].points;
      decoded.push({
        mask,
        x: (x - 0.5) / (frame.scaled[1] / frame.size[1]),
        y: (y - 0.5) / (frame.scaled[0] / frame.size[0]),
      });
      const one = logitsOf(frame, found(frame.size));
      const logits = new Float32Array(4 * one.length);
      for (let i = 0; i < 4; i++) logits.set(one, i * one.length);
      return { logits, iou: new Float32Array(4).fill(iou), cells: one.length };
    },
  };
}

const middle = ([h, w]) => [w * 0.25, h * 0.25, w * 0.75, h * 0.75];
const embedding = { frame: whole, tensors: {} };

test("an answer that fills the image needs no refinement, a small one does", () => {
  const large = answerOf([0, 0, 600, 400]);
  const box = { points: [], labels: [], box: [0, 0, 600, 400] };
  assert.equal(needsRefinement(box, [large], true, whole), false);
  assert.equal(needsRefinement(boxed, [answerOf(boxed.box)], true, whole), true);
  assert.equal(needsRefinement(click, [large], false, whole), true); // a context crop, whatever the answers
});

test("a small answer is predicted again in a crop, from its own logits", async () => {
  const first = answerOf(boxed.box);
  const model = modelOf(middle);
  const [refined] = await refine(model, embedding, boxed, [first], true, () => false);
  assert.equal(model.encoded.length, 1);
  const [side] = model.encoded[0];
  assert.ok(side >= 48 && side < 200, `${side}`);
  assert.ok(
    model.decoded[0].mask.some((logit) => logit > 0),
    "the first answer is the mask prompt",
  );
  const [x0, y0, x1, y1] = refined.box;
  assert.ok(x0 > 280 && y0 > 180 && x1 < 330 && y1 < 230, `${refined.box}`);
  assert.ok(refined.quality > first.quality);
  assert.equal(refined.logits.length, first.logits.length);
  assert.equal(refined.logits[0], first.logits[0], "outside the crop the logits stay");
});

test("a single click is asked in its context crop without a mask prompt", async () => {
  const firsts = [
    [0, 0, 600, 400],
    [0, 0, 400, 400],
    [0, 0, 200, 400],
  ].map((box) => answerOf(box, 0.4));
  const model = modelOf(middle);
  const answers = await refine(model, embedding, click, firsts, false, () => false);
  const [context] = model.decoded;
  assert.equal(context.mask, null);
  assert.deepEqual(model.encoded[0], [300, 300]);
  assert.ok(
    Math.abs(context.x - 150) < 1 && Math.abs(context.y - 150) < 1,
    "the click is in the middle of its crop",
  );
  assert.equal(answers.length, 3);
  assert.ok(
    answers[0].box[0] > 155 && answers[0].box[2] < 455,
    `the better answer of the crop comes first: ${answers[0].box}`,
  );
});

test("answers that the context crop cuts off are dropped", async () => {
  const firsts = [
    [0, 0, 600, 400],
    [0, 0, 600, 400],
    [0, 0, 600, 400],
  ].map((box) => answerOf(box, 0.4));
  const answers = await refine(
    modelOf(([h, w]) => [0, 0, w, h]),
    embedding,
    click,
    firsts,
    false,
    () => false,
  );
  assert.deepEqual(answers, firsts);
});

test("answers that share a crop are encoded once", async () => {
  const firsts = [
    answerOf([290, 190, 320, 220]),
    answerOf([292, 190, 322, 220]),
    answerOf([290, 192, 320, 222]),
  ];
  const model = modelOf(([h, w]) => [0, 0, w, h]);
  await refine(model, embedding, click, firsts, false, () => false);
  assert.equal(model.encoded.length, 2); // the context crop, and one for all three
  assert.equal(model.decoded.length, 4);
});

test("when nobody waits any more the first answers stand", async () => {
  const firsts = [answerOf(boxed.box)];
  const model = modelOf(middle);
  assert.equal(await refine(model, embedding, boxed, firsts, true, () => true), firsts);
  assert.equal(model.decoded.length, 0);
});
