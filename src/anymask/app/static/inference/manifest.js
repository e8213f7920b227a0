/** What is known about a model before its networks are opened. */
import { LOCAL_ENCODER } from "../constants.js";

/** @typedef {{file: string, bytes: number, sha256: string}} ModelFile */
/**
 * @typedef {object} Manifest What `model.json` says.
 * @property {string} name
 * @property {string} encoder kind of its layout; "compact" is quick enough for a browser
 * @property {string} model hash of the weights
 * @property {{size: number, square: boolean, multiple: number}} frame
 * @property {number} [zoom] longest side at which small answers are refined in crops; 0 for never
 * @property {{min_iou: number, min_stability: number}} thresholds
 * @property {{encoder?: Record<string, ModelFile>, decoder: Record<string, ModelFile>}} files without the encoder where the server encodes
 */

/** Whether the encoder of a model runs in the browser. @param {Manifest} manifest */
export function encodesHere(manifest) {
  return manifest.encoder === LOCAL_ENCODER;
}
