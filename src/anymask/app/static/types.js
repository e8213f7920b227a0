/**
 * The values that cross the borders between the app's parts.
 *
 * @typedef {[number, number]} Size (height, width) in pixels.
 * @typedef {[number, number, number, number]} Box x0, y0, x1, y1 in image pixels, half-open.
 * @typedef {Uint32Array} Runs Run lengths, zeros first, column by column: see masks/rle.js.
 *
 * @typedef {object} Clicks What a person asked the model: kept with the mask, so that it can be refined.
 * @property {[number, number][]} points x, y in image pixels
 * @property {number[]} labels 1 the object, 0 not the object
 * @property {Box | null} box
 *
 * @typedef {object} Mask One mask as the server and the local store keep it.
 * @property {string} id made by the browser
 * @property {number} revision the last one known to be stored; 0 for none
 * @property {string | null} label_id
 * @property {Size} size
 * @property {string} counts COCO's compressed string
 * @property {number | null} score
 * @property {Clicks | null} prompts
 * @property {string | null} model
 * @property {number} seconds spent on it
 * @property {string} [author]
 * @property {string} [time]
 * @property {boolean} [deleted]
 * @property {string | null} [suggested_by] for a suggestion the id of the example mask; null for a mask
 * @property {Record<string, string | number | boolean> | null} [attributes] answers to what its label asks
 * @property {number} [depth] masks of a greater depth lie on top
 *
 * @typedef {object} Label
 * @property {string} id
 * @property {string} name
 * @property {string} color "#rrggbb"
 * @property {Attribute[]} [attributes] what can be said about its masks
 *
 * @typedef {{name: string, kind: "text" | "number" | "choice", choices: string[]}} Attribute
 *
 * @typedef {object} Comment
 * @property {string} id
 * @property {string | null} mask_id null for the whole image
 * @property {string} text
 * @property {string} author
 * @property {number} time seconds since 1970
 * @property {boolean} resolved
 *
 * @typedef {object} Marks What an image is marked as; what is left out does not change.
 * @property {boolean} [done]
 * @property {boolean} [removed]
 * @property {"accepted" | "returned"} [review]
 * @property {string} [assignee] "" for nobody
 * @property {string[]} [tags]
 *
 * @typedef {object} ImageInfo An image of the project.
 * @property {string} id
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {number} masks how many it has
 * @property {number} [suggestions] how many wait to be accepted or rejected
 * @property {boolean} [done] somebody marked it as done
 * @property {"accepted" | "returned" | null} [review] what a reviewer said since
 * @property {string | null} [assignee]
 * @property {string[]} [tags]
 * @property {number} [comments] open ones
 * @property {boolean} [missing] its file is missing
 * @property {string} [version] another one when the file of an image was replaced
 *
 * @typedef {{name: string, role: "annotator" | "reviewer" | "admin"}} Person A user of the server.
 *
 * @typedef {object} Tracking What to follow, and how far.
 * @property {string[]} masks ids of saved masks
 * @property {"both" | "forward" | "back"} direction
 * @property {number} frames in each direction
 * @property {boolean} refine
 * @property {boolean} [resume] keep what an earlier run found
 *
 * @typedef {object} ProjectSummary One of several projects of a server, as the person may see it.
 * @property {string} name
 * @property {string} person who they are in it
 * @property {Person["role"]} role
 * @property {number} images
 * @property {number} done
 * @property {number} masks
 * @property {number} suggestions
 *
 * @typedef {object} Comparison An image and its copy, which a second person has.
 * @property {string} name
 * @property {string} image its id
 * @property {string} copy_id
 * @property {string | null} first
 * @property {string | null} second
 * @property {boolean} known the masks of the image are known to be true
 * @property {boolean} done the copy is done
 * @property {number} matched
 * @property {number} same_label
 * @property {number} only_image
 * @property {number} only_copy
 * @property {number | null} mean_iou
 *
 * @typedef {{name: string, images: number, found: number, missed: number, extra: number, mean_iou: number | null}} Score
 * @typedef {{comparisons: Comparison[], scores: Score[]}} Agreement
 *
 * @typedef {object} Project
 * @property {string} name
 * @property {Label[]} labels
 * @property {string[]} models names of promptable models, the one of the browser first
 * @property {{images: number, masks: number, done: number, suggestions: number}} [counts] what a server counts
 * @property {string[]} [unreadable] files that look like images and cannot be read
 * @property {Person} [person] who uses the server
 * @property {string[]} [assignees] names of users that images can be assigned to
 * @property {string[]} [tags] that images have
 * @property {boolean} [scanning] the server still scans its folder
 *
 * @typedef {object} Hypothesis One mask that the model predicts.
 * @property {Runs} runs
 * @property {Box} box
 * @property {number} area
 * @property {number} score predicted IoU, from 0 to 1
 * @property {number} quality predicted IoU times stability: by it the best is chosen
 * @property {Float32Array} logits on the grid of the model's frame
 * @property {{frame: import("./geometry/frame.js").Frame, crop: Box, logits: Float32Array}} [view] the crop in
 *   which it was refined, and its logits there
 *
 * @typedef {object} Candidate One mask that "everything" found.
 * @property {Runs} runs
 * @property {Box} box
 * @property {number} area
 * @property {number} iou predicted
 * @property {number} stability
 * @property {[number, number]} [point] where the model was asked, if in the page
 */
export {};
