/** Read a safetensors file: embeddings that the server made, in half precision. */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, {shape: number[], values: Float32Array}>}
 */
export function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  /** @type {Record<string, {dtype: string, shape: number[], data_offsets: [number, number]}>} */
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const bytes = buffer.slice(8 + length + from, 8 + length + to);
        if (dtype !== "F16" && dtype !== "F32") throw new TypeError(`${name} has the type ${dtype}`);
        return [
          name,
          { shape, values: dtype === "F16" ? fromHalf(new Uint16Array(bytes)) : new Float32Array(bytes) },
        ];
      },
    ),
  );
}

/** Half to single precision. @param {Uint16Array} halves */
export function fromHalf(halves) {
  const out = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const sign = halves[i] & 0x8000 ? -1 : 1;
    const exponent = (halves[i] >> 10) & 31;
    const fraction = halves[i] & 1023;
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity;
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return out;
}
