/** Answers to the cases of tests/fixtures, by the app's modules; Python's are made by tests/unit/test_fixtures.py. */
import { Frame } from "../../src/anymask/app/static/geometry/frame.js";
import { fineSize, guide, outline } from "../../src/anymask/app/static/geometry/outlines.js";
import { resizeToRgb } from "../../src/anymask/app/static/geometry/resize.js";
import * as rle from "../../src/anymask/app/static/masks/rle.js";
import {
  contextCrop,
  distinct,
  isCutOff,
  mergeCrops,
  mergeLogits,
  refineCrop,
} from "../../src/anymask/app/static/geometry/crops.js";
import { select } from "../../src/anymask/app/static/masks/candidates.js";
import { isAmbiguous, promptArrays } from "../../src/anymask/app/static/inference/prompts.js";

const RULES = {
  compact: { size: 384, square: false, multiple: 32 },
  sam: { size: 1024, square: true, multiple: 16 },
  tiny: { size: 64, square: false, multiple: 32 },
};

const SHARES = 9973.7;
const PARTS = 99.37;

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const textOf = (array) => btoa(String.fromCharCode(...new Uint8Array(array.buffer)));
const frameOf = ({ rule, size }) => Frame.fit(size, RULES[rule]);

const ANSWERS = {
  frames(given) {
    const frame = frameOf(given);
    const { scaled, padded, grid, content } = frame;
    return { scaled, padded, grid, content, points: given.given.map(([x, y]) => frame.toModel(x, y)) };
  },
  logits(given) {
    const frame = frameOf(given);
    const grid = new Float32Array(bytesOf(given.logits).buffer);
    return Object.fromEntries([-1, 0, 1].map((t) => [String(t), rle.toString(frame.maskRuns(grid, t))]));
  },
  coverage(given) {
    const shares = frameOf(given).coverage(rle.decode(rle.fromString(given.counts), given.size));
    return { coverage: Array.from(shares, (share) => Math.floor(share * SHARES + 0.5)) };
  },
  resize(given) {
    const rgb = bytesOf(given.image);
    const rgba = new Uint8Array((rgb.length / 3) * 4);
    for (let i = 0; i < rgb.length / 3; i++) rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    return { rgb: textOf(resizeToRgb(rgba, given.size, frameOf(given).scaled)) };
  },
  outlines(given) {
    const rgb = bytesOf(given.image);
    const rgba = new Uint8Array((rgb.length / 3) * 4);
    for (let i = 0; i < rgb.length / 3; i++) rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    const frame = frameOf(given);
    const prepared = guide(frame, resizeToRgb(rgba, frame.size, fineSize(frame)));
    return {
      counts: rle.toString(outline(prepared, new Float32Array(bytesOf(given.logits).buffer), given.clicks)),
    };
  },
  prompts(given) {
    const { points, labels } = promptArrays(given.prompt, frameOf(given));
    return {
      points: [...points],
      labels: [...labels].map(Number),
      ambiguous: isAmbiguous(given.prompt, false),
    };
  },
  rle({ a, b, size }) {
    const [first, second] = [a, b].map((bits) => rle.encode(bytesOf(bits), size));
    const counts = rle.toString(first);
    const again = rle.fromString(counts);
    if (rle.toString(rle.encode(rle.decode(again, size), size)) !== counts)
      throw new Error("not the same again");
    return {
      counts,
      runs: [...first],
      area: rle.area(first),
      box: rle.box(first, size),
      intersection: rle.intersection(first, second),
      union: rle.toString(rle.union(first, second)),
    };
  },
  zoom({ size, prompt, counts, quality, part, grid }) {
    const closes = counts.map((text) => refineCrop(prompt, rle.fromString(text), size));
    const [x0, y0, x1, y1] = part.xyxy;
    const whole = Frame.fit(size, { ...RULES.compact, size: 96 });
    const inner = Frame.fit([y1 - y0, x1 - x0], { ...RULES.compact, size: 64 });
    const seen = whole.logitsIn(inner, [x0, y0], new Float32Array(bytesOf(grid).buffer));
    const found = seen.map((logit) => Math.floor(3.5 - logit));
    const parts = (logits) => Array.from(logits, (logit) => Math.floor(logit * PARTS + 0.5));
    return {
      closes,
      shared: mergeCrops(closes),
      surroundings: prompt.points.length === 1 && !prompt.box ? contextCrop(prompt, size) : null,
      different: distinct(
        counts.map((text, i) => ({ runs: rle.fromString(text), quality: quality[i], i })),
        3,
      ).map(({ i }) => i),
      cut: part.masks.map((text) => isCutOff(rle.fromString(text), part.xyxy, size)),
      logits: parts(seen),
      joined: parts(mergeLogits(new Float32Array(bytesOf(grid).buffer), found, whole, inner, part.xyxy)),
      pasted: rle.toString(rle.paste(rle.fromString(part.counts), inner.size, [x0, y0], size)),
    };
  },
  suppress({ boxes, scores, overlap }) {
    const candidates = boxes.map((box, number) => ({
      box,
      number,
      iou: scores[number],
      stability: 1,
      area: 1,
    }));
    return {
      kept: select(candidates, { iou: 0, stability: 0, area: 0, overlap }).map(({ number }) => number),
    };
  },
};

export const answer = (kind, cases) => cases.map((one) => ANSWERS[kind](one));
