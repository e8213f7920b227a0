/** Answers of the page's text model to the questions in a file, for tests/web/test_text_twin.py. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { maskFeatures, textFrame } from "../../src/anymask/app/static/inference/mask-features.js";
import { Namer } from "../../src/anymask/app/static/inference/namer.js";
import { choose } from "../../src/anymask/app/static/inference/text-model.js";
import { WordTable } from "../../src/anymask/app/static/inference/word-table.js";

const asked = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const read = (path) => {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
};
const namer = new Namer(read(asked.text), WordTable.read(read(asked.words)));
const reason = (phrase) => {
  try {
    namer.phrase(phrase);
    return null;
  } catch (error) {
    return error.message;
  }
};
const maps = ({ shape, values }) => ({ shape, values: Float32Array.from(values) });
const runs = asked.masks.map((one) => Uint32Array.from(one));
process.stdout.write(
  JSON.stringify({
    refused: asked.refused.map(reason),
    probabilities: namer.probabilities(
      asked.features.map((one) => Float32Array.from(one)),
      asked.phrases,
    ),
    features: maskFeatures(maps(asked.last), maps(asked.fine), namer.head, textFrame(asked.size), runs).map(
      (one) => [...one],
    ),
    chosen: choose(runs.map((one, i) => ({ runs: one, iou: asked.ious[i], likely: asked.likely[i] }))),
  }),
);
