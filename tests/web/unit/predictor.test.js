// An image is encoded once, and again when its file was replaced under its name.
import assert from "node:assert/strict";
import { test } from "node:test";
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
