/** Measures the app's own worker, and single decoders in another worker. */
import { ModelClient } from "../static/inference/worker-client.js";

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Time one ONNX file in a worker, see raw.js. */
function raw(body) {
  const worker = new Worker(new URL("raw.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => {
      worker.terminate();
      if (data.error) reject(new Error(data.error));
      else resolve(data.times);
    };
    worker.postMessage(body);
  });
}

export async function measure({ repeats, threads, precision, peers, photo, click, size }) {
  const out = { isolated: crossOriginIsolated, threads: threads ?? navigator.hardwareConcurrency };
  const client = new ModelClient();
  const options = { ...(threads ? { threads } : {}), ...(precision ? { precision } : {}) };
  const manifest = await client.load("compact", options);
  const picture = await (await fetch(`../photos/${photo}`)).blob();
  const encodings = [];
  const clicks = [];
  for (let i = 0; i <= Math.min(repeats, 20); i++)
    encodings.push((await client.encode("compact", `picture ${i}`, picture)).ms);
  for (let i = 0; i <= repeats; i++) {
    const point = [click[0] + (i % 7), click[1] + (i % 5)];
    clicks.push(
      (
        await client.predict("compact", "picture 20".replace("20", Math.min(repeats, 20)), {
          points: [point],
          labels: [1],
          box: null,
        })
      ).ms,
    );
  }
  client.worker.terminate();
  Object.assign(out, { encode: median(encodings.slice(1)), click: median(clicks.slice(1)) });
  const files = manifest.files.decoder;
  out.precision = precision ?? ["float16", "float32", "int8"].find((name) => name in files);
  const h = Math.ceil((size[0] * 384) / Math.max(...size) / 32) * 2;
  const w = 24;
  const compact = [
    ["features", "float32", [1, 256, h, w]],
    ["skip_0", "float32", [1, 32, 4 * h, 4 * w]],
    ["skip_1", "float32", [1, 64, 2 * h, 2 * w]],
  ];
  const prompts = (g) => [
    ["points", "float32", [1, 2, 2]],
    ["labels", "int64", [1, 2]],
    ["mask", "float32", [1, 1, ...g]],
    ["has_mask", "bool", [1]],
  ];
  const decoders = {
    decoder: [`../models/compact/${files[out.precision].file}`, [...compact, ...prompts([4 * h, 4 * w])]],
  };
  if (peers) {
    decoders.ours = ["ours.onnx", [["features", "float32", [1, 256, 64, 64]], ...prompts([256, 256])]];
    decoders.released = [
      "released.onnx",
      [
        ["image_embeddings", "float32", [1, 256, 64, 64]],
        ["point_coords", "float32", [1, 2, 2]],
        ["point_labels", "float32", [1, 2]],
        ["mask_input", "float32", [1, 1, 256, 256]],
        ["has_mask_input", "float32", [1]],
        ["orig_im_size", "float32", [2], size],
      ],
    ];
  }
  for (const [name, [file, inputs]] of Object.entries(decoders))
    out[name] = median(
      (await raw({ file: new URL(file, import.meta.url).href, inputs, threads, repeats })).slice(1),
    );
  return out;
}
