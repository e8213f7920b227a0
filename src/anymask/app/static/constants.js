/**
 * Constants that Python and the page share. To change one, change it in Python, then run
 * python tests/web/test_constants.py, which makes this file.
 */

/** Model pixels per side of a logit cell. */
export const GRID_STRIDE = 4;

/** The logit that stands for "surely inside" in a mask prompt. */
export const MASK_LOGIT = 10;

/** Masks that the decoder predicts for each prompt. */
export const DECODER_MASKS = 4;

/** The last so many of them answer a single click. */
export const HYPOTHESES = 3;

/** Hypotheses whose quality differs less are about equally likely. */
export const NEAR_TIE = 0.03;

/** Logits above and below 0 at which the stability of a mask is measured. */
export const STABILITY_OFFSET = 1;

/** A mask whose stability in cells is this far below the floor is not measured in pixels. */
export const STABILITY_MARGIN = 0.15;

/** Automatic masks whose boxes overlap more are duplicates. */
export const NMS_IOU = 0.7;

/** Side of a refinement crop by the longest side of the object. */
export const CROP_SCALE = 2;

/** Side of a crop in image pixels, at least. */
export const CROP_MIN_SIDE = 48;

/** A crop of this share of the image would show nothing new. */
export const CROP_MAX_SHARE = 0.9;

/** Crops that overlap as much are replaced by the largest. */
export const CROP_MERGE_IOU = 0.5;

/** Side of the crop around a single click, by the image's longest side. */
export const CONTEXT_SHARE = 0.5;

/** Answers to a click with a smaller IoU are distinct. */
export const DISTINCT_IOU = 0.5;

/** A mask is cut off where more of its pixels lie on the crop's edge, by the root of its area. */
export const CUT_OFF_SHARE = 0.5;

/** Logits of minus this stand outside a crop. */
export const UNSEEN_LOGIT = 8;

/** Values per cell of the grid on which outlines lie, at most. */
export const OUTLINE_FINER = 8;

/** Variance of colours below which logits are averaged. */
export const OUTLINE_SMOOTHNESS = 0.001;

/** Logits are clipped to this for outlines. */
export const OUTLINE_CLIP = 4;

/** Share of a mask below which islands and holes are specks. */
export const OUTLINE_SPECK = 0.01;

/** Cells around a mask that its outline may move over. */
export const OUTLINE_MARGIN = 2;

/** The model that comes with the page. */
export const LOCAL_MODEL = "compact";

/** The kind of encoder that runs in the page. */
export const LOCAL_ENCODER = "compact";

/** What an exported model says about itself. */
export const MANIFEST = "model.json";

/** Precisions of an exported model, the preferred one first. */
export const PRECISIONS = ["float16", "float32", "int8"];

/** Characters of a label's name, at most. */
export const TEXT_LENGTH = 200;

/** Letters of a user's name, at most. */
export const PERSON_LENGTH = 64;

/** Of users; each may do everything that the roles before it may. */
export const ROLES = ["annotator", "reviewer", "admin"];

/** Images in one request, at most. */
export const IMAGES_AT_ONCE = 1000;

/** Longest side of an image in the gallery, in pixels. */
export const THUMBNAIL_SIDE = 320;

/** The photos that come with anymask. */
export const SAMPLES = ["cat.jpg", "coffee.jpg", "flower.jpg"];

/** What `suggested_by` of a tracked mask begins with. */
export const TRACK = "track-";

/** Pixels of a tile of a large image along each side. */
export const TILE_SIDE = 512;

/** Pixels of an image from which on it is shown by tiles. */
export const LARGE_IMAGE = 12000000;

/** The category of masks without a label in exported files. */
export const NO_LABEL = "object";
