// An image is encoded once, and again when its file was replaced under its name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fetched } from "../../../src/anymask/app/static/inference/fetched.js";
import { imageKey, Predictor } from "../../../src/anymask/app/static/inference/predictor.js";

test("a replaced image is encoded again and its old embedding is not asked", async () => {
  /** @type {string[]} */
  const calls = [];
  const client = {
    load: async () => ({ files: { encoder: "encoder.onnx" } }),
    /** @param {string} model @param {string} id */
    encode: async (model, id) => calls.push(`encode ${id}`),
    /** @param {string} model @param {string} id */
    predict: async (model, id) => calls.push(`predict ${id}`),
  };
  const predictor = new Predictor(/** @type {any} */ (client), /** @type {any} */ ({}));
  const file = new Blob();
  const image = { id: "a", name: "a.jpg", width: 1, height: 1, masks: 0, version: "1" };
  const clicks = /** @type {any} */ ({ points: [], labels: [], box: null });
  await predictor.prepare(image, file);
  await predictor.predict(image, file, clicks);
  await predictor.predict({ ...image, version: "2" }, file, clicks);
  assert.deepEqual(calls, ["encode a@1", "predict a@1", "encode a@2", "predict a@2"]);
  assert.equal(imageKey({ ...image, version: undefined }), "a");
});

test("why a model cannot be loaded is said by the server, and by the status where it says nothing", async (context) => {
  const answers = [
    Response.json({ error: "the model try needs an optional package." }, { status: 503 }),
    new Response("<html>", { status: 502 }),
  ];
  context.mock.method(globalThis, "fetch", async () => answers.shift());
  await assert.rejects(fetched("models/try/model.json"), {
    message: "the model try needs an optional package.",
  });
  await assert.rejects(fetched("models/try/model.json"), /responded with status 502/);
});
