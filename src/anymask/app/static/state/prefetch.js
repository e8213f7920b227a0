/** While a person works on an image, the next ones are fetched and encoded, one at a time. */

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {{quiet(): Promise<void>, prepare(image: ImageInfo): Promise<unknown>}} Means */

/**
 * Prepare images in order, each only when the person pauses; one that fails is left for when it is opened.
 * @param {ImageInfo[]} images @param {Means} means @param {AbortSignal} signal
 */
export async function prefetch(images, { quiet, prepare }, signal) {
  for (const image of images) {
    await quiet();
    if (signal.aborted) return;
    await prepare(image).catch(() => {});
  }
}

/**
 * Resolves when nothing happened for a while.
 * @param {EventTarget} target whose pointer and keys count @param {number} pause in ms @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function quietly(target, pause, signal) {
  return new Promise((resolve) => {
    const listening = new AbortController();
    const end = () => {
      listening.abort();
      resolve();
    };
    let timer = setTimeout(end, pause);
    const again = () => {
      clearTimeout(timer);
      timer = setTimeout(end, pause);
    };
    for (const type of ["pointerdown", "pointermove", "keydown", "wheel"])
      target.addEventListener(type, again, { signal: listening.signal, passive: true });
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      end();
    });
  });
}
