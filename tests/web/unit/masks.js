/** Masks for tests: drawn as text, or at random from a seed. */
import { area, box, encode } from "../../../src/anymask/app/static/masks/rle.js";

/** A mask from lines of text, "#" for a pixel inside. */
export function drawn(...lines) {
  const size = [lines.length, lines[0].length];
  const runs = encode(
    Uint8Array.from(lines.join(""), (c) => Number(c === "#")),
    size,
  );
  return { runs, size, box: box(runs, size), area: area(runs) };
}

/** Whole numbers below `most`, the same for every run. */
export function numbers(seed) {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

/** Overlapping rectangles with holes, so that a mask has several parts. */
export function blots(seed, size = [40, 50]) {
  const next = numbers(seed);
  const [h, w] = size;
  const bits = new Uint8Array(h * w);
  for (let i = 0; i < 9; i++) {
    const [x0, y0] = [next(w), next(h)];
    const [x1, y1] = [Math.min(w, x0 + 1 + next(18)), Math.min(h, y0 + 1 + next(18))];
    for (let y = y0; y < y1; y++) bits.fill(i % 3 === 2 ? 0 : 1, y * w + x0, y * w + x1);
  }
  const runs = encode(bits, size);
  return { runs, size, box: box(runs, size), area: area(runs) };
}
