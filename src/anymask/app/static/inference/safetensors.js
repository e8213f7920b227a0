/** Read safetensors files: embeddings that the server made, and the text model. */

/** Numbers of each type, floats in single precision. @type {Record<string, (bytes: ArrayBuffer) => Float32Array | Int8Array | Uint8Array>} */
const TYPES = {
  F16: (bytes) => fromHalf(new Uint16Array(bytes)),
  F32: (bytes) => new Float32Array(bytes),
  I8: (bytes) => new Int8Array(bytes),
  U8: (bytes) => new Uint8Array(bytes),
};

/** @param {ArrayBuffer} buffer */
function readHeader(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  return {
    start: 8 + length,
    header: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))),
  };
}

/** The texts that a file says about itself. @param {ArrayBuffer} buffer @returns {Record<string, string>} */
export function readMetadata(buffer) {
  return readHeader(buffer).header.__metadata__ ?? {};
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, {shape: number[], values: any}>} values as in `TYPES`
 */
export function readSafetensors(buffer) {
  const { start, header } = readHeader(buffer);
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries(
      /** @type {Record<string, {dtype: string, shape: number[], data_offsets: number[]}>} */ (header),
    ).map(([name, { dtype, shape, data_offsets }]) => {
      const read = TYPES[dtype];
      if (!read) throw new TypeError(`${name} has the type ${dtype}`);
      const [from, to] = data_offsets;
      return [name, { shape, values: read(buffer.slice(start + from, start + to)) }];
    }),
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
