/** How a person sees the open image and what the tools do: of this page only. */

import { UNCHANGED } from "../canvas/adjustment.js";

export const defaultSettings = () => ({
  /** Of masks, from 0 to 1. */
  opacity: 0.85,
  hideOthers: false,
  /** Masks without their fill. */
  outlineOnly: false,
  adjustment: UNCHANGED,
  /** Diameter of the brush in image pixels. */
  brush: 24,
  /** Whether a click without the right button means what is out. */
  outside: false,
  preview: true,
  /** Of the corners of a mask, from 0, the fewest, to 1, all. */
  precision: 0.7,
  /** Of the magic wand, from 0 to 255. */
  tolerance: 24,
});

/** @typedef {ReturnType<typeof defaultSettings>} Settings */
