/** Times one ONNX file on inputs of the given types and shapes. */
import { ort, start } from "../static/inference/onnxruntime.js";

const ARRAYS = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };

onmessage = async ({ data: { file, inputs, threads, repeats } }) => {
  try {
    await start(threads ?? undefined);
    const bytes = new Uint8Array(await (await fetch(file)).arrayBuffer());
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
    });
    const feeds = Object.fromEntries(
      inputs.map(([name, type, dims, values]) => {
        const array = values ? ARRAYS[type].from(values) : new ARRAYS[type](dims.reduce((a, b) => a * b, 1));
        if (type === "float32" && !values)
          for (let i = 0; i < array.length; i++) array[i] = Math.sin(i * 12.9898) * 0.5;
        if (name.endsWith("labels")) array[0] = type === "int64" ? 1n : 1;
        if (name.startsWith("has_mask")) array.fill(0);
        return [name, new ort.Tensor(type, array, dims)];
      }),
    );
    const times = [];
    for (let i = 0; i <= repeats; i++) {
      const begin = performance.now();
      await session.run(feeds);
      times.push(performance.now() - begin);
    }
    postMessage({ times });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
