/** Masks as a COCO file and back, for the app without a server. */
import { NO_LABEL } from "../constants.js";
import { area, box, fromString } from "../masks/rle.js";

/** @typedef {import("../types.js").Mask} Mask */
/** @typedef {import("../types.js").Label} Label */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {Mask & {image: string}} KeptMask */

/**
 * The images that have masks or are done, so that nobody takes the others for images that show nothing.
 * @param {ImageInfo[]} all @param {Label[]} labels @param {KeptMask[]} masks
 */
export function toCoco(all, labels, masks) {
  const annotated = new Set(masks.map(({ image }) => image));
  const images = all.filter(({ id, done }) => done || annotated.has(id));
  const numbers = new Map(images.map(({ id }, i) => [id, i + 1]));
  const kinds = new Map(labels.map(({ id }, i) => [id, i + 1]));
  const known = masks.filter(({ image }) => numbers.has(image));
  return {
    images: images.map(({ id, name, width, height }) => ({
      id: numbers.get(id),
      file_name: name,
      width,
      height,
    })),
    categories: [{ id: 0, name: NO_LABEL }, ...labels.map(({ id, name }) => ({ id: kinds.get(id), name }))],
    annotations: known.map((mask, i) => annotation(mask, i + 1, numbers.get(mask.image), kinds)),
  };
}

/**
 * @param {KeptMask} mask
 * @param {number} id
 * @param {number | undefined} image
 * @param {Map<string, number>} kinds
 */
function annotation(mask, id, image, kinds) {
  const runs = fromString(mask.counts);
  const [x0, y0, x1, y1] = box(runs, mask.size);
  return {
    id,
    image_id: image,
    category_id: kinds.get(mask.label_id ?? "") ?? 0,
    iscrowd: 0,
    area: area(runs),
    bbox: [x0, y0, x1 - x0, y1 - y0],
    segmentation: { size: mask.size, counts: mask.counts },
  };
}

/**
 * The masks of a COCO file, each for the image of the same name.
 * @param {any} coco
 * @param {ImageInfo[]} images
 * @returns {{image: string, category: string | null, size: [number, number], counts: string}[]}
 */
export function fromCoco(coco, images) {
  const byName = new Map(images.map((image) => [image.name, image]));
  const named = new Map(
    (coco.images ?? []).map((/** @type {any} */ one) => [one.id, byName.get(one.file_name)]),
  );
  const categories = new Map((coco.categories ?? []).map((/** @type {any} */ one) => [one.id, one.name]));
  return (coco.annotations ?? []).flatMap((/** @type {any} */ { image_id, category_id, segmentation }) => {
    const image = named.get(image_id);
    const fits =
      typeof segmentation?.counts === "string" &&
      segmentation.size?.[0] === image?.height &&
      segmentation.size?.[1] === image?.width;
    if (!image || !fits) return [];
    fromString(segmentation.counts); // a code that cannot be read is an error now, not later
    const name = categories.get(category_id);
    const category = name && name !== NO_LABEL ? name : null;
    return [{ image: image.id, category, size: segmentation.size, counts: segmentation.counts }];
  });
}
