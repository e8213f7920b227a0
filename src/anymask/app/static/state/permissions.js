/** What the person signed in may do. The server decides; this keeps the page from offering what it refuses. */
import { t } from "../language.js";

/** @typedef {import("../types.js").Project} Project */

/** What a server without tokens calls everybody. */
export const ANYBODY = "local";

/** Whether the person is an annotator: who reviews may also change labels and remove images. @param {Pick<Project, "person">} project */
export const isAnnotator = ({ person }) => person?.role === "annotator";

/**
 * Why an image takes no changes of the person; null where it does.
 * @param {import("../types.js").ImageInfo} image @param {Project} project
 * @returns {string | null}
 */
export function closedBecause({ done, review }, project) {
  if (!done || !isAnnotator(project)) return null;
  return isFinal({ review }, project)
    ? t("This image is accepted. Ask a reviewer to return it.")
    : t("This image is done. Mark it as not done (W) to change it.");
}

/** Whether the person may not even mark an image as not done. @param {{review?: string | null}} image @param {Project} project */
export const isFinal = ({ review }, project) => review === "accepted" && isAnnotator(project);
