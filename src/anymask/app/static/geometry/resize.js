/**
 * Pillow's bilinear filter, which averages when it shrinks: the twin of `Frame.resize`, bit for bit.
 *
 * As Pillow's `ImagingResample` for 8 bits: weights are whole numbers of 22 bits, each pass rounds to bytes.
 */
const PRECISION = 22;

/** @typedef {{start: Int32Array, count: Int32Array, weights: Int32Array, most: number}} Filter */

/**
 * Resize RGBA bytes to RGB bytes.
 * @param {Uint8ClampedArray | Uint8Array} rgba
 * @param {[number, number]} size
 * @param {[number, number]} wanted (h, w)
 * @returns {Uint8Array} (h, w, 3)
 */
export function resizeToRgb(rgba, size, wanted) {
  const rgb = across(rgba, size[0], size[1], wanted[1]);
  return down(rgb, size[0], wanted[1], wanted[0]);
}

/** @param {number} from @param {number} to @returns {Filter} */
function bilinear(from, to) {
  const scale = from / to;
  const spread = Math.max(scale, 1);
  const inverse = 1 / spread;
  const most = Math.ceil(spread) * 2 + 1;
  const start = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * most);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - spread + 0.5), 0);
    const last = Math.min(Math.trunc(centre + spread + 0.5), from);
    const raw = Array.from({ length: last - first }, (_, k) =>
      Math.max(1 - Math.abs((k + first - centre + 0.5) * inverse), 0),
    );
    const sum = raw.reduce((a, b) => a + b, 0);
    raw.forEach((weight, k) => (weights[i * most + k] = Math.trunc(0.5 + (weight / sum) * (1 << PRECISION))));
    start[i] = first;
    count[i] = last - first;
  }
  return { start, count, weights, most };
}

/** @param {number} sum */
const toByte = (sum) => Math.min(Math.max(sum >> PRECISION, 0), 255);
const HALF = 1 << (PRECISION - 1);

/** @param {Uint8ClampedArray | Uint8Array} rgba @param {number} h @param {number} w @param {number} to */
function across(rgba, h, w, to) {
  const out = new Uint8Array(h * to * 3);
  if (to === w) {
    for (let i = 0, j = 0; j < out.length; i += 4) {
      out[j++] = rgba[i];
      out[j++] = rgba[i + 1];
      out[j++] = rgba[i + 2];
    }
    return out;
  }
  const { start, count, weights, most } = bilinear(w, to);
  for (let row = 0, j = 0; row < h; row++)
    for (let i = 0; i < to; i++) {
      let r = HALF;
      let g = HALF;
      let b = HALF;
      for (let k = 0, at = (row * w + start[i]) * 4; k < count[i]; k++, at += 4) {
        const weight = weights[i * most + k];
        r += rgba[at] * weight;
        g += rgba[at + 1] * weight;
        b += rgba[at + 2] * weight;
      }
      out[j++] = toByte(r);
      out[j++] = toByte(g);
      out[j++] = toByte(b);
    }
  return out;
}

/** @param {Uint8Array} rgb @param {number} h @param {number} w @param {number} to */
function down(rgb, h, w, to) {
  if (to === h) return rgb;
  const { start, count, weights, most } = bilinear(h, to);
  const line = w * 3;
  const out = new Uint8Array(to * line);
  const sums = new Int32Array(line);
  for (let i = 0; i < to; i++) {
    sums.fill(HALF);
    for (let k = 0; k < count[i]; k++) {
      const weight = weights[i * most + k];
      const at = (start[i] + k) * line;
      for (let c = 0; c < line; c++) sums[c] += rgb[at + c] * weight;
    }
    for (let c = 0; c < line; c++) out[i * line + c] = toByte(sums[c]);
  }
  return out;
}
