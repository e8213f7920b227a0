/** The addresses of the screens, in the fragment of the page's URL. */

const IMAGE = "#/image/";

/** The address of the gallery. */
export const GALLERY = "#/";

/** The address of one image. @param {string} id */
export const imageAddress = (id) => IMAGE + encodeURIComponent(id);

/**
 * The id of the image that an address names; null for the gallery, or where it cannot be read.
 * @param {string} hash
 */
export function imageIdIn(hash) {
  if (!hash.startsWith(IMAGE)) return null;
  try {
    return decodeURIComponent(hash.slice(IMAGE.length)) || null;
  } catch {
    return null; // a damaged percent code
  }
}
