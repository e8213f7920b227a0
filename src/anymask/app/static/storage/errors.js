/** What can go wrong between the app and where it keeps masks. */
import { t } from "../language.js";

/** Another revision came between: `current` is the one stored now. */
export class ConflictError extends Error {
  /** @param {import("../types.js").Mask} current */
  constructor(current) {
    super(t("another version of this mask was saved in the meantime"));
    this.current = current;
  }
}

/** The server does not respond, or cannot do it now: the same request may be sent again later. */
export class OfflineError extends Error {
  /** @param {string} [sentence] what the server says, if it does @param {ErrorOptions} [options] */
  constructor(sentence, options) {
    super(sentence ?? t("the server does not respond"), options);
    this.sentence = sentence ?? null;
  }
}

/** The server refused, with a sentence for the user. */
export class RefusedError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** A job was cancelled, by this page or by somebody else. */
export class CancelledError extends Error {
  constructor() {
    super(t("it was cancelled"));
  }
}

/** What is wrong where an image has no file, and what to do. */
export const MISSING = t("its file is missing; put it back into the project's folder and reload the page");

/** What a status means to a person. @type {Record<number, string>} */
const MEANINGS = {
  401: t("you are signed out; reload the page and enter your token"),
  404: t("it is no longer in this project"),
  413: t("it is too large"),
  422: t("the server did not understand the request; reload the page"),
};
/** The server's sentences for programs: what must be, what is, what to do. */
const EXACT = /^(.+ must (?:be|have|hold|include|name|end) .+?), got .+?\.( [A-Z].+)$/;

/** What is wrong with a file that was given as an image, to stand in a sentence. @param {unknown} error */
export function imageReason(error) {
  if (!(error instanceof RefusedError && [400, 422].includes(error.status))) return reasonOf(error);
  const [, most] = error.message.match(/ at most (\d+) pixels/) ?? [];
  if (most) return t("it has more than {most} megapixels", { most: Math.floor(Number(most) / 1e6) });
  return t("it cannot be read as an image");
}

/** What an error says to a person, to stand in a sentence. @param {unknown} error */
export function reasonOf(error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RefusedError && error.message.includes("which is missing")) return MISSING;
  const plain = error instanceof RefusedError ? (MEANINGS[error.status] ?? message) : message;
  return plain.replace(EXACT, "$1.$2").replace(/\.$/, "");
}
